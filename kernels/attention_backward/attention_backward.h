// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// Backward of causal attention over rows of one length, bf16 with fp32 sums, on Hopper (sm_90a) alone.
//
// Three kernels. One: <dout, out> of every query. Two: a block takes 128 keys of a head through all queries
// from the diagonal on; S^T = K Q^T and dP^T = V dO^T by wgmma, P^T and dS^T stay in registers as the left
// operands of dV += P^T dO and dK += dS^T Q; dS goes to memory (bf16, in the order of the registers). Three:
// dQ = dS K, a block takes 256 queries. Five products, as many as there have to be. dS of all heads would
// take length / (2 size) times q's bytes: parts of the heads follow each other, so that it keeps within 576
// MiB.
//
// No sum is shared by blocks and none runs in another order twice: equal inputs give equal bits, whichever
// block takes which keys. Against flash attention's exact backward the gradients differ in rounding (other
// tiles, other order of sums); ours are 2.3e-3 to 2.4e-3 from fp64's by norm.
//
// Log, one H200, 8 rows of 2,048, 32 heads of 128. Floor: 5 x 137 GFLOP at 784 TFLOP/s (the largest
// product's) 0.87 ms. Before: flash attention's exact backward 3.4 ms in a step's profile (3.13 and the
// passes around it).
// 1. Predicted 1.43 ms (0.08 + 1.0 + 0.35). Measured 1.43: <dout, out> 0.105, keys 0.97 (565 TFLOP/s of the
//    triangle), queries 0.37 (3.0 TB/s of dS); again at once, on a warmer card, 1.45 and keys 1.06. P kept in
//    bf16 alone for dS, which frees the registers to run dV beside dS: 1.43 and 1.49, error of dq 2.9e-3:
//    dropped. Reckoned per tile of 64 queries: tensor cores 2,048 cycles, shared memory about as many (both
//    operands of S and dP come from it).
// 2. <dout, out> by 4 KiB of neighbouring heads instead of one head's 256 bytes a token: 0.105 -> 0.080.
//    In turns on a warm card, a part (of two): keys 0.52 to 0.55 with 16 to 128 MiB of tensors side by side,
//    no clear order; queries 0.192, 0.208, 0.227 with 8, 32, 64 MiB of k. Whole 1.43, warm 1.46.
// In a 7B step (traced, 32 layers): rows 0.077, keys 1.22, queries 0.41 a layer, 55 ms of the step where
// flash attention's took 108. Others, first version: 4 x 4,096 2.73 ms, 32 x 512 0.63, 1 x 512 0.048; heads
// of 64, 8 x 2,048, 1.05.
// 3. dk and dq turned back by their positions' angles before they are stored, straight into the gradient of
//    the joined product (predicted, 8 layers at 8 x 2,048: elementwise 14.9 -> 13.3 ms, attention 19.0 ->
//    19.2): 13.3 and 19.5.
namespace caravan::kernels::cuda {

struct AttentionBackward {
    // [rows * length, heads, size] bf16, heads behind each other; strides: elements from token to token,
    // multiples of 8; addresses multiples of 16 bytes
    const void *q, *k, *v, *out, *dout;
    std::int64_t qStride, kStride, vStride, outStride, doutStride;
    const float* logsumexp;  // [rows, heads, length]: of the scaled scores, natural
    void *dq, *dk, *dv;
    std::int64_t dqStride, dkStride, dvStride;
    std::int64_t rows, length, heads, size;  // size 64 or 128
    float scale;                             // of the scores
    // q and k were rotated (kernels/rope): dq and dk are turned back, to be gradients of what stood there
    // before. [rows * length], [positions, size / 2]; positions null: dq and dk of q and k as they are.
    const std::int32_t* positions = nullptr;
    const float *cos = nullptr, *sin = nullptr;
    void* scratch = nullptr;  // attentionBackwardScratch() bytes, 16-byte aligned
};
// Bytes; 0: not for this card or shape (rows of any length whose scores of one head keep within 1,152 MiB).
[[nodiscard]] std::int64_t attentionBackwardScratch(std::int64_t rows, std::int64_t length,
                                                    std::int64_t heads, std::int64_t size);
int attentionBackward(const AttentionBackward& arguments, Stream stream);

}  // namespace caravan::kernels::cuda
