// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/bulk_copy.cuh"
#include "kernels/common/dependent.cuh"
#include "kernels/common/wgmma.cuh"
#include "kernels/lora/lora_gradient_wide.h"

// The gradients' kernel for Hopper: tiles of [64 tokens][Columns] of x and [64 tokens][64] of each site's
// rows come through the copy engine and are multiplied as they lie, both operands with the summed index
// outside. A cluster shares a tile of the sums: each block has a part of the tokens, then adds up a share of
// the tile over all blocks, in their order.
//
// Log, one H200, 7B layer at 16,384 tokens (2.16 GB of x and dy; a plain read of 721 MB runs at 4.15 TB/s:
// 520 us), microseconds of all its gradients without masks. Generic kernel and its sums of splits: 1060. v1,
// copies by cp.async of 16 bytes, 128 to 384 columns a block, clusters of up to eight (predicted: 620): 45 to
// 65 for dB of 4,096 columns (generic 63), 100 of 11,008 (157), dA of three sites 147 (120); 15 clusters of
// eight and 30 of four fit the card, not 16 and 33, so that many ran in two waves, and one block's copies
// reach 32 bytes a cycle. v2, the copy engine and a warp that drives it, 192 columns, splits by what fits, dB
// of joined linears in one launch (predicted: 600): 609; dB of q|k|v 186 -> 108, dA 116 -> 48, of gate|up 311
// -> 185 and 93 -> 46, of o 63 -> 42 and 66 -> 42, of down 65 -> 42 and 159 -> 96, of which about 10 are a
// launch's start and end. v3, dA starts while dB ends (predicted: 590): 596, at 512 tokens 134 -> 65. In a
// traced step of 32 layers 24.4 ms of kernels, counting twice what a dA waits behind its dB (generic: 41;
// predicted: 20). Masked inputs by v1, masks applied on the way through registers: one site 122 against 103
// of the generic kernel, three 436 against 313; not taken over.
namespace caravan::kernels::cuda::lora {

inline constexpr int kDeep = 64;  // tokens of a stage

// Sites of a block (each has its warpgroups), Groups of warpgroups over the columns.
template <int Sites_, int Columns_, int Groups_, int Stages_>
struct WideShape {
    static constexpr int kSites = Sites_, kColumns = Columns_, kGroups = Groups_, kStages = Stages_;
    static constexpr int kWarpgroups = Sites_ * Groups_, kThreads = 128 * kWarpgroups + 32;
    static constexpr int kWidth = Columns_ / Groups_;  // columns of a warpgroup
    static constexpr int kChunkBytes = kDeep * 128;    // 64 columns
    static constexpr int kXBytes = Columns_ / 64 * kChunkBytes, kStageBytes = kXBytes + Sites_ * kChunkBytes;
    static constexpr int kStride = Columns_ + 8, kRankStride = 64 + 4;  // of the sums, off the banks
    static constexpr int kSumBytes =
        4 * (Sites_ > 1 || 64 * kStride > Columns_ * kRankStride ? Sites_ * 64 * kStride
                                                                 : Columns_ * kRankStride);
    static constexpr int kBytes =
        (Stages_ * kStageBytes > kSumBytes ? Stages_ * kStageBytes : kSumBytes) + 1024;
};

// What a block's tile reads and where it goes.
struct WideJob {
    std::int64_t first[kLoraSites];  // columns of x where a site's begin; not transposed: 0
    std::int64_t width[kLoraSites];
    float* sum[kLoraSites];
    float scale[kLoraSites];
    int tiles[kLoraSites];  // transposed: of the site
    int tokens, perSplit, splits;
    bool transposed, follows;
};

__device__ __forceinline__ void clusterBarrier() {
#if __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::
                     : "memory");
#endif
}
// From the shared memory of a block of the cluster.
__device__ __forceinline__ float4 loadFrom(int block, std::uint32_t address) {
    float4 v = {};
#if __CUDA_ARCH__ >= 900
    std::uint32_t there;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(block));
    asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w)
                 : "r"(there)
                 : "memory");
#endif
    return v;
}

