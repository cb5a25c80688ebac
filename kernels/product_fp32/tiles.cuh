// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/product_fp32/columns.cuh"
#include "kernels/product_fp32/rows.cuh"

// What the warps of a block do. Four warps cut b's chunks into halves in shared memory; two warpgroups read
// a's from memory into registers, cut them there, multiply, and add each chunk's sum to their own. Blocks
// stay and take every gridDim.x-th tile; loads run on into the next tile.
//
// Floor: three products in fp16, so a third of 990 TFLOP/s; with tiles of 128 x 128 the L2 cache should give
// about 170. Log, one H200, the products of a step of base-16m (6,421 tokens, LoRA of rank 64, head of 3,000
// rows), each alone in a graph with inputs in rotation; the library in fp32: 15.9 ms. v1 (predicted: 4): 7.5
// ms, wrong: a's next halves were made while the products ran, and the assembler gave them registers that the
// products still read. v2, cut behind the wait instead, masks drawn on the way: 7.6 ms with the masks of dx,
// which were passes of their own; y of gate|up 121 us, 98 TFLOP/s; the head's y 108 (library 46); dx of
// gate|up with its two masks 156 us, without 132; all gradients of gate|up 47. Relative error 1.1e-7
// to 3.1e-7 over inner dimensions of 64 to 8,192, the library's 1.4e-7 to 3.2e-7 over 64 to 6,421. Reference
// run with the demo's rows: 278 steps in 4.86 s; the generic paths 60 in 1.86 s. A chunk takes some 2,100
// cycles where the tensor cores need 768. Not for want of a's numbers: v3, four chunks of them ahead by
// asynchronous copies of each thread's own (predicted: 4 to 5 ms), gives the same bits and a reference run of
// 4.99 and 5.03 s, v2 4.93 and 4.90 beside it. Not kept. Left: a warpgroup cuts while its products rest.
namespace caravan::kernels::cuda::fp32 {

template <class S>
struct Consumer {
    Barriers<S>& barriers;
    std::uint32_t ring;  // of the team
    float* exchange;
    int team, group, count = 0;  // group: the warpgroup

    using Sum = float[S::kColumns / 2];

    __device__ __forceinline__ void multiply(Sum& part, Fragments& f, std::uint32_t stage) {
        const std::uint64_t right = wgmmaInner(stage);
        keep(part);
        keep(f.high);
        keep(f.low);
        wgmmaFence();
        // What is small first: the tensor cores cut their sums off.
#pragma unroll
        for (int s = 0; s < 2; ++s)
            multiplyHalves(part, f.low[s], wgmmaAdvance(right, s * 32), s > 0);
#pragma unroll
        for (int s = 0; s < 2; ++s)
            multiplyHalves(part, f.high[s], wgmmaAdvance(right, 64 + s * 32), true);
#pragma unroll
        for (int s = 0; s < 2; ++s)
            multiplyHalves(part, f.high[s], wgmmaAdvance(right, s * 32), true);
        wgmmaCommit();
    }

