// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// Causal attention of packed rows in fp32 and its backward on tensor cores (compute capability 8.0 and
// above): each number is cut into two of TF32, three products stand for one (tiles.cuh), no sum of more than
// 32 products is left to the tensor cores. No sum is shared by blocks: equal inputs give equal bits.
//
// Three kernels: out of queries; dq of queries, with <dout, out>; dk and dv of keys, head by head of the
// queries, so that rows of 512 fill the card. Scores are made again in the backward ones: seven products
// instead of five, and nothing in memory between them. A block has 64 rows of heads of 64, 128 of heads of
// 128.
//
// Log, one H200, a layer of the reference run (6,200 tokens in rows of up to 512, 6 heads of 64 over 2 key
// heads), traced. The library's memory-efficient kernels: forward 84 us, backward 412, one block a row and
// head, and copies of keys and values for every head. Floor: at 100 TFLOP/s (TF32, three products) about 10
// and 35 us. Predicted: 40 and 120 us. v1, four warps a block: 48, and 70 + 105; a step 16.8 -> 14.2 ms, the
// run's 278 steps 4.65 -> 3.91 s. 4 x 2,048, 32 heads of 128: 4.00 and 16.4 ms, the library 3.27 and 9.98.
// v2, eight warps for heads of 128 (predicted: 2.3 and 9): 2.86 and 10.8; three blocks a multiprocessor for
// heads of 64 instead of two: no difference. low without rounding high (predicted: 10 % of all): 2.80 and
// 10.8, not kept. v3, products that add to one sum apart from each other: 2.82 and 10.1, library 3.24 and
// 9.85; the reference run 3.91 s. Error against fp64 below 1e-6 (out, dv) and 1.5e-6 (dq, dk) by norm.
// Left: shared memory, cutting and tensor cores are reckoned to take some 100 cycles each of a step of eight
// inner indices: 32 rows a warp would halve the first two.
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
