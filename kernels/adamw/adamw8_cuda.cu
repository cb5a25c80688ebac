// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/adamw/adamw8.h"
#include "kernels/adamw/rounded.cuh"
#include "kernels/common/device.cuh"
#include "kernels/nf4/dynamic_map.h"

// Log, one H200, 1.235 B parameters. Floor: fp32 parameters, gradients, two codes: 16 bytes a parameter.
// v1, a block of threads per state block, codes by bisection over the map: 17 % of copy.
// v2, a warp per state block, eight values a lane, a code counted on from where its exponent and five bits of
// its
//     mantissa begin (predicted: copy speed): 7.33 ms, 2.71 TB/s = 65 % of copy. The tables' look-ups in
//     shared memory are left.
namespace caravan::kernels::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int kTurns = 4;  // state blocks that a warp handles: the tables are read once for all of them

// The code of x is the number of midpoints between neighbouring map values below x. Where to begin counting
// follows from x's exponent and five bits of its mantissa; bins end at 2^-25, below which everything is bin
// 0.
constexpr int kBins = 26 * 32;
constexpr int kFirstBin = (127 - 25) * 32;
struct Starts {
    std::uint8_t positive[kBins], negative[kBins], plain[kBins];  // plain: the unsigned map
};
__constant__ float kSigned[256];
__constant__ float kUnsigned[256];
__device__ Starts kStarts;

