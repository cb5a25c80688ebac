// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/attention_backward/tiles.cuh"

// dk and dv of 128 keys a block, and dS. One warp loads, two warpgroups take 64 keys each.
namespace caravan::kernels::cuda::attention_backward {

__device__ __forceinline__ float exp2Fast(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Two neighbours in shared memory, not before what was waited for.
__device__ __forceinline__ float2 loadPair(std::uint32_t address) {
    float2 v;
    asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(v.x), "=f"(v.y) : "r"(address) : "memory");
    return v;
}

inline constexpr int kKeyGroups = 2, kKeyStages = 4;
inline constexpr int kKeyThreads = 128 * (kKeyGroups + 1);

template <int Size>
struct KeyShared {
    Bf16 k[kKeyGroups][kTile * Size], v[kKeyGroups][kTile * Size];
    Bf16 q[kKeyStages][kTile * Size], dout[kKeyStages][kTile * Size];
    float tileRows[kKeyStages][2 * kTile];
    Barrier full[kKeyStages], empty[kKeyStages], keysFull, keysEmpty;
    int item;
};

struct KeyArguments {
    Heads h;
    const float* tileRows;
    char* scores;
    Bf16 *dk, *dv;
    std::int64_t dkStride, dvStride;
    Turn turn;  // of dk
    float scale;
    int* counter;
};

template <int Size>
__device__ __forceinline__ void loadKeys(KeyShared<Size>& s, const CUtensorMap& qMap, const CUtensorMap& kMap,
                                         const CUtensorMap& vMap, const CUtensorMap& doutMap,
                                         const KeyArguments& a) {
    const int levels = (a.h.tiles + 1) / 2, count = levels * a.h.pairs;
    std::uint32_t t = 0, turn = 0;
    for (;; ++turn) {
        const int index = atomicAdd(a.counter, 1);
        if (index >= count) break;
        const Item item = itemAt(a.h, levels, index);
        const int pair = a.h.firstPair + item.pair, row = pair / a.h.heads, head = pair % a.h.heads;
        const float* tileRows = a.tileRows + static_cast<std::int64_t>(pair) * a.h.tiles * 2 * kTile;
        const int first = 2 * item.level, withKeys = min(first + 1, a.h.tiles - 1);
        for (int i = first; i < a.h.tiles; ++i, ++t) {
            const std::uint32_t stage = t % kKeyStages;
            s.empty[stage].wait((t / kKeyStages & 1) ^ 1);
            s.full[stage].arriveExpecting(2 * kTileBytes<Size> + kTileRowBytes);
            copyTile<Size>(s.q[stage], qMap, head, i * kTile, row, s.full[stage]);
            copyBulk(s.tileRows[stage], tileRows + i * 2 * kTile, kTileRowBytes, s.full[stage]);
            copyTile<Size>(s.dout[stage], doutMap, head, i * kTile, row, s.full[stage]);
            if (i != withKeys) continue;
            s.keysEmpty.wait((turn & 1) ^ 1);
            s.item = index;
            s.keysFull.arriveExpecting(2 * kKeyGroups * kTileBytes<Size>);
            for (int group = 0; group < kKeyGroups; ++group) {
                const int position = (first + group) * kTile;
                copyTile<Size>(s.k[group], kMap, head, position, row, s.keysFull);
                copyTile<Size>(s.v[group], vMap, head, position, row, s.keysFull);
            }
        }
    }
    s.keysEmpty.wait((turn & 1) ^ 1);
    s.item = -1;
    s.keysFull.arrive();
}

template <int Size>
__device__ __forceinline__ void scoreProducts(float (&score)[kTile / 2], std::uint64_t keys,
                                              std::uint64_t queries) {
#pragma unroll
    for (int k = 0; k < Size; k += 16)
        wgmmaShared<Major::Inner, Major::Inner>(score, wgmmaAdvance(keys, k / 64 * kHalf + k % 64 * 2),
                                                wgmmaAdvance(queries, k / 64 * kHalf + k % 64 * 2), k > 0);
    wgmmaCommit();
}

// One warpgroup's 64 keys.
template <int Size>
__device__ __forceinline__ void gradientOfKeys(KeyShared<Size>& s, const KeyArguments& a, int group) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5 & 3, levels = (a.h.tiles + 1) / 2;
    const int pairOfColumns = lane % 4 * 2;
    const float scale2 = a.scale * kLog2e;
    const std::uint32_t keys = sharedAddress(s.k[group]);
    std::uint32_t t = 0;
    for (std::uint32_t turn = 0;; ++turn) {
        s.keysFull.wait(turn & 1);
        const int index = s.item;
        __syncwarp();
        if (index < 0) break;
        const Item item = itemAt(a.h, levels, index);
        const int first = 2 * item.level + group;
        if (group == 1) {  // the first tile of queries lies before these keys
            s.full[t % kKeyStages].wait(t / kKeyStages & 1);
            s.empty[t % kKeyStages].arriveAsWarp();
            ++t;
        }
        if (first >= a.h.tiles) {
            s.keysEmpty.arriveAsWarp();
            continue;
        }
        const int pair = a.h.firstPair + item.pair;
        std::uint32_t* scores = reinterpret_cast<std::uint32_t*>(a.scores + item.pair * pairBytes(a.h.tiles) +
                                                                 scoreTile(first, first) * kScoreBytes) +
                                warp * 4 * 32 + lane;
        float dk[Size / 2] = {}, dv[Size / 2] = {}, p[kTile / 2], dp[kTile / 2];
        std::uint32_t left[4][4];
        const auto startScores = [&] {
            const std::uint32_t stage = t % kKeyStages, left64 = renewed(keys),
                                right64 = sharedAddress(s.q[stage]);
            s.full[stage].wait(t / kKeyStages & 1);
            keep(p);
            keep(dp);
            wgmmaFence();
            scoreProducts<Size>(p, wgmmaInner(left64), wgmmaInner(right64));
            scoreProducts<Size>(dp, wgmmaInner(left64 + kKeyGroups * kTileBytes<Size>),
                                wgmmaInner(right64 + kKeyStages * kTileBytes<Size>));
        };
        keep(dk);
        keep(dv);
        startScores();
        for (int i = first;; ++i) {
            const std::uint32_t stage = t % kKeyStages;
            const std::uint32_t rows = sharedAddress(s.tileRows[stage] + pairOfColumns);
            wgmmaWait<1>();
            keep(p);
            if (i > first) s.empty[(t - 1) % kKeyStages].arriveAsWarp();
            if (i == first) {
                const int key = warp * 16 + lane / 4 - pairOfColumns;
#pragma unroll
                for (int e = 0; e < kTile / 2; ++e)
                    if (key + e / 2 % 2 * 8 > e / 4 * 8 + e % 2) p[e] = -INFINITY;
            }
#pragma unroll
            for (int j = 0; j < kTile / 8; ++j) {
                const float2 lse = loadPair(rows + j * 32);
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    p[4 * j + e] = exp2Fast(p[4 * j + e] * scale2 - (e % 2 ? lse.y : lse.x));
#pragma unroll
                for (int h = 0; h < 2; ++h)
                    left[j / 2][j % 2 * 2 + h] = packBf16(p[4 * j + 2 * h], p[4 * j + 2 * h + 1]);
            }
            keep(left);
            keep(dv);
            wgmmaFence();
            gradientProducts<Size>(dv, left, wgmmaOuter(sharedAddress(s.dout[stage]), kHalf));
            // dv's left operand gives its registers to dk's: no other wait than for both.
            wgmmaWait<0>();
            keep(dp);
            keep(left);
            if (i + 1 == a.h.tiles) s.keysEmpty.arriveAsWarp();
#pragma unroll
            for (int j = 0; j < kTile / 8; ++j) {
                const float2 d = loadPair(rows + kTile * 4 + j * 32);
#pragma unroll
                for (int h = 0; h < 2; ++h) {
                    const std::uint32_t word = packBf16(p[4 * j + 2 * h] * (dp[4 * j + 2 * h] - d.x),
                                                        p[4 * j + 2 * h + 1] * (dp[4 * j + 2 * h + 1] - d.y));
                    left[j / 2][j % 2 * 2 + h] = word;
                    __stcs(scores + (j / 2 * 16 + j % 2 * 2 + h) * 32, word);
                }
            }
            scores += (i + 1) * (kScoreBytes / 4);
            keep(left);
            keep(dk);
            wgmmaFence();
            gradientProducts<Size>(dk, left, wgmmaOuter(sharedAddress(s.q[stage]), kHalf));
            ++t;
            if (i + 1 == a.h.tiles) break;
            startScores();
        }
        wgmmaWait<0>();
        keep(dk);
        keep(dv);
        s.empty[(t - 1) % kKeyStages].arriveAsWarp();
        const int row = pair / a.h.heads, head = pair % a.h.heads;
        const std::int64_t token = row * std::int64_t{a.h.length};
        storeRows<Size>(dv, 1.0f, a.dv + token * a.dvStride + head * Size, a.dvStride, first * kTile,
                        a.h.length);
        if (a.turn.positions != nullptr)
            turnBack<Size>(dk, {a.turn.positions + token, a.turn.cos, a.turn.sin}, first * kTile, a.h.length);
        storeRows<Size>(dk, a.scale, a.dk + token * a.dkStride + head * Size, a.dkStride, first * kTile,
                        a.h.length);
    }
}

