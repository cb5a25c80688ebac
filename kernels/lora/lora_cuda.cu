// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <type_traits>

#include "kernels/common/mma.cuh"
#include "kernels/lora/lora.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;    // 8 warps
constexpr int kTile = 64;        // tokens, columns or ranks of a tile
constexpr int kStride = 64 + 8;  // row of a tile in shared memory: 16 bytes off the banks
constexpr int kTileElements = kTile * kStride;

// A kept element passes, a dropped one becomes zero; the scale is applied to the sums.
__device__ __forceinline__ uint4 masked(uint4 v, const DropoutMask& mask, std::int64_t token,
                                        std::int64_t columns, std::int64_t column) {
    const PhiloxBlock b = philox(
        mask.key, static_cast<std::uint64_t>((mask.rowOffset + token) * blocksPerRow(columns) + column / 8));
    const std::uint32_t limit = mask.threshold | mask.threshold << 16;
    v.x &= __vcmpgeu2(b.word[0], limit);
    v.y &= __vcmpgeu2(b.word[1], limit);
    v.z &= __vcmpgeu2(b.word[2], limit);
    v.w &= __vcmpgeu2(b.word[3], limit);
    return v;
}

__device__ __forceinline__ uint4 loadOrZero(const Bf16* p, bool inside) {
    return inside ? *reinterpret_cast<const uint4*>(p) : make_uint4(0, 0, 0, 0);
}

// Where a thread's two 16-byte pieces of a 64 x 64 tile lie.
struct Piece {
    int row, column;
    __device__ __forceinline__ explicit Piece(int i)
        : row((static_cast<int>(threadIdx.x) + i * kThreads) / 8),
          column((static_cast<int>(threadIdx.x) + i * kThreads) % 8 * 8) {}
};

__device__ __forceinline__ void store(Bf16* tile, const Piece& at, uint4 v) {
    *reinterpret_cast<uint4*>(tile + at.row * kStride + at.column) = v;
}

// Sums of a warp: 16 rows by 32 columns, for each site.
template <int Sites>
struct Sums {
    float v[Sites][4][4] = {};
};

// Row-major tiles a [64, k] and b [64, k]: sum += a b^T.
__device__ __forceinline__ void multiplyRows(float (&sum)[4][4], const Bf16* a, const Bf16* b, int m0,
                                             int n0) {
    const int lane = threadIdx.x & 31;
#pragma unroll
    for (int k = 0; k < kTile; k += 16) {
        std::uint32_t left[4];
        loadMatrices(left, a + (m0 + (lane & 15)) * kStride + k + (lane >> 4) * 8);
#pragma unroll
        for (int n = 0; n < 4; n += 2) {
            std::uint32_t right[4];
            loadMatrices(right,
                         b + (n0 + n * 8 + (lane & 7) + (lane >> 4) * 8) * kStride + k + (lane >> 3 & 1) * 8);
            multiplyTile(sum[n], left, right[0], right[1]);
            multiplyTile(sum[n + 1], left, right[2], right[3]);
        }
    }
}

// Row-major tiles a [k, 64] and b [k, 64]: sum += a^T b.
__device__ __forceinline__ void multiplyColumns(float (&sum)[4][4], const Bf16* a, const Bf16* b, int m0,
                                                int n0) {
    const int lane = threadIdx.x & 31;
#pragma unroll
    for (int k = 0; k < kTile; k += 16) {
        std::uint32_t left[4];
        loadMatricesTransposed(left,
                               a + (k + (lane & 7) + (lane >> 4) * 8) * kStride + m0 + (lane >> 3 & 1) * 8);
#pragma unroll
        for (int n = 0; n < 4; n += 2) {
            std::uint32_t right[4];
            loadMatricesTransposed(right, b + (k + (lane & 15)) * kStride + n0 + n * 8 + (lane >> 4) * 8);
            multiplyTile(sum[n], left, right[0], right[1]);
            multiplyTile(sum[n + 1], left, right[2], right[3]);
        }
    }
}

// One block per 64 tokens; chunks of 64 columns, the next one on its way in registers.
template <int Sites>
__global__ void __launch_bounds__(kThreads, 2)
    downKernel(const Bf16* x, LoraSites sites, Bf16* h, std::int64_t tokens, std::int64_t columns) {
    extern __shared__ __align__(16) Bf16 shared[];
    Bf16* xTiles = shared;
    Bf16* aTiles = shared + Sites * kTileElements;
    const std::int64_t first = blockIdx.x * std::int64_t{kTile};
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, m0 = (warp & 3) * 16, n0 = (warp >> 2) * 32;
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
    fetch(0);
    for (std::int64_t chunk = 0; chunk < columns; chunk += kTile) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const Piece at(i);
#pragma unroll
            for (int s = 0; s < Sites; ++s) {
                store(xTiles + s * kTileElements, at,
                      masked(nextX[i], sites.mask[s], first + at.row, columns, chunk + at.column));
                store(aTiles + s * kTileElements, at, nextA[s][i]);
            }
        }
        __syncthreads();
        if (chunk + kTile < columns) fetch(chunk + kTile);
