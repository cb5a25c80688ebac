// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/grouped_adapter/grouped_hopper.h"
#include "kernels/grouped_adapter/hopper_tiles.cuh"

// sum[expert] += a_e^T b_e: tiles of 128 x 256 of an expert's sums over all its slots, added where they
// belong by the block that made them. Both operands lie with the summed index outside.
namespace caravan::kernels::cuda::grouped {

inline constexpr int kGradientStages = 4, kGradientThreads = 128 * (kGroups + 1);
// What a warp adds at a time: 16 rows of its sums.
inline constexpr int kBoxRows = 16, kBoxColumns = 32, kBoxBytes = kBoxRows * kBoxColumns * 4;

struct GradientShared {
    unsigned char ring[kGradientStages][kStageBytes];
    unsigned char boxes[4 * kGroups][2 * kBoxBytes];
    Barrier full[kGradientStages], empty[kGradientStages];
    Items items;
    int offset[kMostExperts + 1], byCount[kMostExperts], used;
};

struct GradientJob {
    int rowTiles, columnTiles, experts;
    const std::int32_t* offsets;
    int* counter;
};

// Experts with the most slots come first, those without any not at all.
__device__ __forceinline__ void orderExperts(GradientShared& s, const GradientJob& job) {
    for (int i = threadIdx.x; i <= job.experts; i += blockDim.x)
        s.offset[i] = job.offsets[i];
    if (threadIdx.x == 0) s.used = 0;
    __syncthreads();
    for (int e = threadIdx.x; e < job.experts; e += blockDim.x) {
        const int count = s.offset[e + 1] - s.offset[e];
        int rank = 0;
        for (int i = 0; i < job.experts; ++i) {
            const int other = s.offset[i + 1] - s.offset[i];
            rank += other > count || (other == count && i < e);
        }
        s.byCount[rank] = e;
        if (count > 0) atomicAdd(&s.used, 1);
    }
}

struct GradientPlace {
    int first, slots, row, column, sumRow;  // sorted rows; tile of the sums, its first row of all experts'
    __device__ __forceinline__ GradientPlace(const GradientShared& s, const GradientJob& job, int item) {
        const int tiles = job.rowTiles * job.columnTiles, expert = s.byCount[item / tiles],
                  within = item % tiles;
        // Neighbours share the longer side's operand.
        const bool rowsFirst = job.rowTiles < job.columnTiles;
        row = rowsFirst ? within % job.rowTiles : within / job.columnTiles;
        column = rowsFirst ? within / job.rowTiles : within % job.columnTiles;
        first = s.offset[expert];
        slots = s.offset[expert + 1] - first;
        sumRow = expert * job.rowTiles * kRows + row * kRows;
    }
    __device__ __forceinline__ int steps() const { return (slots + kDeep - 1) / kDeep; }
};

// One thread.
__device__ __forceinline__ void loadSlots(GradientShared& s, const CUtensorMap& aMap, const CUtensorMap& bMap,
                                          const GradientJob& job) {
    const int count = s.used * job.rowTiles * job.columnTiles;
    Turn<kGradientStages> t;
    Turn<kItems> turn;
    int next = atomicAdd(job.counter, 1);
    while (next < count) {
        s.items.give(turn, next);
        turn.next();
        const GradientPlace tile(s, job, next);
        next = atomicAdd(job.counter, 1);
        const int steps = tile.steps();
        for (int k = 0; k < steps; ++k, t.next()) {
            s.empty[t.stage].wait(t.phase ^ 1);
            s.full[t.stage].arriveExpecting(kStageBytes);
            const int slot = tile.first + k * kDeep;
            copyBox(s.ring[t.stage], aMap, 0, slot, tile.row * (kRows / 64), 0, s.full[t.stage]);
            copyBox(s.ring[t.stage] + kLeftBytes, bMap, 0, slot, tile.column * (kColumns / 64), 0,
                    s.full[t.stage]);
        }
    }
    s.items.give(turn, -1);
}

// Adds a warp's box of 16 rows by 32 columns, laid out as the copy engine's 128-byte swizzle has it, to the
// sums. In a launch an element gets this one addend, and launches follow each other: no order is left open.
__device__ __forceinline__ void addBox(const CUtensorMap& map, const void* from, int column, int row) {
    CARAVAN_BULK(
        asm volatile("cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group [%0, {%2, %3}], "
                     "[%1];\ncp.async.bulk.commit_group;" ::"l"(&map),
                     "r"(sharedAddress(from)), "r"(column), "r"(row)
                     : "memory"));
}
// Until at most Pending of the thread's boxes are still to be read.
template <int Pending>
__device__ __forceinline__ void awaitBoxes() {
    CARAVAN_BULK(asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(Pending) : "memory"));
}