template <int Size>
__global__ void __launch_bounds__(kKeyThreads, 1)
    keyKernel(const __grid_constant__ CUtensorMap qMap, const __grid_constant__ CUtensorMap kMap,
              const __grid_constant__ CUtensorMap vMap, const __grid_constant__ CUtensorMap doutMap,
              const __grid_constant__ KeyArguments a) {
    extern __shared__ __align__(1024) unsigned char memory[];
    auto& s = *reinterpret_cast<KeyShared<Size>*>(memory);
    if (threadIdx.x == 0) {
        for (int i = 0; i < kKeyStages; ++i) {
            s.full[i].init(1);
            s.empty[i].init(4 * kKeyGroups * kWarpArrivals);
        }
        s.keysFull.init(1);
        s.keysEmpty.init(4 * kKeyGroups * kWarpArrivals);
        barriersReady();
    }
    __syncthreads();
    const int group = __shfl_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x / 128), 0);
    if (group == 0) {
        leaveRegisters<24>();
        if (threadIdx.x == 0) loadKeys<Size>(s, qMap, kMap, vMap, doutMap, a);
    } else {
        takeRegisters<240>();
        gradientOfKeys<Size>(s, a, group - 1);
    }
}

}  // namespace caravan::kernels::cuda::attention_backward
