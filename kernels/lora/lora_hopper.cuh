// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>

#include "kernels/lora/lora_gradient_hopper.cuh"

// Products without masks by Hopper's own instructions. Down: h = x A^T of all sites. A block takes 128 tokens
// and a share of the columns; the blocks of a cluster have one tile of tokens and add up their sums through
// each other's shared memory, in their order. Spread: 128 tokens times 256 columns of h B^T, or 128 of the
// sum of dh A over the sites; nothing but its stores takes time.
//
// Log, one H200, 7B layer at 2,048 tokens, microseconds for q|k|v, o, gate|up, down. Floors: down, x and A
// once from the L2 (5.5 TB/s) 4, 4, 4, 10; up, writing y at 4 TB/s: 12, 4, 22, 4. Before, in a prompt's pass
// with the gaps between launches: generic kernel, its sum of splits and the library's products for up, one a
// site: 55, 25, 79, 50.
// 1. Alone, one behind the other: down 16.5, 9.7, 12.7, 21.0 (predicted 11, 7, 9, 13; generic 23.1, 11.2,
//    17.2, 33.5): the L2 gives 4.2 TB/s. Up 15.7, 5.4, 27.4, 5.4 (predicted 17, 6, 28, 6), 3.1 to 3.3 TB/s.
//    Both in a prompt's pass, where A and B come from memory: 38, 25, 45, 33.
// 16,384 tokens: up 112, 38, 195, 38 (3.5 to 3.7 TB/s; library 151, 50, 252, 49); the sum over the sites 67,
// 36, 50, 91 (library 59, 48, 52, 118: three sites stay with it); down 71, 37, 41, 90 (library 45, 39, 43,
// 91, which keeps it from 4,096 tokens on).
namespace caravan::kernels::cuda::lora {

// [rows][columns] as [columns / 64][rows][64], in boxes of boxRows rows and `tiles` times 64 columns; what
// lies outside is zero.
inline bool describeRows(CUtensorMap& map, const void* p, std::int64_t stride, std::int64_t rows,
                         std::int64_t columns, int boxRows, int tiles) {
    const auto bytes = static_cast<cuuint64_t>(stride) * 2;
    const cuuint64_t sizes[4] = {64, static_cast<cuuint64_t>(rows), static_cast<cuuint64_t>(columns / 64), 1},
                     strides[3] = {bytes, 128, bytes * static_cast<cuuint64_t>(rows)};
    const cuuint32_t box[4] = {64, static_cast<cuuint32_t>(boxRows), static_cast<cuuint32_t>(tiles), 1},
                     steps[4] = {1, 1, 1, 1};
    return encodeTiled()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 4, const_cast<void*>(p), sizes, strides, box,
                         steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                         CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                         CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

struct SiteMaps {
    CUtensorMap of[kLoraSites];
};

inline constexpr int kTokens = 128;          // of a block: two warpgroups of 64
inline constexpr int kHalfBytes = 64 * 128;  // 64 rows of 64 values
inline constexpr int kTokenBytes = 2 * kHalfBytes;

template <int Sites>
struct DownShape {
    static constexpr int kRanks = 64 * Sites, kThreads = 256, kStages = Sites == 3 ? 2 : 5 - Sites,
                         kStageBytes = kTokenBytes + Sites * kHalfBytes;
    static constexpr int kStride = kRanks + 8;  // of the sums, off the banks
    static constexpr int kBytes = std::max(kStages * kStageBytes, kTokens* kStride * 4) + 1024;
};

struct DownJob {
    Bf16* h;
    int tokens, chunks, perSplit, splits;  // chunks of 64 columns
};

// What a block reads: its tokens, its chunks.
struct DownShare {
    int token, begin, chunks;
};

template <int Sites>
__device__ __forceinline__ void loadChunk(const CUtensorMap& xMap, const SiteMaps& aMaps, unsigned char* ring,
                                          Barrier* full, const DownShare& share, int i) {
    using Shape = DownShape<Sites>;
    Barrier& barrier = full[i % Shape::kStages];
    unsigned char* to = ring + i % Shape::kStages * Shape::kStageBytes;
    barrier.arriveExpecting(Shape::kStageBytes);
    copyBox(to, xMap, 0, share.token, share.begin + i, 0, barrier);
#pragma unroll
    for (int s = 0; s < Sites; ++s)
        copyBox(to + kTokenBytes + s * kHalfBytes, aMaps.of[s], 0, 0, share.begin + i, 0, barrier);
}

template <int Sites>
__global__ void __launch_bounds__(DownShape<Sites>::kThreads, 2)
    downWideKernel(const __grid_constant__ CUtensorMap xMap, const __grid_constant__ SiteMaps aMaps,
                   const __grid_constant__ DownJob job) {
    using Shape = DownShape<Sites>;
    extern __shared__ __align__(1024) unsigned char memory[];
    __shared__ Barrier full[Shape::kStages], empty[Shape::kStages];
    unsigned char* ring = memory + (1024 - sharedAddress(memory) % 1024) % 1024;
    const int split = static_cast<int>(blockIdx.x) % job.splits, begin = split * job.perSplit;
    const DownShare share{static_cast<int>(blockIdx.x) / job.splits * kTokens, begin,
                          max(0, min(job.chunks, begin + job.perSplit) - begin)};
    if (threadIdx.x == 0) {
        prefetchMap(xMap);
        for (int i = 0; i < Shape::kStages; ++i) {
            full[i].init(1);
            empty[i].init(Shape::kThreads / 32 * kWarpArrivals);
        }
        barriersReady();
    }
    __syncthreads();
    previousDone();
    allowNext();
    if (threadIdx.x == 0)
        for (int i = 0; i < min(Shape::kStages, share.chunks); ++i)
            loadChunk<Sites>(xMap, aMaps, ring, full, share, i);
    __syncwarp();
    const int warpgroup = __shfl_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x / 128), 0),
              warp = threadIdx.x / 32 & 3, lane = threadIdx.x & 31;
    float sum[32 * Sites];
#pragma unroll
    for (int i = 0; i < 32 * Sites; ++i)
        sum[i] = 0;
    for (int i = 0; i < share.chunks; ++i) {
        const int stage = i % Shape::kStages;
        const std::uint32_t parity = i / Shape::kStages & 1,
                            at = sharedAddress(ring) + stage * Shape::kStageBytes;
        const std::uint64_t left = wgmmaInner(at + warpgroup * kHalfBytes),
                            right = wgmmaInner(at + kTokenBytes);
        full[stage].wait(parity);
        keep(sum);
        wgmmaFence();
#pragma unroll
        for (int k = 0; k < 4; ++k)
            wgmmaShared<Major::Inner, Major::Inner>(sum, wgmmaAdvance(left, k * 32),
                                                    wgmmaAdvance(right, k * 32));
        wgmmaCommit();
        wgmmaWait<0>();
        keep(sum);
        empty[stage].arriveAsWarp();
        if (threadIdx.x == 0 && i + Shape::kStages < share.chunks) {
            empty[stage].wait(parity);
            loadChunk<Sites>(xMap, aMaps, ring, full, share, i + Shape::kStages);
        }
        __syncwarp();
    }
    __syncthreads();  // the ring becomes the place of the sums
    auto* sums = reinterpret_cast<float*>(ring);
    const int firstRow = warpgroup * 64 + warp * 16 + lane / 4, firstColumn = lane % 4 * 2;
#pragma unroll
    for (int n = 0; n < 8 * Sites; ++n)
#pragma unroll
        for (int half = 0; half < 2; ++half)
            *reinterpret_cast<float2*>(sums + (firstRow + half * 8) * Shape::kStride + firstColumn + n * 8) =
                make_float2(sum[n * 4 + half * 2], sum[n * 4 + half * 2 + 1]);
    clusterBarrier();
    constexpr int kQuads = Shape::kRanks / 4;  // of a token
    for (int i = split * Shape::kThreads + static_cast<int>(threadIdx.x); i < kTokens * kQuads;
         i += job.splits * Shape::kThreads) {
        const int row = i / kQuads, column = i % kQuads * 4;
        const std::uint32_t at = sharedAddress(ring) + (row * Shape::kStride + column) * 4;
        float4 total = make_float4(0, 0, 0, 0);
#pragma unroll 4
        for (int block = 0; block < job.splits; ++block) {
            const float4 v = loadFrom(block, at);
            total.x += v.x, total.y += v.y, total.z += v.z, total.w += v.w;
        }
        if (share.token + row < job.tokens)
            *reinterpret_cast<uint2*>(job.h + (share.token + row) * std::int64_t{Shape::kRanks} + column) =
                make_uint2(packBf16(total.x, total.y), packBf16(total.z, total.w));
    }
    clusterBarrier();  // no block leaves while others read its sums
}