// One warpgroup's 64 rows of the sums.
__device__ __forceinline__ void sumSlots(GradientShared& s, const CUtensorMap& sumMap, const GradientJob& job,
                                         int group) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5 & 3, thread = threadIdx.x & 127;
    unsigned char* boxes = s.boxes[group * 4 + warp];
    Turn<kGradientStages> t;
    Turn<kItems> turn;
    float sum[2][64];
    for (;;) {
        const int item = s.items.take(turn);
        if (item < 0) break;
        const GradientPlace tile(s, job, item);
        const int steps = tile.steps();
        int before = 0;
        for (int k = 0; k < steps; ++k, t.next()) {
            s.full[t.stage].wait(t.phase);
            unsigned char* own = s.ring[t.stage] + group * kChunkBytes;
            if (const int rows = tile.slots - k * kDeep; rows < kDeep) {  // what follows is other experts'
                for (int i = rows * 8 + thread; i < kDeep * 8; i += 128)
                    *reinterpret_cast<uint4*>(own + i * 16) = make_uint4(0, 0, 0, 0);
                fenceForProducts();
                barrierOf(1 + group, 128);
            }
            const std::uint64_t left = wgmmaOuter(sharedAddress(own), kChunkBytes),
                                right = wgmmaOuter(sharedAddress(s.ring[t.stage]) + kLeftBytes, kChunkBytes);
            keep(sum[0]);
            keep(sum[1]);
            wgmmaFence();
#pragma unroll
            for (int d = 0; d < kDeep / 16; ++d)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    wgmmaShared<Major::Outer, Major::Outer>(
                        sum[half], wgmmaAdvance(left, d * 2048),
                        wgmmaAdvance(right, d * 2048 + half * (kRightBytes / 2)), k + d > 0);
            wgmmaCommit();
            keep(sum[0]);
            keep(sum[1]);
            wgmmaWait<1>();  // the stage before has been read
            if (k > 0) s.empty[before].arriveAsWarp();
            before = t.stage;
        }
        wgmmaWait<0>();
        keep(sum[0]);
        keep(sum[1]);
        s.empty[before].arriveAsWarp();
#pragma unroll
        for (int c = 0; c < kColumns / kBoxColumns; ++c) {
            unsigned char* box = boxes + c % 2 * kBoxBytes;
            if (lane == 0) awaitBoxes<1>();
            __syncwarp();
#pragma unroll
            for (int j = 0; j < kBoxColumns / 8; ++j)
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    const int row = lane / 4 + half * 8, column = j * 8 + lane % 4 * 2;
                    const float* v = sum[c / 4] + (c % 4 * 4 + j) * 4 + half * 2;
                    *reinterpret_cast<float2*>(box + row * 128 + ((column / 4 ^ (row & 7)) << 4) +
                                               column % 4 * 4) = make_float2(v[0], v[1]);
                }
            fenceForProducts();
            __syncwarp();
            if (lane == 0)
                addBox(sumMap, box, tile.column * kColumns + c * kBoxColumns,
                       tile.sumRow + group * 64 + warp * 16);
        }
    }
    if (lane == 0) CARAVAN_BULK(asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"));
}

}  // namespace caravan::kernels::cuda::grouped