#pragma unroll
        for (int s = 0; s < Sites; ++s)
            multiplyRows(sums.v[s], xTiles + s * kTileElements, aTiles + s * kTileElements, m0, n0);
        __syncthreads();
    }
#pragma unroll
    for (int s = 0; s < Sites; ++s)
#pragma unroll
        for (int n = 0; n < 4; ++n)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const std::int64_t token = first + m0 + lane / 4 + half * 8;
                if (token >= tokens) continue;
                const float scale = sites.mask[s].scale;
                *reinterpret_cast<std::uint32_t*>(h + token * Sites * kTile + s * kTile + n0 + n * 8 +
                                                  lane % 4 * 2) =
                    packBf16(sums.v[s][n][half * 2] * scale, sums.v[s][n][half * 2 + 1] * scale);
            }
}

constexpr int kWide = 128;               // columns of dx per block
constexpr int kWideStride = kWide + 8;   // of A's tile
constexpr int kStageStride = kWide + 4;  // of the fp32 stage

// One block per 64 tokens and 128 columns of dx.
template <int Sites>
__global__ void __launch_bounds__(kThreads, 2)
    inputKernel(const Bf16* dh, LoraSites sites, Bf16* dx, std::int64_t tokens, std::int64_t columns) {
    __shared__ __align__(16) unsigned char shared[kTile * kStageStride * sizeof(float)];
    Bf16* dhTile = reinterpret_cast<Bf16*>(shared);
    Bf16* aTile = dhTile + kTileElements;
    auto* keep = reinterpret_cast<unsigned char*>(aTile + kTile * kWideStride);  // [64 tokens][16] bits of 8
    auto* stage = reinterpret_cast<float*>(shared);
    static_assert((kTileElements + kTile * kWideStride) * 2 + kTile * 16 <= sizeof shared);
    const std::int64_t firstToken = blockIdx.y * std::int64_t{kTile},
                       firstColumn = blockIdx.x * std::int64_t{kWide};
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, m0 = (warp & 3) * 16, n0 = (warp >> 2) * 64;
    float sum[8][4] = {};
#pragma unroll
    for (int s = 0; s < Sites; ++s) {
        const auto* a = static_cast<const Bf16*>(sites.a[s]) + firstColumn;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const Piece at(i);
            store(dhTile, at,
                  loadOrZero(dh + (firstToken + at.row) * Sites * kTile + s * kTile + at.column,
                             firstToken + at.row < tokens));
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int e = threadIdx.x + i * kThreads, row = e / 16, column = e % 16 * 8;
            *reinterpret_cast<uint4*>(aTile + row * kWideStride + column) =
                *reinterpret_cast<const uint4*>(a + row * columns + column);
            const DropoutMask& mask = sites.mask[s];
            const PhiloxBlock b = philox(
                mask.key,
                static_cast<std::uint64_t>((mask.rowOffset + firstToken + row) * blocksPerRow(columns) +
                                           (firstColumn + column) / 8));
            unsigned bits = 0;
#pragma unroll
            for (int w = 0; w < 4; ++w) {
                bits |= ((b.word[w] & 0xFFFFu) >= mask.threshold ? 1u : 0u) << (2 * w);
                bits |= ((b.word[w] >> 16) >= mask.threshold ? 1u : 0u) << (2 * w + 1);
            }
            keep[row * 16 + column / 8] = static_cast<unsigned char>(bits);
        }
        __syncthreads();
        float part[8][4] = {};
#pragma unroll
        for (int k = 0; k < kTile; k += 16) {
            std::uint32_t left[4];
            loadMatrices(left, dhTile + (m0 + (lane & 15)) * kStride + k + (lane >> 4) * 8);
#pragma unroll
            for (int n = 0; n < 8; n += 2) {
                std::uint32_t right[4];
                loadMatricesTransposed(
                    right, aTile + (k + (lane & 15)) * kWideStride + n0 + n * 8 + (lane >> 4) * 8);
                multiplyTile(part[n], left, right[0], right[1]);
                multiplyTile(part[n + 1], left, right[2], right[3]);
            }
        }
        const float scale = sites.mask[s].scale;
#pragma unroll
        for (int n = 0; n < 8; ++n)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const unsigned bits = keep[(m0 + lane / 4 + half * 8) * 16 + n0 / 8 + n] >> (lane % 4 * 2);
                sum[n][half * 2] += (bits & 1u) != 0 ? part[n][half * 2] * scale : 0.0f;
                sum[n][half * 2 + 1] += (bits & 2u) != 0 ? part[n][half * 2 + 1] * scale : 0.0f;
            }
        __syncthreads();
    }
#pragma unroll
    for (int n = 0; n < 8; ++n)
