// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <type_traits>

#include "kernels/lora/lora_down_wide.h"
#include "kernels/lora/lora_tiles.cuh"

// Log, goes on from lora.h. Two stages in shared memory that take turns, one barrier a chunk instead of two,
// in the products for h, for dh (that kernel has gone since: nothing called it) and for the gradients
// (predicted: 20 ms of a step's 88): 88.6 -> 86.9 ms of a 7B step at 8x2048 without dropout, no more than two
// runs differ by. The barrier was not what they wait for.
namespace caravan::kernels::cuda {

using namespace lora;

namespace {

// Splits of an inner dimension of `chunks` tiles, so that `tiles` blocks become about as many as the card
// holds at once; the same on every card.
int productSplits(std::int64_t tiles, std::int64_t chunks) {
    const std::int64_t wanted = (kSlots + tiles - 1) / tiles, most = (chunks + 3) / 4;
    return static_cast<int>(std::max<std::int64_t>(1, std::min({wanted, most, std::int64_t{16}})));
}
std::int64_t columnsPerSplit(std::int64_t columns, int splits) {
    return ((columns / kTile + splits - 1) / splits) * kTile;
}

// A warp's sums of one site to out [tokens, 64 count], or as they are to partial of the same shape in fp32.
__device__ __forceinline__ void storeSums(const float (&sum)[4][4], float scale, Bf16* out, float* partial,
                                          std::int64_t firstToken, std::int64_t tokens, int width,
                                          int column) {
    const int lane = threadIdx.x & 31;
#pragma unroll
    for (int n = 0; n < 4; ++n)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const std::int64_t token = firstToken + lane / 4 + half * 8;
            if (token >= tokens) continue;
            const std::int64_t at = token * width + column + n * 8 + lane % 4 * 2;
            if (partial != nullptr)
                *reinterpret_cast<float2*>(partial + at) =
                    make_float2(sum[n][half * 2], sum[n][half * 2 + 1]);
            else
                *reinterpret_cast<std::uint32_t*>(out + at) =
                    packBf16(sum[n][half * 2] * scale, sum[n][half * 2 + 1] * scale);
        }
}

// One block per 64 tokens and split of the columns; chunks of 64 columns, the next one on its way in
// registers.
template <int Sites, bool Masked>
__global__ void __launch_bounds__(kThreads, 2)
    downKernel(const Bf16* x, LoraSites sites, Bf16* h, float* partial, std::int64_t tokens,
               std::int64_t columns, std::int64_t perSplit) {
    extern __shared__ __align__(16) Bf16 shared[];
    constexpr int kInputs = Masked ? Sites : 1, kStage = (kInputs + Sites) * kTileElements;
    const std::int64_t first = blockIdx.x * std::int64_t{kTile}, begin = blockIdx.y * perSplit,
                       end = min(columns, begin + perSplit);
    const int warp = threadIdx.x >> 5, m0 = (warp & 3) * 16, n0 = (warp >> 2) * 32;
    Sums<Sites> sums;
    uint4 nextX[2], nextA[Sites][2];
    const auto fetch = [&](std::int64_t chunk) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const Piece at(i);
            nextX[i] =
                loadOrZero(x + (first + at.row) * columns + chunk + at.column, first + at.row < tokens);
#pragma unroll
            for (int s = 0; s < Sites; ++s)
                nextA[s][i] = *reinterpret_cast<const uint4*>(static_cast<const Bf16*>(sites.a[s]) +
                                                              at.row * columns + chunk + at.column);
        }
    };
    if (begin < end) fetch(begin);
    for (std::int64_t chunk = begin; chunk < end; chunk += kTile) {
        // Two stages take turns: a warp that is ahead fills the other one.
        Bf16* xTiles = shared + ((chunk - begin) / kTile & 1) * kStage;
        Bf16* aTiles = xTiles + kInputs * kTileElements;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const Piece at(i);
            if (!Masked) store(xTiles, at, nextX[i]);
#pragma unroll
            for (int s = 0; s < Sites; ++s) {
                if (Masked)
                    store(xTiles + s * kTileElements, at,
                          masked(nextX[i], sites.mask[s], first + at.row, columns, chunk + at.column));
                store(aTiles + s * kTileElements, at, nextA[s][i]);
            }
        }
        __syncthreads();
        if (chunk + kTile < end) fetch(chunk + kTile);
