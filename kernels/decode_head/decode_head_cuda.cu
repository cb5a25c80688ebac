// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "kernels/common/dependent.cuh"
#include "kernels/common/octet.cuh"
#include "kernels/decode_head/decode_head.h"

namespace caravan::kernels::cuda {
namespace {

constexpr std::int64_t kMostVectors = 16;

struct HeadLaunch {
    const Bf16 *input = nullptr, *norm = nullptr, *weight = nullptr;
    float* out = nullptr;
    float eps = 0;
    int width = 0, rows = 0, batch = 1, inputStride = 0, partsAt = 0;
    std::int64_t outStride = 0;
    RowCut cut;
    Divider blocks, subs;
};

// The states after their norm, to shared memory. Ends with a barrier.
__device__ __forceinline__ void stageStates(const HeadLaunch& a, unsigned char* x) {
    const int perRow = a.width / 8;
    for (int b = 0; b < a.batch; ++b) {
        const Bf16* in = a.input + std::int64_t{b} * a.width;
        float r = 1, squares = 0;
        if (a.norm) {
            for (int i = threadIdx.x; i < perRow; i += kTeamThreads) {
                const Eight<Bf16> v = loadEight(in + i * 8);
#pragma unroll
                for (int j = 0; j < 8; ++j)
                    squares += v.v[j] * v.v[j];
            }
            r = 1.0f / sqrtf(blockReduce(squares, 0.0f, Plus{}) / static_cast<float>(a.width) + a.eps);
        }
        for (int i = threadIdx.x; i < perRow; i += kTeamThreads) {
            Eight<Bf16> v = loadEight(in + i * 8);
            if (a.norm) {
                const Eight<Bf16> w = loadEight(a.norm + i * 8);
#pragma unroll
                for (int j = 0; j < 8; ++j)
                    v.v[j] = v.v[j] * r * w.v[j];
            }
            storeEight(reinterpret_cast<Bf16*>(x + b * a.inputStride) + i * 8, v.v);
        }
    }
    __syncthreads();
}

// N: tiles of eight sequences.
template <int N>
__global__ __launch_bounds__(kTeamThreads, 1) void headKernel(const __grid_constant__ HeadLaunch a) {
    extern __shared__ __align__(16) unsigned char shared[];
    float* parts = reinterpret_cast<float*>(shared + a.partsAt);  // twice
    const int g = (threadIdx.x & 31) >> 2, round = kRound * 8 * a.batch * kPartStride;
    const BlockShare rows(a.rows, a.blocks);
    const int subs = a.cut.subs, units = (rows.count() + 7) / 8 * subs;
    OctetRows<N> product(a.cut, a.width);
    const auto load = [&](uint4(&w)[kLoads], int unit) {
        if (unit >= units) return;
        const int octet = a.subs.quotient(unit), row = rows.begin + octet * 8 + g;
        product.load(w, row < rows.end ? a.weight + std::int64_t{row} * a.width : nullptr,
                     a.subs.rest(unit, octet));
    };
    const auto step = [&](const uint4(&w)[kLoads], int unit) {
        if (unit >= units) return;
        const int octet = a.subs.quotient(unit), sub = a.subs.rest(unit, octet);
        product.multiply(w, sub, shared, a.inputStride, a.batch);
        if (sub + 1 < subs) return;
        const int inRound = octet % kRound, first = octet - inRound;
        float* own = parts + octet / kRound % 2 * round;
        product.leave(own + inRound * 8 * a.batch * kPartStride, a.batch);
        if (inRound + 1 < kRound && unit + 1 < units) return;
        __syncthreads();
        const int base = rows.begin + first * 8, count = min(kRound * 8, rows.end - base);
        for (int i = threadIdx.x; i < count * a.batch; i += kTeamThreads) {
            const int b = i / count, row = i % count;
            a.out[b * a.outStride + base + row] =
                toFloat(fromFloat<Bf16>(sumOfParts(own + (row * a.batch + b) * kPartStride)));
        }
    };
    uint4 even[kLoads], odd[kLoads];
    load(even, 0);
    load(odd, 1);
    previousDone();
    allowNext();
    stageStates(a, shared);
    for (int unit = 0; unit < units; unit += 2) {
        step(even, unit);
        load(even, unit + 2);
        step(odd, unit + 1);
        load(odd, unit + 3);
    }
}

std::size_t bytesOf(HeadLaunch& a, std::int64_t batch) {
    a.partsAt = static_cast<int>(batch * a.inputStride);
    return static_cast<std::size_t>(a.partsAt + 2 * batch * kRound * 8 * kPartStride * 4);
}

bool suits(Element element, const DecodeLinear& l) {
    return element == Element::BF16 && l.partCount == 1 && l.sideCount == 0 && !l.swiglu && !l.residual &&
           l.wide && l.parts[0].dense && !l.parts[0].bias && !l.parts[0].loraB && l.parts[0].column == 0 &&
           l.inner % kChunkValues == 0 && l.inner <= 16384 && l.parts[0].rows <= (1 << 30) / 16 &&
           aligned16(l.parts[0].dense) && aligned16(l.input) && aligned16(l.norm) && l.batch >= 1 &&
           l.batch <= kMostVectors;
}

}  // namespace

int decodeHead(Element element, const DecodeLinear& l, Stream stream) {
    if (!suits(element, l)) return decodeLinear(element, l, stream);
    HeadLaunch a;
    a.weight = static_cast<const Bf16*>(l.parts[0].dense);
    a.norm = static_cast<const Bf16*>(l.norm);
    a.eps = l.eps;
    a.width = static_cast<int>(l.inner);
    a.rows = static_cast<int>(l.parts[0].rows);
    a.outStride = l.outStride;
    a.cut = cutOf(l.inner);
    a.subs = Divider(a.cut.subs);
    a.blocks = Divider(deviceTraits().multiprocessors);
    a.inputStride = vectorStride(l.inner);
    const auto room = static_cast<std::size_t>(deviceTraits().sharedPerBlock) - 1024;
    std::int64_t count = l.batch;
    while (count > 1 && bytesOf(a, count) > room)
        --count;
    const std::int64_t launches = (l.batch + count - 1) / count;
    count = (l.batch + launches - 1) / launches;
    const auto blocks = static_cast<unsigned>(deviceTraits().multiprocessors);
    for (std::int64_t b = 0; b < l.batch; b += count) {
        a.batch = static_cast<int>(std::min(count, l.batch - b));
        a.input = static_cast<const Bf16*>(l.input) + b * l.inner;
        a.out = static_cast<float*>(l.out) + b * l.outStride;
        const std::size_t shared = bytesOf(a, a.batch);
        const int error = a.batch <= 8
                              ? launchDependent(headKernel<1>, blocks, kTeamThreads, shared, stream, a)
                              : launchDependent(headKernel<2>, blocks, kTeamThreads, shared, stream, a);
        if (error != 0) return error;
    }
    return 0;
}

}  // namespace caravan::kernels::cuda
