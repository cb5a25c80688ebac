// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// One query token per row of the batch against its key and value cache.
namespace caravan::kernels {

struct DecodeShape {
    std::int64_t heads = 0, kvHeads = 0, headSize = 0;
    std::int64_t rowStride = 0, positionStride = 0, headStride = 0;  // of keys and values, elements
    std::int64_t window = 0;                                         // 0 = everything
    std::int64_t capacity = 0;
};
// q, out [B, heads, headSize]; lengths [B]: positions held, the query's own included; items [begin, end) of B
// * heads
void decodeAttention(const float* q, const float* keys, const float* values, const std::int32_t* lengths,
                     float* out, const DecodeShape& shape, std::int64_t begin, std::int64_t end);
void decodeAttention(const double* q, const double* keys, const double* values, const std::int32_t* lengths,
                     double* out, const DecodeShape& shape, std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

// q, keys, values and out in one element type; head size at most 256
int decodeAttention(Element element, const void* q, const void* keys, const void* values,
                    const std::int32_t* lengths, void* out, const DecodeShape& shape, std::int64_t items,
                    Stream stream);

}  // namespace caravan::kernels::cuda
