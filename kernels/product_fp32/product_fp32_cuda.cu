// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "kernels/common/dependent.cuh"
#include "kernels/product_fp32/tiles.cuh"

namespace caravan::kernels::cuda {
namespace fp32 {
namespace {

bool suits(const float* p, std::int64_t stride) {
    return aligned16(p) && stride % 4 == 0;
}

bool suits(const Fp32Stretch& s) {
    return s.inner % kFp32Unit == 0 && s.inner < (1 << 24) &&
           (s.inner == 0 || (suits(s.a, s.aStride) && suits(s.b, s.bStride)));
}

template <class S>
int launch(const Jobs& jobs, Stream stream) {
    if (deviceTraits().sharedPerBlock < S::kBytes) return kFp32NotTaken;
    static const auto allowed =
        cudaFuncSetAttribute(productKernel<S>, cudaFuncAttributeMaxDynamicSharedMemorySize, S::kBytes);
    if (allowed != cudaSuccess) return static_cast<int>(allowed);
    const int blocks = std::min(jobs.tiles, deviceTraits().multiprocessors);
    productKernel<S><<<static_cast<unsigned>(blocks), kThreads, S::kBytes, stream>>>(jobs);
    return launched();
}

template <class S>
int launchRows(const Fp32Products& products, Stream stream) {
    Jobs jobs{};
    jobs.splits = 1;
    for (int i = 0; i < products.count; ++i) {
        const Fp32Product& p = products.of[i];
        if (p.rows == 0) continue;
        Job& job = jobs.of[jobs.count++];
        job = {
            {},         p.y,  p.yStride, static_cast<int>(p.rows), static_cast<int>(p.columns / S::kColumns),
            jobs.tiles, p.add};
        for (int k = 0; k < kFp32Stretches && p.stretch[k].inner > 0; ++k) {
            const Fp32Stretch& s = p.stretch[k];
            job.stretch[k] = {s.a,
                              s.b,
                              s.aStride,
                              s.bStride,
                              static_cast<int>(s.inner / kDeep),
                              s.masked == Fp32Mask::None ? s.scale : s.scale * s.mask.scale,
                              s.masked != Fp32Mask::None,
                              s.mask};
        }
        jobs.tiles += job.columnTiles * static_cast<int>(blocksFor(p.rows, S::kRows));
    }
    return jobs.tiles == 0 ? 0 : launch<S>(jobs, stream);
}

using GradientShape = Shape<64, true, true>;
using MaskedGradientShape = Shape<64, true, true, Fp32Mask::Left>;

// Parts of the tokens: about as many blocks as an H200 has multiprocessors; the same on every card.
struct Cut {
    int tiles = 0, splits = 1, chunks = 0;
    explicit Cut(const Fp32Gradients& g) {
        for (int i = 0; i < g.count; ++i)
            tiles += static_cast<int>(g.of[i].rows / 64 * (g.of[i].columns / 64));
        const int all = static_cast<int>((g.tokens + kFp32Unit - 1) / kFp32Unit);  // pairs of chunks
        const int wanted = std::clamp(132 / std::max(tiles, 1), 1, std::max(1, all / 4));
        const int pairs = std::max(1, (all + wanted - 1) / wanted);
        splits = std::max(1, (all + pairs - 1) / pairs);
        chunks = 2 * pairs;
    }
};

// Adds a tile's parts up, in their order.
__global__ void __launch_bounds__(256) addParts(const __grid_constant__ Jobs jobs) {
    const int tile = static_cast<int>(blockIdx.x / 4) * jobs.splits;
    const Place place = Place::of<GradientShape>(jobs, tile);
    const Job& job = jobs.of[place.job];
    const int at = static_cast<int>(blockIdx.x % 4) * 1024 + static_cast<int>(threadIdx.x) * 4;
    const float* part = job.stretch[1].a + static_cast<std::int64_t>(tile) * 4096 + at;
    auto* to =
        reinterpret_cast<float4*>(job.y + (place.row + at / 64) * job.yStride + place.column + at % 64);
    float4 sum = *to, total = make_float4(0, 0, 0, 0);
#pragma unroll 4
    for (int s = 0; s < jobs.splits; ++s) {
        const float4 v = *reinterpret_cast<const float4*>(part + s * 4096);
        total.x += v.x, total.y += v.y, total.z += v.z, total.w += v.w;
    }
    sum.x += total.x, sum.y += total.y, sum.z += total.z, sum.w += total.w;
    *to = sum;
}

bool onHopper() {
    return deviceTraits().major == 9;
}

}  // namespace
}  // namespace fp32

int productFp32(const Fp32Products& products, Stream stream) {
    using namespace fp32;
    if (!onHopper() || products.count < 1 || products.count > kFp32Products) return kFp32NotTaken;
    bool wide = true, left = false, result = false;
    for (int i = 0; i < products.count; ++i) {
        const Fp32Product& p = products.of[i];
        if (p.columns % kFp32Unit != 0 || p.columns < kFp32Unit || p.rows >= (std::int64_t{1} << 24) ||
            !suits(p.y, p.yStride) || p.stretch[0].inner == 0)
            return kFp32NotTaken;
        for (const Fp32Stretch& s : p.stretch) {
            if (!suits(s)) return kFp32NotTaken;
            left = left || s.masked == Fp32Mask::Left;
            result = result || s.masked == Fp32Mask::Result;
        }
        wide = wide && p.columns % 128 == 0;
    }
    if ((left && (result || !products.transposed)) || (result && (products.transposed || !wide)))
        return kFp32NotTaken;
    if (left) return launchRows<Shape<64, false, false, Fp32Mask::Left>>(products, stream);
    if (result) return launchRows<Shape<128, false, true, Fp32Mask::Result>>(products, stream);
    if (products.transposed)
        return wide ? launchRows<Shape<128, false, false>>(products, stream)
                    : launchRows<Shape<64, false, false>>(products, stream);
    return wide ? launchRows<Shape<128, false, true>>(products, stream)
                : launchRows<Shape<64, false, true>>(products, stream);
}

std::int64_t gradientFp32Scratch(const Fp32Gradients& gradients) {
    const fp32::Cut cut(gradients);
    return std::int64_t{cut.tiles} * cut.splits * 4096;
}

int gradientFp32(const Fp32Gradients& gradients, float* scratch, Stream stream) {
    using namespace fp32;
    if (!onHopper() || gradients.count < 1 || gradients.count > kFp32Products ||
        gradients.tokens >= (std::int64_t{1} << 24))
        return kFp32NotTaken;
    if (gradients.tokens == 0) return 0;
    const Cut cut(gradients);
    Jobs jobs{};
    jobs.count = gradients.count;
    jobs.tokens = static_cast<int>(gradients.tokens);
    jobs.splits = cut.splits;
    Jobs sums = jobs;
    bool masked = false;
    for (int i = 0; i < gradients.count; ++i) {
        const Fp32Gradient& g = gradients.of[i];
        if (g.rows % kFp32Unit != 0 || g.columns % kFp32Unit != 0 || !suits(g.a, g.aStride) ||
            !suits(g.b, g.bStride) || !suits(g.sum, g.sumStride))
            return kFp32NotTaken;
        jobs.of[i] = {{{g.a, g.b, g.aStride, g.bStride, cut.chunks,
                        g.masked ? g.scale * g.mask.scale : g.scale, g.masked, g.mask}},
                      scratch,
                      64,
                      static_cast<int>(g.rows),
                      static_cast<int>(g.columns / 64),
                      jobs.tiles,
                      false};
        masked = masked || g.masked;
        sums.of[i] = jobs.of[i];
        sums.of[i].stretch[1].a = scratch;
        sums.of[i].y = g.sum;
        sums.of[i].yStride = g.sumStride;
        jobs.tiles += static_cast<int>(g.rows / 64 * (g.columns / 64)) * cut.splits;
    }
    if (const int error =
            masked ? launch<MaskedGradientShape>(jobs, stream) : launch<GradientShape>(jobs, stream))
        return error;
    addParts<<<static_cast<unsigned>(cut.tiles * 4), 256, 0, stream>>>(sums);
    return launched();
}

}  // namespace caravan::kernels::cuda
