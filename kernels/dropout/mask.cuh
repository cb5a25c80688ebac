// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/device.cuh"
#include "kernels/common/philox.h"

namespace caravan::kernels::cuda {

// Of the step at work: a graph's launches read them from memory.
__device__ __forceinline__ PhiloxKey keyOf(const DropoutMask& mask) {
    PhiloxKey key = mask.key;
    if (mask.live) key.counter2 = __ldg(&mask.live->step);
    return key;
}
__device__ __forceinline__ std::int64_t rowOffsetOf(const DropoutMask& mask) {
    return mask.live ? __ldg(&mask.live->rowOffset) : mask.rowOffset;
}

// What a block of the mask decides about its eight columns, as comparisons alone: the high half-word is
// compared with the low one behind it, which cannot change the outcome. threshold at most 65535.
struct KeptEight {
    PhiloxBlock drawn;
    std::uint32_t limit;
    __device__ __forceinline__ KeptEight(const PhiloxKey& key, std::uint32_t threshold, std::uint64_t block)
        : drawn(philox(key, block)), limit(threshold << 16) {}
    __device__ __forceinline__ bool operator()(int column) const {
        const std::uint32_t word = drawn.word[column / 2];
        return (column % 2 == 0 ? word << 16 : word) >= limit;
    }
};

// keep[i] = scale or 0 for the eight columns of a block
__device__ __forceinline__ void keepEight(const DropoutMask& mask, std::int64_t maskRow, std::int64_t columns,
                                          std::int64_t column, float* keep) {
    const PhiloxBlock b =
        philox(keyOf(mask), static_cast<std::uint64_t>(maskRow * blocksPerRow(columns) + column / 8));
#pragma unroll
    for (int w = 0; w < 4; ++w) {
        keep[2 * w] = (b.word[w] & 0xFFFFu) >= mask.threshold ? mask.scale : 0.0f;
        keep[2 * w + 1] = (b.word[w] >> 16) >= mask.threshold ? mask.scale : 0.0f;
    }
}

}  // namespace caravan::kernels::cuda