float lowestOf(int bin) {
    if (bin <= 0) return 0.0f;
    const std::uint32_t bits = static_cast<std::uint32_t>(bin + kFirstBin) << 18;
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
std::uint8_t midpointsBelow(const float* map, float x) {
    int count = 0;
    while (count < 255 && x > (map[count] + map[count + 1]) * 0.5f)
        ++count;
    return static_cast<std::uint8_t>(count);
}
Starts makeStarts() {
    Starts starts{};
    for (int bin = 0; bin < kBins; ++bin) {
        starts.positive[bin] = midpointsBelow(kDynamicMapSigned, lowestOf(bin));
        starts.plain[bin] = midpointsBelow(kDynamicMapUnsigned, lowestOf(bin));
        starts.negative[bin] =
            bin == kBins - 1 ? std::uint8_t{0} : midpointsBelow(kDynamicMapSigned, -lowestOf(bin + 1));
    }
    return starts;
}

int fillTables() {
    static std::uint64_t filled = 0;
    int device = 0;
    if (const auto error = cudaGetDevice(&device)) return static_cast<int>(error);
    if (device < 64 && (filled >> device & 1)) return 0;
    static const Starts starts = makeStarts();
    if (const auto error = cudaMemcpyToSymbol(kSigned, kDynamicMapSigned, sizeof kDynamicMapSigned))
        return static_cast<int>(error);
    if (const auto error = cudaMemcpyToSymbol(kUnsigned, kDynamicMapUnsigned, sizeof kDynamicMapUnsigned))
        return static_cast<int>(error);
    if (const auto error = cudaMemcpyToSymbol(kStarts, &starts, sizeof starts))
        return static_cast<int>(error);
    if (device < 64) filled |= std::uint64_t{1} << device;
    return 0;
}

struct Tables {
    float map1[256], map2[256], middle1[256], middle2[256];
    Starts starts;

    __device__ void fill() {
        for (int i = threadIdx.x; i < 256; i += kWarps * 32) {
            map1[i] = kSigned[i];
            map2[i] = kUnsigned[i];
            middle1[i] = i < 255 ? __fmul_rn(__fadd_rn(kSigned[i], kSigned[i + 1]), 0.5f) : INFINITY;
            middle2[i] = i < 255 ? __fmul_rn(__fadd_rn(kUnsigned[i], kUnsigned[i + 1]), 0.5f) : INFINITY;
        }
        const auto* from = reinterpret_cast<const std::uint32_t*>(&kStarts);
        auto* to = reinterpret_cast<std::uint32_t*>(&starts);
        for (int i = threadIdx.x; i < static_cast<int>(sizeof starts / 4); i += kWarps * 32)
            to[i] = from[i];
        __syncthreads();
    }
};
static_assert(sizeof(Starts) % 4 == 0);

__device__ __forceinline__ int nearest(const float* middle, const std::uint8_t* starts, float x) {
    if (isnan(x)) return 0;
    const int bin = static_cast<int>((__float_as_uint(x) & 0x7FFFFFFFu) >> 18) - kFirstBin;
    int code = starts[min(max(bin, 0), kBins - 1)];
    while (x > middle[code])
        ++code;
    return code;
}

// Eight neighbours of a state block; beyond the end of the buffers everything is zero.
template <class P, class G>
struct Eights {
    float p[8], g[8];
    std::uint8_t c1[8], c2[8];
};
template <class P, class G>
__device__ __forceinline__ void loadEights(Eights<P, G>& e, const P* parameters, const G* gradients,
                                           const AdamW8Tensors& t, std::int64_t at, bool whole) {
    if (whole) {
        const auto p = loadEight(parameters + at);
        const auto g = loadEight(gradients + at);
        for (int i = 0; i < 8; ++i) {
            e.p[i] = p.v[i];
            e.g[i] = g.v[i];
        }
        *reinterpret_cast<uint2*>(e.c1) = *reinterpret_cast<const uint2*>(t.codes1 + at);
        *reinterpret_cast<uint2*>(e.c2) = *reinterpret_cast<const uint2*>(t.codes2 + at);
        return;
    }
    for (int i = 0; i < 8; ++i) {
        const bool inside = at + i < t.count;
        e.p[i] = inside ? toFloat(parameters[at + i]) : 0.0f;
        e.g[i] = inside ? toFloat(gradients[at + i]) : 0.0f;
        e.c1[i] = inside ? t.codes1[at + i] : 0;
        e.c2[i] = inside ? t.codes2[at + i] : 0;
    }
}

// A warp per state block; the CPU's order of roundings. Of bf16 parameters that are rounded at random the
// update and the decay are one value.
template <class P, class G>
__global__ void __launch_bounds__(kWarps * 32)
    adamW8Kernel(P* parameters, const G* gradients, AdamW8Tensors t, AdamW8Rates r, bool decay,
                 bool aligned) {
    __shared__ __align__(16) Tables tables;
    if (t.finite != nullptr && *t.finite == 0.0f) return;
    tables.fill();
    const float scale = t.gradientScale != nullptr ? *t.gradientScale : 1.0f;
    const std::int64_t blocks = (t.count + kStateBlock - 1) / kStateBlock;
    for (int turn = 0; turn < kTurns; ++turn) {
        const std::int64_t block = (blockIdx.x * std::int64_t{kTurns} + turn) * kWarps + (threadIdx.x >> 5),
                           at = block * kStateBlock + (threadIdx.x & 31) * 8;
        if (block >= blocks) return;
        const bool whole = aligned && at + 8 <= t.count;
        Eights<P, G> e;
        loadEights(e, parameters, gradients, t, at, whole);
        const float old1 = t.absmax1[block], old2 = t.absmax2[block];
        float m[8], v[8], top1 = 0, top2 = 0;
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            m[i] = v[i] = 0;
            if (!isfinite(e.g[i]) || at + i >= t.count) continue;
            const float g = __fmul_rn(e.g[i], scale), m0 = __fmul_rn(tables.map1[e.c1[i]], old1),
                        v0 = __fmul_rn(tables.map2[e.c2[i]], old2);
            m[i] = __fadd_rn(__fmul_rn(m0, r.beta1), __fmul_rn(1.0f - r.beta1, g));
            v[i] = __fadd_rn(__fmul_rn(v0, r.beta2), __fmul_rn(__fmul_rn(1.0f - r.beta2, g), g));
            const float updated =
                __fmaf_rn(-r.rate, __fdiv_rn(m[i], __fadd_rn(__fsqrt_rn(v[i]), r.eps)), e.p[i]);
            const float p = t.rounding.atRandom ? updated : toFloat(fromFloat<P>(updated));
            e.p[i] = decay ? __fmul_rn(p, r.keep) : p;
            top1 = fmaxf(top1, fabsf(m[i]));
            top2 = fmaxf(top2, fabsf(v[i]));
        }
        top1 = warpReduce(top1, Larger{});
        top2 = warpReduce(top2, Larger{});
        if ((threadIdx.x & 31) == 0) {
            t.absmax1[block] = top1;
            t.absmax2[block] = top2;
        }
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            int code = 255;
            if (top1 != 0) {
                const float x = __fdiv_rn(m[i], top1);
                code =
                    nearest(tables.middle1, signbit(x) ? tables.starts.negative : tables.starts.positive, x);
                if (signbit(tables.map1[code]) != signbit(m[i])) code += m[i] > 0 ? 1 : -1;
            }
            e.c1[i] = static_cast<std::uint8_t>(code);
            e.c2[i] = top2 == 0 ? 0
                                : static_cast<std::uint8_t>(
                                      nearest(tables.middle2, tables.starts.plain, __fdiv_rn(v[i], top2)));
        }
        if constexpr (sizeof(P) == 2) roundEight(t.rounding, at, e.p);
        if (whole) {
            storeEight(parameters + at, e.p);
            *reinterpret_cast<uint2*>(t.codes1 + at) = *reinterpret_cast<const uint2*>(e.c1);
            *reinterpret_cast<uint2*>(t.codes2 + at) = *reinterpret_cast<const uint2*>(e.c2);
            continue;
        }
        for (int i = 0; i < 8 && at + i < t.count; ++i) {
            parameters[at + i] = fromFloat<P>(e.p[i]);
            t.codes1[at + i] = e.c1[i];
            t.codes2[at + i] = e.c2[i];
        }
    }
}

}  // namespace

int adamW8(const AdamW8Tensors& t, const AdamWStep& step, Stream stream) {
    if (t.count == 0) return 0;
    if (const int error = fillTables()) return error;
    const AdamW8Rates rates = adamW8Rates(step);
    const bool aligned =
        aligned16(t.parameters) && aligned16(t.gradients) && aligned16(t.codes1) && aligned16(t.codes2);
    forElement(t.parameterElement, [&](auto parameterType) {
        using P = decltype(parameterType);
        forElement(t.gradientElement, [&](auto gradientType) {
            using G = decltype(gradientType);
            adamW8Kernel<P, G><<<blocksFor(t.count, kStateBlock * kWarps * kTurns), kWarps * 32, 0, stream>>>(
                static_cast<P*>(t.parameters), static_cast<const G*>(t.gradients), t, rates,
                step.weightDecay > 0, aligned);
        });
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
