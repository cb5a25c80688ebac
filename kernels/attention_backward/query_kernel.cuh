// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/attention_backward/tiles.cuh"
#include "kernels/common/mma.cuh"

// dq of 256 queries a block from dS. One warp loads, four warpgroups take 64 queries each.
namespace caravan::kernels::cuda::attention_backward {

// The last written first: they are still in the L2 cache.
__device__ __forceinline__ Item queryItemAt(const Heads& h, int levels, int index) {
    const Item item = itemAt(h, levels, index);
    return {h.pairs - 1 - item.pair, item.level};
}

inline constexpr int kQueryGroups = 4, kQueryStages = 4;
inline constexpr int kQueryThreads = 128 * (kQueryGroups + 1);

template <int Size>
struct QueryShared {
    Bf16 k[kQueryStages][kTile * Size];
    unsigned char scores[kQueryStages][kQueryGroups][kScoreBytes];
    Barrier full[kQueryStages], empty[kQueryStages], itemFull, itemEmpty;
    int item;
};

struct QueryArguments {
    Heads h;
    const char* scores;
    Bf16* dq;
    std::int64_t dqStride;
    Turn turn;  // of dq
    float scale;
    int* counter;
};

template <int Size>
__device__ __forceinline__ void loadQueries(QueryShared<Size>& s, const CUtensorMap& kMap,
                                            const QueryArguments& a) {
    const int levels = (a.h.tiles + kQueryGroups - 1) / kQueryGroups, count = levels * a.h.pairs;
    std::uint32_t t = 0;
    for (std::uint32_t turn = 0;; ++turn) {
        const int index = atomicAdd(a.counter, 1);
        s.itemEmpty.wait((turn & 1) ^ 1);
        s.item = index < count ? index : -1;
        s.itemFull.arrive();
        if (index >= count) return;
        const Item item = queryItemAt(a.h, levels, index);
        const int pair = a.h.firstPair + item.pair, row = pair / a.h.heads, head = pair % a.h.heads,
                  first = (levels - 1 - item.level) * kQueryGroups,
                  last = min(first + kQueryGroups, a.h.tiles) - 1;
        const char* scores = a.scores + item.pair * pairBytes(a.h.tiles);
        for (int key = 0; key <= last; ++key, ++t) {
            const std::uint32_t stage = t % kQueryStages;
            const int from = max(first, key);
            s.empty[stage].wait((t / kQueryStages & 1) ^ 1);
            s.full[stage].arriveExpecting(kTileBytes<Size> + (last + 1 - from) * kScoreBytes);
            for (int i = from; i <= last; ++i)
                copyBulkOnce(s.scores[stage][i - first], scores + scoreTile(i, key) * kScoreBytes,
                             kScoreBytes, s.full[stage]);
            copyTile<Size>(s.k[stage], kMap, head, key * kTile, row, s.full[stage]);
        }
    }
}

template <int Size>
__device__ __forceinline__ void gradientOfQueries(QueryShared<Size>& s, const QueryArguments& a, int group) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5 & 3,
              levels = (a.h.tiles + kQueryGroups - 1) / kQueryGroups;
    std::uint32_t t = 0;
    for (std::uint32_t turn = 0;; ++turn) {
        s.itemFull.wait(turn & 1);
        const int index = s.item;
        s.itemEmpty.arriveAsWarp();
        if (index < 0) return;
        const Item item = queryItemAt(a.h, levels, index);
        const int first = (levels - 1 - item.level) * kQueryGroups, mine = first + group,
                  last = min(first + kQueryGroups, a.h.tiles) - 1;
        float dq[Size / 2] = {};
        for (int key = 0; key <= last; ++key, ++t) {
            const std::uint32_t stage = t % kQueryStages;
            s.full[stage].wait(t / kQueryStages & 1);
            if (mine <= last && key <= mine) {
                const unsigned char* scores = s.scores[stage][group] + warp * 2048 + lane * 16;
                std::uint32_t left[4][4];
#pragma unroll
                for (int k = 0; k < 4; ++k) {
                    std::uint32_t blocks[4];
                    loadMatricesTransposed(blocks, reinterpret_cast<const Bf16*>(scores + k * 512));
                    left[k][0] = blocks[0];
                    left[k][1] = blocks[2];
                    left[k][2] = blocks[1];
                    left[k][3] = blocks[3];
                }
                keep(dq);
                wgmmaFence();
                gradientProducts<Size>(dq, left, wgmmaOuter(sharedAddress(s.k[stage]), kHalf));
                wgmmaWait<0>();
                keep(dq);
            }
            s.empty[stage].arriveAsWarp();
        }
        if (mine > last) continue;
        const int pair = a.h.firstPair + item.pair, row = pair / a.h.heads, head = pair % a.h.heads;
        const std::int64_t token = row * std::int64_t{a.h.length};
        if (a.turn.positions != nullptr)
            turnBack<Size>(dq, {a.turn.positions + token, a.turn.cos, a.turn.sin}, mine * kTile, a.h.length);
        storeRows<Size>(dq, a.scale, a.dq + token * a.dqStride + head * Size, a.dqStride, mine * kTile,
                        a.h.length);
    }
}

template <int Size>
__global__ void __launch_bounds__(kQueryThreads, 1)
    queryKernel(const __grid_constant__ CUtensorMap kMap, const __grid_constant__ QueryArguments a) {
    extern __shared__ __align__(1024) unsigned char memory[];
    auto& s = *reinterpret_cast<QueryShared<Size>*>(memory);
    if (threadIdx.x == 0) {
        for (int i = 0; i < kQueryStages; ++i) {
            s.full[i].init(1);
            s.empty[i].init(4 * kQueryGroups * kWarpArrivals);
        }
        s.itemFull.init(1);
        s.itemEmpty.init(4 * kQueryGroups * kWarpArrivals);
        barriersReady();
    }
    __syncthreads();
    const int group = __shfl_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x / 128), 0);
    if (group == 0) {
        leaveRegisters<24>();
        if (threadIdx.x == 0) loadQueries<Size>(s, kMap, a);
    } else {
        takeRegisters<112>();
        gradientOfQueries<Size>(s, a, group - 1);
    }
}

}  // namespace caravan::kernels::cuda::attention_backward
