// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/bulk_copy.cuh"
#include "kernels/common/wgmma.cuh"

// What Hopper's products per expert share: tiles of 128 x 256 sums, 64 of the inner dimension a stage, two
// warpgroups of 64 x 256; work handed out tile by tile from a counter on the device.
namespace caravan::kernels::cuda::grouped {

inline constexpr int kRows = 128, kColumns = 256, kDeep = 64, kGroups = 2;
inline constexpr int kLeftBytes = kRows * 128, kRightBytes = kColumns * 128;
inline constexpr int kStageBytes = kLeftBytes + kRightBytes;
inline constexpr int kChunkBytes = kDeep * 128;  // 64 x 64
inline constexpr int kMostExperts = 128;
inline constexpr int kItems = 4;  // tiles that are announced ahead

// Stages pass in a ring; the phase flips each time round.
template <int Stages>
struct Turn {
    int stage = 0;
    std::uint32_t phase = 0;
    __device__ __forceinline__ void next() {
        if (++stage == Stages) {
            stage = 0;
            phase ^= 1;
        }
    }
};

// Tiles that one thread hands out to the others of the block; -1: no more.
struct Items {
    Barrier full[kItems], empty[kItems];
    int item[kItems];

    __device__ __forceinline__ void init(int warps) {
        for (int i = 0; i < kItems; ++i) {
            full[i].init(1);
            empty[i].init(warps * kWarpArrivals);
        }
    }
    __device__ __forceinline__ void give(const Turn<kItems>& t, int value) {
        empty[t.stage].wait(t.phase ^ 1);
        item[t.stage] = value;
        full[t.stage].arrive();
    }
    // By whole warps.
    __device__ __forceinline__ int take(Turn<kItems>& t) {
        full[t.stage].wait(t.phase);
        const int value = *static_cast<volatile int*>(&item[t.stage]);
        empty[t.stage].arriveAsWarp();
        t.next();
        return value;
    }
};

// Of `count` threads; id 0 is the block's own barrier.
__device__ __forceinline__ void barrierOf(int id, int count) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(count) : "memory");
}
// What ordinary stores wrote to shared memory is seen by products and copies that follow.
__device__ __forceinline__ void fenceForProducts() {
    CARAVAN_BULK(asm volatile("fence.proxy.async.shared::cta;" ::: "memory"));
}

// [rows][columns] as [columns / 64][rows][64], in boxes of `deep` rows and `chunks` times 64 columns.
inline bool describe(CUtensorMap& map, const void* p, std::int64_t rows, std::int64_t columns, int deep,
                     int chunks) {
    const auto bytes = static_cast<cuuint64_t>(columns) * 2;
    const cuuint64_t sizes[4] = {64, static_cast<cuuint64_t>(rows), static_cast<cuuint64_t>(columns / 64), 1},
                     strides[3] = {bytes, 128, bytes * static_cast<cuuint64_t>(rows)};
    const cuuint32_t box[4] = {64, static_cast<cuuint32_t>(deep), static_cast<cuuint32_t>(chunks), 1},
                     steps[4] = {1, 1, 1, 1};
    return encodeTiled()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 4, const_cast<void*>(p), sizes, strides, box,
                         steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                         CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                         CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

}  // namespace caravan::kernels::cuda::grouped