// Up: a column tile has one site, and its B lies with the columns outside. Else the sites are summed, and A
// lies with its ranks outside.
template <int Sites_, bool Up_>
struct SpreadShape {
    static constexpr int kSites = Sites_, kSteps = Up_ ? 1 : Sites_, kHalves = Up_ ? 2 : 1,
                         kColumns = 128 * kHalves, kThreads = 256;
    static constexpr bool kUp = Up_;
    static constexpr int kBytes = kSteps * kTokenBytes * (1 + kHalves) + 1024;
};

struct SpreadJob {
    Bf16* y;
    std::int64_t stride;
    int tokens;
    int first[kLoraSites], width[kLoraSites], tiles[kLoraSites];  // of a site's columns; not up: of one
    float scale[kLoraSites];
};

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads, Shape::kSteps > 1 ? 2 : 4)
    spreadKernel(const __grid_constant__ CUtensorMap rowMap, const __grid_constant__ SiteMaps maps,
                 const __grid_constant__ SpreadJob job) {
    extern __shared__ __align__(1024) unsigned char memory[];
    __shared__ Barrier full[Shape::kHalves];
    unsigned char* left = memory + (1024 - sharedAddress(memory) % 1024) % 1024;
    unsigned char* right = left + Shape::kSteps * kTokenBytes;
    int tile = static_cast<int>(blockIdx.x), own = 0;
    if (Shape::kUp)
        while (own < kLoraSites - 1 && tile >= job.tiles[own])
            tile -= job.tiles[own++];
    const int column = tile * Shape::kColumns, token = static_cast<int>(blockIdx.y) * kTokens;
    if (threadIdx.x == 0) {
        for (Barrier& barrier : full)
            barrier.init(1);
        barriersReady();
        // Weights are older than the kernel ahead.
        for (int half = 0; half < Shape::kHalves; ++half) {
            full[half].arriveExpecting(Shape::kSteps * kTokenBytes * (half == 0 ? 2 : 1));
            for (int s = 0; s < Shape::kSteps; ++s) {
                unsigned char* to = right + (half * Shape::kSteps + s) * kTokenBytes;
                if (Shape::kUp)
                    copyBox(to, maps.of[own], 0, column + half * 128, 0, 0, full[half]);
                else
                    copyBox(to, maps.of[s], 0, 0, column / 64, 0, full[half]);
            }
        }
        previousDone();
        for (int s = 0; s < Shape::kSteps; ++s)
            copyBox(left + s * kTokenBytes, rowMap, 0, token, Shape::kUp ? own : s, 0, full[0]);
    }
    __syncthreads();
    previousDone();
    allowNext();
    const int warpgroup = __shfl_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x / 128), 0),
              warp = threadIdx.x / 32 & 3, lane = threadIdx.x & 31;
    const float scale = job.scale[own];