#pragma unroll
        for (int s = 0; s < Sites; ++s)
            multiplyRows(sums.v[s], xTiles + (Masked ? s : 0) * kTileElements, aTiles + s * kTileElements, m0,
                         n0);
    }
    if (partial != nullptr) partial += blockIdx.y * tokens * Sites * kTile;
#pragma unroll
    for (int s = 0; s < Sites; ++s)
        storeSums(sums.v[s], sites.mask[s].scale, h, partial, first + m0, tokens, Sites * kTile,
                  s * kTile + n0);
}

struct Scales {
    float of[kLoraSites];
};

// out = scale of the part * (splits of partial, in order); two neighbours a thread
__global__ void sumSplitsKernel(const float* partial, Bf16* out, Scales scales, int splits,
                                std::int64_t pairs, int width) {
    const std::int64_t i = (blockIdx.x * std::int64_t{kThreads} + threadIdx.x) * 2;
    if (i >= pairs * 2) return;
    float2 total = make_float2(0, 0);
    for (int split = 0; split < splits; ++split) {
        const float2 v = *reinterpret_cast<const float2*>(partial + split * pairs * 2 + i);
        total.x += v.x, total.y += v.y;
    }
    const float scale = scales.of[i % width / kTile];
    *reinterpret_cast<std::uint32_t*>(out + i) = packBf16(total.x * scale, total.y * scale);
}

int sumSplits(const float* partial, void* out, const Scales& scales, int splits, std::int64_t tokens,
              int count, Stream stream) {
    const std::int64_t pairs = tokens * count * kTile / 2;
    sumSplitsKernel<<<blocksFor(pairs, kThreads), kThreads, 0, stream>>>(
        partial, static_cast<Bf16*>(out), scales, splits, pairs, count * static_cast<int>(kTile));
    return launched();
}

int downSplits(std::int64_t tokens, std::int64_t columns) {
    return productSplits((tokens + kTile - 1) / kTile, columns / kTile);
}

template <int Sites, bool Masked>
int launchDown(const void* x, const LoraSites& sites, void* h, float* scratch, std::int64_t tokens,
               std::int64_t columns, Stream stream) {
    constexpr std::size_t kBytes = 2 * ((Masked ? Sites : 1) + Sites) * kTileElements * sizeof(Bf16);
    const auto kernel = downKernel<Sites, Masked>;
    static const int allowed = allow(kernel, kBytes);
    if (allowed != 0) return allowed;
    const int splits = downSplits(tokens, columns);
    const dim3 grid(blocksFor(tokens, kTile), static_cast<unsigned>(splits));
    kernel<<<grid, kThreads, kBytes, stream>>>(static_cast<const Bf16*>(x), sites, static_cast<Bf16*>(h),
                                               splits > 1 ? scratch : nullptr, tokens, columns,
                                               columnsPerSplit(columns, splits));
    if (splits == 1) return launched();
    Scales scales{};
    for (int i = 0; i < Sites; ++i)
        scales.of[i] = sites.mask[i].scale;
    return sumSplits(scratch, h, scales, splits, tokens, Sites, stream);
}

}  // namespace

std::int64_t loraDownScratch(std::int64_t tokens, std::int64_t columns, int sites) {
    const int splits = downSplits(tokens, columns);
    return splits == 1 ? 0 : splits * tokens * sites * kTile;
}

int loraDown(const void* x, const LoraSites& sites, void* h, float* scratch, std::int64_t tokens,
             std::int64_t columns, Stream stream) {
    if (tokens == 0) return 0;
    if (lora::downWideTakes(x, sites, tokens, columns))
        return lora::downWide(x, sites, h, tokens, columns, stream);
    return forSites(sites.count, [&](auto count) {
        constexpr int kCount = decltype(count)::value;
        return sites.masked ? launchDown<kCount, true>(x, sites, h, scratch, tokens, columns, stream)
                            : launchDown<kCount, false>(x, sites, h, scratch, tokens, columns, stream);
    });
}

}  // namespace caravan::kernels::cuda