inline constexpr int kMostSplits = 8;  // blocks of a cluster

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads, 1)
    wideKernel(const __grid_constant__ CUtensorMap xMap, const __grid_constant__ CUtensorMap rowMap,
               const __grid_constant__ WideJob job) {
    extern __shared__ __align__(1024) unsigned char memory[];
    __shared__ Barrier full[Shape::kStages], empty[Shape::kStages];
    constexpr int kSites = Shape::kSites, kStages = Shape::kStages, kWidth = Shape::kWidth;
    unsigned char* ring = memory + (1024 - sharedAddress(memory) % 1024) % 1024;
    if (!job.follows) allowNext();  // the next one needs nothing of this one's
    if (threadIdx.x == 0) {
        prefetchMap(xMap);
        prefetchMap(rowMap);
        for (int i = 0; i < kStages; ++i) {
            full[i].init(1);
            empty[i].init(4 * Shape::kWarpgroups);
        }
        barriersReady();
    }
    const int split = static_cast<int>(blockIdx.x) % job.splits;
    int tile = static_cast<int>(blockIdx.x) / job.splits, own = 0;  // own: the tile's only site, transposed
    if (job.transposed)
        while (own < kLoraSites - 1 && tile >= job.tiles[own])
            tile -= job.tiles[own++];
    const std::int64_t column = static_cast<std::int64_t>(tile) * Shape::kColumns;  // within the site's
    const int begin = split * job.perSplit, end = min(job.tokens, begin + job.perSplit);
    const int chunks = end > begin ? (end - begin + kDeep - 1) / kDeep : 0;
    const int warpgroup = __shfl_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x / 128), 0),
              warp = (threadIdx.x / 32) & 3, lane = threadIdx.x & 31;
    __syncthreads();
    if (warpgroup == Shape::kWarpgroups) {
        if (lane == 0) {
            const int chunk0 = static_cast<int>((job.first[own] + column) / 64);
            for (int i = 0; i < chunks; ++i) {
                const int stage = i % kStages;
                if (i >= kStages) empty[stage].wait((i / kStages - 1) & 1);
                unsigned char* to = ring + stage * Shape::kStageBytes;
                full[stage].arriveExpecting(Shape::kStageBytes);
                copyBox(to, xMap, 0, begin + i * kDeep, chunk0, 0, full[stage]);
                copyBox(to + Shape::kXBytes, rowMap, 0, begin + i * kDeep, own, 0, full[stage]);
            }
        }
        __syncwarp();
        __syncthreads();
    } else {
        const int site = warpgroup % kSites, part = warpgroup / kSites;
        float sum[kWidth / 2];
#pragma unroll
        for (int i = 0; i < kWidth / 2; ++i)
            sum[i] = 0;
        for (int i = 0; i < chunks; ++i) {
            const int stage = i % kStages;
            const std::uint32_t at = sharedAddress(ring) + stage * Shape::kStageBytes;
            const std::uint64_t left = wgmmaOuter(at + Shape::kXBytes + site * Shape::kChunkBytes,
                                                  Shape::kChunkBytes),
                                right = wgmmaOuter(at + part * (kWidth / 64) * Shape::kChunkBytes,
                                                   Shape::kChunkBytes);
            full[stage].wait(i / kStages & 1);
            keep(sum);
            wgmmaFence();
#pragma unroll
            for (int k = 0; k < kDeep / 16; ++k)
                wgmmaShared<Major::Outer, Major::Outer>(sum, wgmmaAdvance(left, k * 2048),
                                                        wgmmaAdvance(right, k * 2048));
            wgmmaCommit();
            keep(sum);
            wgmmaWait<1>();  // the chunk before has been read
            if (i > 0 && lane == 0) empty[(i - 1) % kStages].arrive();
        }
        wgmmaWait<0>();
        keep(sum);
        __syncthreads();  // the ring becomes the place of the sums
        auto* sums = reinterpret_cast<float*>(ring);
        const int rank = warp * 16 + lane / 4, column0 = part * kWidth + lane % 4 * 2;
#pragma unroll
        for (int n = 0; n < kWidth / 8; ++n)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int r = rank + half * 8, c = column0 + n * 8;
                const float a = sum[n * 4 + half * 2], b = sum[n * 4 + half * 2 + 1];
                if (kSites == 1 && job.transposed) {
                    sums[c * Shape::kRankStride + r] = a;
                    sums[(c + 1) * Shape::kRankStride + r] = b;
                } else {
                    *reinterpret_cast<float2*>(sums + (site * 64 + r) * Shape::kStride + c) =
                        make_float2(a, b);
                }
            }
    }
    clusterBarrier();
    previousDone();  // so that this one's end is the end of both
    const int columns =
        static_cast<int>(min(static_cast<std::int64_t>(Shape::kColumns), job.width[own] - column));
    constexpr int kQuads = kSites * 64 * Shape::kColumns / 4;
    for (int i = split * Shape::kThreads + static_cast<int>(threadIdx.x); i < kQuads;
         i += job.splits * Shape::kThreads) {
        int at, site = own;
        float* to;
        if (kSites == 1 && job.transposed) {
            const int c = i / 16, r = i % 16 * 4;
            if (c >= columns) continue;
            at = c * Shape::kRankStride + r;
            to = job.sum[own] + (column + c) * 64 + r;
        } else {
            const int r = i / (Shape::kColumns / 4), c = i % (Shape::kColumns / 4) * 4;
            if (c >= columns) continue;
            at = r * Shape::kStride + c;
            site = r / 64;
            to = job.sum[site] + (r % 64) * job.width[0] + column + c;
        }
        float4 all = *reinterpret_cast<const float4*>(to), part[kMostSplits], total = make_float4(0, 0, 0, 0);
        const float scale = job.scale[site];
        const std::uint32_t from = sharedAddress(ring) + at * 4;
#pragma unroll
        for (int s = 0; s < kMostSplits; ++s)
            if (s < job.splits) part[s] = loadFrom(s, from);
#pragma unroll
        for (int s = 0; s < kMostSplits; ++s)
            if (s < job.splits)
                total.x += part[s].x, total.y += part[s].y, total.z += part[s].z, total.w += part[s].w;
        all.x += scale * total.x, all.y += scale * total.y, all.z += scale * total.z,
            all.w += scale * total.w;
        *reinterpret_cast<float4*>(to) = all;
    }
    clusterBarrier();  // nobody leaves while others read its sums
}

}  // namespace caravan::kernels::cuda::lora
