// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <type_traits>

#include "kernels/lora/lora_gradient_wide.h"
#include "kernels/lora/lora_tiles.cuh"

namespace caravan::kernels::cuda {

using namespace lora;

namespace {

// Splits of the tokens, so that tiles x splits fill the card in whole waves; the same on every card.
constexpr int kMostSplits = 24;

// Blocks of the gradient kernel that share a multiprocessor: enough loads under way to fill the memory.
constexpr int residentBlocks(int sites) {
    return sites == 1 ? 4 : 2;
}

int splitsOf(std::int64_t tokens, std::int64_t columns, int sites) {
    const std::int64_t slots = 132 * residentBlocks(sites);
    const std::int64_t tiles = columns / kTile, chunks = (tokens + kTile - 1) / kTile;
    int best = 1;
    double cost = 1e30;
    for (int splits = 1; splits <= kMostSplits && (splits == 1 || splits * 4 <= chunks); ++splits) {
        const auto waves = static_cast<double>((tiles * splits + slots - 1) / slots);
        const double now = waves / splits + 0.01 * splits;
        if (now < cost) {
            cost = now;
            best = splits;
        }
    }
    return best;
}

// One block per 64 columns and split of the tokens: scratch [split, 64 Sites, columns], or [split, columns,
// 64] transposed.
template <int Sites, bool Masked>
__global__ void __launch_bounds__(kThreads, residentBlocks(Sites))
    gradientKernel(LoraGradient g, LoraSites sites, std::int64_t perSplit) {
    extern __shared__ __align__(16) Bf16 shared[];
    constexpr int kInputs = Masked ? Sites : 1, kStage = (kInputs + Sites) * kTileElements;
    const auto* x = static_cast<const Bf16*>(g.x);
    const auto* rows = static_cast<const Bf16*>(g.rows);
    const std::int64_t firstColumn = blockIdx.x * std::int64_t{kTile}, begin = blockIdx.y * perSplit,
                       end = min(g.tokens, begin + perSplit);
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, m0 = (warp & 3) * 16, n0 = (warp >> 2) * 32;
    Sums<Sites> sums;
    uint4 nextX[2], nextRows[Sites][2];
    const auto fetch = [&](std::int64_t token) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const Piece at(i);
            const bool inside = token + at.row < end;
            nextX[i] = loadOrZero(x + (token + at.row) * g.xStride + firstColumn + at.column, inside);
#pragma unroll
            for (int s = 0; s < Sites; ++s)
                nextRows[s][i] =
                    loadOrZero(rows + (token + at.row) * g.rowStride + s * kTile + at.column, inside);
        }
    };
    if (begin < end) fetch(begin);
    for (std::int64_t token = begin; token < end; token += kTile) {
        Bf16* xTiles = shared + ((token - begin) / kTile & 1) * kStage;  // two stages take turns
        Bf16* rowTiles = xTiles + kInputs * kTileElements;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const Piece at(i);
            if (!Masked) store(xTiles, at, nextX[i]);
#pragma unroll
            for (int s = 0; s < Sites; ++s) {
                if (Masked)
                    store(
                        xTiles + s * kTileElements, at,
                        masked(nextX[i], sites.mask[s], token + at.row, g.columns, firstColumn + at.column));
                store(rowTiles + s * kTileElements, at, nextRows[s][i]);
            }
        }
        __syncthreads();
        if (token + kTile < end) fetch(token + kTile);
#pragma unroll
        for (int s = 0; s < Sites; ++s)
            multiplyColumns(sums.v[s], rowTiles + s * kTileElements,
                            xTiles + (Masked ? s : 0) * kTileElements, m0, n0);
    }
    float* out = g.scratch + blockIdx.y * Sites * kTile * g.columns;
#pragma unroll
    for (int s = 0; s < Sites; ++s)
#pragma unroll
        for (int n = 0; n < 4; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const std::int64_t rank = s * kTile + m0 + lane / 4 + (i >> 1) * 8,
                                   column = firstColumn + n0 + n * 8 + lane % 4 * 2 + (i & 1);
                out[g.transposed ? column * kTile + rank : rank * g.columns + column] = sums.v[s][n][i];
            }
}

// sum += factor * (splits of scratch, in order)
__global__ void addSplitsKernel(LoraGradient g, float factor, int splits, std::int64_t sites) {
    const std::int64_t perSite = kTile * g.columns,
                       i = (blockIdx.x * std::int64_t{kThreads} + threadIdx.x) * 4;
    if (i >= sites * perSite) return;
    float4 total = make_float4(0, 0, 0, 0);
    for (int split = 0; split < splits; ++split) {
        const float4 v = *reinterpret_cast<const float4*>(g.scratch + split * sites * perSite + i);
        total.x += v.x, total.y += v.y, total.z += v.z, total.w += v.w;
    }
    auto* to = reinterpret_cast<float4*>(g.sum[i / perSite] + i % perSite);
    float4 v = *to;
    v.x += factor * total.x, v.y += factor * total.y, v.z += factor * total.z, v.w += factor * total.w;
    *to = v;
}

template <int Sites, bool Masked>
int launchGradient(const LoraGradient& g, const LoraSites& sites, int splits, Stream stream) {
    constexpr std::size_t kBytes = 2 * ((Masked ? Sites : 1) + Sites) * kTileElements * sizeof(Bf16);
    const auto kernel = gradientKernel<Sites, Masked>;
    static const int allowed = allow(kernel, kBytes);
    if (allowed != 0) return allowed;
    const std::int64_t chunks = (g.tokens + kTile - 1) / kTile,
                       perSplit = (chunks + splits - 1) / splits * kTile;
    const dim3 grid(static_cast<unsigned>(g.columns / kTile), static_cast<unsigned>(splits));
    kernel<<<grid, kThreads, kBytes, stream>>>(g, sites, perSplit);
    const float factor = Masked ? g.scale[0] * sites.mask[0].scale : g.scale[0];
    addSplitsKernel<<<blocksFor(Sites * kTile * g.columns, kThreads * 4), kThreads, 0, stream>>>(
        g, factor, splits, Sites);
    return launched();
}

}  // namespace

std::int64_t loraGradientScratch(std::int64_t tokens, std::int64_t columns, int sites) {
    return splitsOf(tokens, columns, sites) * sites * kTile * columns;
}

int loraGradient(const LoraGradient& g, const LoraSites& sites, Stream stream) {
    if (g.tokens == 0) return 0;
    if (wideTakes(g, sites)) return wideGradient(g, sites, stream);
    if (g.transposed) {  // site by site
        for (int i = 0; i < sites.count; ++i) {
            LoraGradient one = g;
            one.x = static_cast<const Bf16*>(g.x) + g.first[i];
            one.rows = static_cast<const Bf16*>(g.rows) + i * kLoraRank;
            one.columns = g.width[i];
            one.sum[0] = g.sum[i];
            one.scale[0] = g.scale[i];
            const int splits = splitsOf(g.tokens, one.columns, 1);
            if (const int error = launchGradient<1, false>(one, sites, splits, stream)) return error;
        }
        return 0;
    }
    const int splits = splitsOf(g.tokens, g.columns, sites.count);
    return forSites(sites.count, [&](auto count) {
        constexpr int kCount = decltype(count)::value;
        return sites.masked ? launchGradient<kCount, true>(g, sites, splits, stream)
                            : launchGradient<kCount, false>(g, sites, splits, stream);
    });
}

}  // namespace caravan::kernels::cuda