#pragma unroll 1
    for (int piece = 0; piece < Shape::kColumns / 64; ++piece) {
        const int half = piece / 2, firstRow = token + warpgroup * 64 + warp * 16 + lane / 4;
        full[half].wait(0);
        float sum[32] = {};
        keep(sum);
        wgmmaFence();
#pragma unroll
        for (int s = 0; s < Shape::kSteps; ++s) {
            const std::uint32_t a = sharedAddress(left) + s * kTokenBytes + warpgroup * kHalfBytes,
                                b = sharedAddress(right) + (half * Shape::kSteps + s) * kTokenBytes +
                                    piece % 2 * kHalfBytes;
#pragma unroll
            for (int k = 0; k < 4; ++k)
                if constexpr (Shape::kUp)
                    wgmmaShared<Major::Inner, Major::Inner>(sum, wgmmaAdvance(wgmmaInner(a), k * 32),
                                                            wgmmaAdvance(wgmmaInner(b), k * 32));
                else
                    wgmmaShared<Major::Inner, Major::Outer>(
                        sum, wgmmaAdvance(wgmmaInner(a), k * 32),
                        wgmmaAdvance(wgmmaOuter(b, kHalfBytes), k * 2048));
        }
        wgmmaCommit();
        wgmmaWait<0>();
        keep(sum);
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const int row = firstRow + h * 8;
            Bf16* to = job.y + row * job.stride + job.first[own];
#pragma unroll
            for (int j = 0; j < 8; j += 4) {
                std::uint32_t w[4];
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    w[i] = packBf16(sum[4 * (j + i) + 2 * h] * scale, sum[4 * (j + i) + 2 * h + 1] * scale);
                transposeQuad(w);
                const int c = column + piece * 64 + j * 8 + lane % 4 * 8;
                if (row < job.tokens && c < job.width[own])
                    *reinterpret_cast<uint4*>(to + c) = make_uint4(w[0], w[1], w[2], w[3]);
            }
        }
    }
}

}  // namespace caravan::kernels::cuda::lora