    __device__ __forceinline__ void store(const Sum& sum, const Jobs& jobs, const Place& place,
                                          int tile) const {
        const Job& job = jobs.of[place.job];
        const int first = S::kTeams == 1 ? group * 64 : 0, q = threadIdx.x & 3;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int within = first + Rows<S>::rowOf(half), row = place.row + within;
            float* to = S::kAOuter ? job.y + static_cast<std::int64_t>(tile) * (S::kRows * S::kColumns) +
                                         within * S::kColumns
                                   : job.y + row * job.yStride + place.column;
            if (!S::kAOuter && row >= job.rows) continue;
#pragma unroll
            for (int w = 0; w < S::kGroups; ++w)
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                    const int i = 16 * w + half * 2 + e;
                    auto* at = reinterpret_cast<float4*>(to + w * 32 + e * 16 + q * 4);
                    float4 v = make_float4(sum[i], sum[i + 4], sum[i + 8], sum[i + 12]);
                    if (job.add) {
                        const float4 old = *at;
                        v.x += old.x, v.y += old.y, v.z += old.z, v.w += old.w;
                    }
                    *at = v;
                }
        }
    }

    // The second team's sum goes to the first.
    __device__ __forceinline__ void join(Sum& sum) const {
        const int thread = threadIdx.x & 127;
        if (group == 1)
#pragma unroll
            for (int i = 0; i < S::kColumns / 2; ++i)
                exchange[i * 128 + thread] = sum[i];
        asm volatile("bar.sync 1, 256;" ::: "memory");
        if (group == 0)
#pragma unroll
            for (int i = 0; i < S::kColumns / 2; ++i)
                sum[i] += exchange[i * 128 + thread];
        asm volatile("bar.sync 1, 256;" ::: "memory");
    }

    __device__ __forceinline__ void run(const Jobs& jobs) {
        const int first = S::kTeams == 1 ? group * 64 : 0;
        Walk<S> ahead(jobs, team), walk(jobs, team);
        if (!walk.more()) return;
        Rows<S> rows;
        Fragments now;
        Kept kept{};
        Sum part, sum;
#pragma unroll
        for (int i = 0; i < S::kColumns / 2; ++i)
            sum[i] = 0;
        rows.load(ahead, first);
        while (walk.more()) {
            const int stage = count % S::kStages;
            barriers.full[team][stage].wait(count / S::kStages & 1);
            // Not while the products run: to the assembler their operands' registers are free once they
            // have begun, and what it writes there reaches them (seen: wrong sums).
            cut(rows, now);
            ahead.next();
            if (ahead.more()) rows.load(ahead, first);
            float factor[S::kGroups][2];
#pragma unroll
            for (int w = 0; w < S::kGroups; ++w)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    factor[w][half] = barriers.down[team][stage][w] * walk.at().scale * now.down[half];
            multiply(part, now, ring + stage * S::kStageBytes);
            wgmmaWait<0>();
            keep(part);
            keep(now.high);
            keep(now.low);
            barriers.empty[team][stage].arriveAsWarp();
            ++count;
            if (S::kMask == Fp32Mask::Result && walk.at().masked) {
                if (walk.chunk == team) kept.draw(walk, first);
#pragma unroll
                for (int i = 0; i < S::kColumns / 2; ++i)
                    part[i] = kept(i) ? part[i] : 0;
            }
#pragma unroll
            for (int i = 0; i < S::kColumns / 2; ++i)
                sum[i] = fmaf(part[i], factor[i / 16][i / 2 % 2], sum[i]);
            const int tile = walk.tile;
            const Place place = walk.place;
            if (!walk.next() || walk.tile == tile) continue;
            if (S::kTeams == 2) join(sum);
            if (S::kTeams == 1 || group == 0) store(sum, jobs, place, tile);
#pragma unroll
            for (int i = 0; i < S::kColumns / 2; ++i)
                sum[i] = 0;
        }
    }
};

template <class S>
__global__ void __launch_bounds__(kThreads, 1) productKernel(const __grid_constant__ Jobs jobs) {
    extern __shared__ __align__(1024) unsigned char memory[];
    __shared__ Barriers<S> barriers;
    unsigned char* ring = memory + (1024 - sharedAddress(memory) % 1024) % 1024;
    if (threadIdx.x == 0) {
        for (int t = 0; t < S::kTeams; ++t)
            for (int i = 0; i < S::kStages; ++i) {
                barriers.full[t][i].init(S::kGroups * kWarpArrivals);
                barriers.empty[t][i].init(4 * kConsumers / S::kTeams * kWarpArrivals);
            }
        barriersReady();
    }
    __syncthreads();
    const int group = __shfl_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x / 128), 0);
    constexpr int kTeamBytes = S::kStages * S::kStageBytes;
    if (group == kConsumers) {
        leaveRegisters<104>();
        const int warp = threadIdx.x / 32 & 3, team = S::kTeams == 1 ? 0 : warp / 2;
        Producer<S>{barriers, ring + team * kTeamBytes, team, S::kTeams == 1 ? warp : warp % 2}.run(jobs);
    } else {
        takeRegisters<200>();
        const int team = S::kTeams == 1 ? 0 : group;
        Consumer<S>{barriers, sharedAddress(ring) + team * kTeamBytes,
                    reinterpret_cast<float*>(ring + S::kTeams * kTeamBytes), team, group}
            .run(jobs);
    }
}

}  // namespace caravan::kernels::cuda::fp32
