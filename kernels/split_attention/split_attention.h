// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// Attention of one new token of each of `batch` sequences against its cache, from the raw joined projection:
// norms of query and key where the model has them, RoPE, the write of key and value to the cache, and the
// attention, in one launch. The positions are cut into `splits` runs that blocks take at once; the last block
// of a group of heads merges them in order: a sequence's bits do not depend on the others. Floor: the bytes
// of the caches, read once (asked into L2 before the projection has finished).
namespace caravan::kernels {

struct SplitAttention {
    std::int64_t heads = 0, kvHeads = 0, headSize = 0;  // headSize even, at most 256
    std::int64_t positionStride = 0, headStride = 0;    // of keys and values, elements
    std::int64_t window = 0;                            // 0 = everything
    std::int64_t splits = 1;                            // at most 32
    std::int64_t batch = 1;
    const void* qkv = nullptr;                            // [batch, (heads + 2 kvHeads) headSize] elements
    const void *queryNorm = nullptr, *keyNorm = nullptr;  // [headSize] elements or null
    float eps = 0;
    const float *cos = nullptr, *sin = nullptr;  // [positions, headSize / 2]
    // Of the new token = positions held before it; of sequence b at position[b positionStep]. Negative:
    // nothing is read or written for this sequence.
    const std::int32_t* position = nullptr;
    std::int64_t positionStep = 0;
    void *keys = nullptr, *values = nullptr;  // of the one sequence, or per sequence:
    void* const* keysOf = nullptr;            // [batch], or null
    void* const* valuesOf = nullptr;
    void* out = nullptr;               // [batch, heads, headSize] elements
    float* partial = nullptr;          // [batch, heads, splits, headSize + 2]
    std::uint32_t* arrived = nullptr;  // [batch, heads]; zero, and left zero
    bool hopper = false;               // clusters may be used: splits, partial and arrived are not
    const void* ahead = nullptr;       // what the next kernel reads first, or null
    std::int64_t aheadBytes = 0;
};
// The plain CPU version: elements are fp32; splits, partial and arrived are not used.
void splitAttention(const SplitAttention& attention);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

int splitAttention(Element element, const SplitAttention& attention, Stream stream);

}  // namespace caravan::kernels::cuda
