// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"
#include "kernels/common/philox.h"

// Products of LoRA at rank 64 that apply dropout masks while they read, for up to three linears that share
// their input (own masks, own A). bf16 with fp32 sums. On other ranks, types and on the CPU the same values
// come from dropout() and ordinary products, which are also the oracle.
//
// Why: masks through memory cost, per linear and direction, a pass that writes the masked input and one that
// adds the masked gradient. 7B layer, 16,384 tokens, dropout 0.1: 13 extra passes over 134 to 361 MB, 2.6 ms
// at the 3.5 TB/s that those kernels reach. Floor of these three: one read of x for down, one read of x for
// the gradient, one read and write of dx: 0.14 ms for q|k|v and as much for gate|up. Measured, H200: LoRA of
// the whole step 158 ms (4.9 a layer) with dropout 0.1, 88 ms without (the library's products of x and dy,
// own gradients); Philox is drawn three times per site and is what the difference is. Gradients of A and B
// with four blocks a multiprocessor instead of two: q|k|v 0.354 -> 0.314 ms, gate|up 0.470 -> 0.409; by
// Hopper's own instructions, without masks, 0.156 and 0.231 (lora_gradient_hopper.cuh). 512 tokens, inner
// dimensions split over blocks: 47.9 -> 25.3 ms of a step's LoRA.
namespace caravan::kernels::cuda {

constexpr std::int64_t kLoraRank = 64;
constexpr int kLoraSites = 3;

struct LoraSites {
    const void* a[kLoraSites];  // [64, columns] bf16 each, contiguous
    DropoutMask mask[kLoraSites];
    int count = 0;
    bool masked = false;  // false: no dropout
    bool hopper = false;  // kernels for compute capability 9.0 may be used, if the device has it
};

// h [tokens, 64 count] = (x * mask_i * scale) a_i^T; x [tokens, columns] contiguous, columns a multiple
// of 64. Few tokens: the columns are split over more blocks, whose sums meet in scratch (fp32, in a fixed
// order).
[[nodiscard]] std::int64_t loraDownScratch(std::int64_t tokens, std::int64_t columns, int sites);
int loraDown(const void* x, const LoraSites& sites, void* h, float* scratch, std::int64_t tokens,
             std::int64_t columns, Stream stream);
// Without masks, on compute capability 9.0 alone (else kLoraNotTaken): what a product of the frozen weights
// then adds to. Up: y = scale[i] h_i weight_i^T in each site's own columns, weight [width, 64]. Else y =
// sum_i h_i weight_i in columns 0 to width[0], weight [64, width[0]]. h [tokens, 64 count]; weights
// contiguous; strides, first and width multiples of 8, width[0] of 64 where it is summed.
struct LoraSpread {
    const void* h;
    void* y;
    std::int64_t hStride, yStride, tokens;
    const void* weight[kLoraSites];
    std::int64_t first[kLoraSites], width[kLoraSites];
    float scale[kLoraSites];
    int count;
    bool up;
};
inline constexpr int kLoraNotTaken = -1;
int loraSpread(const LoraSpread& spread, Stream stream);
// dx [tokens, columns] = (dx if add) + sum_i mask_i * scale * (dh_i a_i); dh [tokens, 64 count]; columns a
// multiple of 128
int loraInput(const void* dh, const LoraSites& sites, void* dx, std::int64_t tokens, std::int64_t columns,
              bool add, Stream stream);

// sum += scale * rows^T (x * mask * mask's scale), per site, in fp32 and in a fixed order. rows [tokens, 64
// count]: for dA dh, with x the input. For dB (transposed, no mask) h, with x the gradient of the joined
// outputs: each site has its own columns of it.
struct LoraGradient {
    const void* rows;
    const void* x;
    std::int64_t rowStride, xStride;  // elements, multiples of 8
    float* sum[kLoraSites];           // [64, columns]; transposed: [width, 64]
    float scale[kLoraSites];
    bool transposed;
    // Transposed: the site's columns of x, multiples of 8 and 64.
    std::int64_t first[kLoraSites], width[kLoraSites];
    std::int64_t tokens, columns;  // of x; columns a multiple of 64
    float* scratch;                // loraGradientScratch() floats
    bool hopper = false;           // kernels for compute capability 9.0 may be used, if the device has it
    // The launch ahead in the stream is loraGradient() too, and reads none of this one's results, nor the
    // other way round: may start before that one has ended.
    bool follows = false;
};
// columns: transposed, of the widest site
[[nodiscard]] std::int64_t loraGradientScratch(std::int64_t tokens, std::int64_t columns, int sites);
int loraGradient(const LoraGradient& gradient, const LoraSites& sites, Stream stream);

}  // namespace caravan::kernels::cuda