#pragma unroll
        for (int half = 0; half < 2; ++half)
            *reinterpret_cast<float2*>(stage + (m0 + lane / 4 + half * 8) * kStageStride + n0 + n * 8 +
                                       lane % 4 * 2) = make_float2(sum[n][half * 2], sum[n][half * 2 + 1]);
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int e = threadIdx.x + i * kThreads, row = e / 16, column = e % 16 * 8;
        if (firstToken + row >= tokens) continue;
        Bf16* to = dx + (firstToken + row) * columns + firstColumn + column;
        auto v = loadEight(to);
#pragma unroll
        for (int j = 0; j < 8; ++j)
            v.v[j] += stage[row * kStageStride + column + j];
        storeEight(to, v.v);
    }
}

// Splits of the tokens, so that tiles x splits fill the card in whole waves; the same on every card.
constexpr int kSlots = 264;
constexpr int kMostSplits = 16;

int splitsOf(std::int64_t tokens, std::int64_t columns) {
    const std::int64_t tiles = columns / kTile, chunks = (tokens + kTile - 1) / kTile;
    int best = 1;
    double cost = 1e30;
    for (int splits = 1; splits <= kMostSplits && (splits == 1 || splits * 4 <= chunks); ++splits) {
        const auto waves = static_cast<double>((tiles * splits + kSlots - 1) / kSlots);
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
__global__ void __launch_bounds__(kThreads, 2)
    gradientKernel(LoraGradient g, LoraSites sites, std::int64_t perSplit) {
    extern __shared__ __align__(16) Bf16 shared[];
    Bf16* xTiles = shared;
    Bf16* rowTiles = shared + (Masked ? Sites : 1) * kTileElements;
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
        __syncthreads();
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

// Shared memory above 48 KiB has to be asked for.
template <class Kernel>
int allow(Kernel kernel, std::size_t bytes) {
    return static_cast<int>(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
}

template <class F>
int forSites(int count, F&& f) {
    switch (count) {
        case 1:
            return f(std::integral_constant<int, 1>{});
        case 2:
            return f(std::integral_constant<int, 2>{});
        default:
            return f(std::integral_constant<int, 3>{});
    }
}

template <int Sites, bool Masked>
int launchGradient(const LoraGradient& g, const LoraSites& sites, int splits, Stream stream) {
    constexpr std::size_t kBytes = ((Masked ? Sites : 1) + Sites) * kTileElements * sizeof(Bf16);
    const auto kernel = gradientKernel<Sites, Masked>;
    static const int allowed = allow(kernel, kBytes);
    if (allowed != 0) return allowed;
    const std::int64_t chunks = (g.tokens + kTile - 1) / kTile,
                       perSplit = (chunks + splits - 1) / splits * kTile;
    const dim3 grid(static_cast<unsigned>(g.columns / kTile), static_cast<unsigned>(splits));
    kernel<<<grid, kThreads, kBytes, stream>>>(g, sites, perSplit);
    const float factor = Masked ? g.scale * sites.mask[0].scale : g.scale;
    addSplitsKernel<<<blocksFor(Sites * kTile * g.columns, kThreads * 4), kThreads, 0, stream>>>(
        g, factor, splits, Sites);
    return launched();
}

}  // namespace

int loraDown(const void* x, const LoraSites& sites, void* h, std::int64_t tokens, std::int64_t columns,
             Stream stream) {
    if (tokens == 0) return 0;
    return forSites(sites.count, [&](auto count) {
        constexpr int kCount = decltype(count)::value;
        constexpr std::size_t kBytes = 2 * kCount * kTileElements * sizeof(Bf16);
        static const int allowed = allow(downKernel<kCount>, kBytes);  // once per kernel: one lambda each
        if (allowed != 0) return allowed;
        downKernel<kCount><<<blocksFor(tokens, kTile), kThreads, kBytes, stream>>>(
            static_cast<const Bf16*>(x), sites, static_cast<Bf16*>(h), tokens, columns);
        return launched();
    });
}

int loraInput(const void* dh, const LoraSites& sites, void* dx, std::int64_t tokens, std::int64_t columns,
              Stream stream) {
    if (tokens == 0) return 0;
    const dim3 grid(static_cast<unsigned>(columns / kWide), blocksFor(tokens, kTile));
    return forSites(sites.count, [&](auto count) {
        inputKernel<decltype(count)::value><<<grid, kThreads, 0, stream>>>(
            static_cast<const Bf16*>(dh), sites, static_cast<Bf16*>(dx), tokens, columns);
        return launched();
    });
}

std::int64_t loraGradientScratch(std::int64_t tokens, std::int64_t columns, int sites) {
    return splitsOf(tokens, columns) * sites * kTile * columns;
}

int loraGradient(const LoraGradient& g, const LoraSites& sites, Stream stream) {
    if (g.tokens == 0) return 0;
    const int splits = splitsOf(g.tokens, g.columns);
    return forSites(sites.count, [&](auto count) {
        constexpr int kCount = decltype(count)::value;
        return sites.masked ? launchGradient<kCount, true>(g, sites, splits, stream)
                            : launchGradient<kCount, false>(g, sites, splits, stream);
    });
}

}  // namespace caravan::kernels::cuda
