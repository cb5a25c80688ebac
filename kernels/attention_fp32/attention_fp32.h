// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// Causal attention of packed rows in fp32 and its backward on tensor cores (compute capability 8.0 and
// above): each number is cut into two of TF32, three products stand for one (tiles.cuh), no sum of more than
// 32 products is left to the tensor cores. No sum is shared by blocks: equal inputs give equal bits.
namespace caravan::kernels::cuda {

struct AttentionFp32 {
    // [tokens, heads or kvHeads, size], heads behind each other; strides: elements from token to token,
    // multiples of 4; addresses multiples of 16 bytes
    const float *q, *k, *v;
    std::int64_t qStride, kStride, vStride;
    const std::int32_t* cumulative;  // [rows + 1]: row i holds tokens cumulative[i] .. cumulative[i + 1]
    std::int64_t tokens, rows, longest, heads, kvHeads, size;
    std::int64_t window;  // a query sees itself and window - 1 tokens before it; 0: all before it
    float scale;          // of the scores
    float* out;           // [tokens, heads, size]
    float* logsumexp;     // [heads, tokens]: of the scaled scores, natural; null: not wanted
};
struct AttentionFp32Backward {
    AttentionFp32 forward;  // out and logsumexp as attentionFp32() wrote them
    const float* dout;      // as q
    std::int64_t doutStride;
    float* sums;          // [heads, tokens]: scratch, <dout, out>
    float *dq, *dk, *dv;  // [tokens, heads, size]: dk and dv of each query head, not yet added up
};
// Sizes 64 and 128, where a block has the shared memory; fewer than 65,536 rows.
[[nodiscard]] bool attentionFp32Takes(std::int64_t size, std::int64_t rows);
int attentionFp32(const AttentionFp32& arguments, Stream stream);
int attentionFp32Backward(const AttentionFp32Backward& arguments, Stream stream);

}  // namespace caravan::kernels::cuda
