// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// Rotary positions, Hugging Face's half-split layout, in place: pairs (i, i + half) of every head.
//
// Log, bf16, 16,384 tokens, 32 + 32 heads of 128, H200 (copy 4.23 TB/s): in place on the joined product 3.75
// TB/s; back and joined in one pass 3.88 TB/s (before: two rotations and a concatenation, 10 tensor passes
// instead of 6). Attention's own backward on Hopper turns its gradients back itself since
// (kernels/attention_backward). A prompt's 2,048 tokens into a cache: 17 us in place and two copies of 8 and
// 11, 40 with the gaps; in one launch 27.
namespace caravan::kernels {

struct RopeShape {
    std::int64_t heads = 0, half = 0;  // half = head size / 2
    std::int64_t rowStride = 0;        // elements from one token to the next; heads lie behind each other
    bool inverse = false;              // rotates back: the backward
};
// x [tokens, heads, 2 half], positions [tokens], cos and sin [positions, half] fp32
void ropeRows(float* x, const std::int32_t* positions, const float* cos, const float* sin,
              const RopeShape& shape, std::int64_t begin, std::int64_t end);
void ropeRows(double* x, const std::int32_t* positions, const double* cos, const double* sin,
              const RopeShape& shape, std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

int rope(Element element, void* x, const std::int32_t* positions, const float* cos, const float* sin,
         const RopeShape& shape, std::int64_t tokens, Stream stream);
// out [tokens, (heads + 2 kvHeads) 2 half] = query and key rotated back, value as it is: dL/d(joined product)
// from attention's gradients, in one pass. Strides in elements from one token to the next, heads behind each
// other; half, strides and addresses are multiples of 8 elements.
struct RopeJoinArguments {
    const void *query, *key, *value;
    std::int64_t queryStride, keyStride, valueStride;
    const std::int32_t* positions;
    const float *cos, *sin;
    void* out;
    std::int64_t heads, kvHeads, half, tokens;
};
int ropeJoin(Element element, const RopeJoinArguments& arguments, Stream stream);
// query is rotated in place; keyRows = key rotated, valueRows = value, as they are kept for tokens to come.
// The same strides and alignment as above.
struct RopeRowsArguments {
    void* query;
    const void *key, *value;
    void *keyRows, *valueRows;
    std::int64_t queryStride, keyStride, valueStride, keyRowStride, valueRowStride;
    const std::int32_t* positions;
    const float *cos, *sin;
    std::int64_t heads, kvHeads, half, tokens;
};
int ropeRows(Element element, const RopeRowsArguments& arguments, Stream stream);

}  // namespace caravan::kernels::cuda
