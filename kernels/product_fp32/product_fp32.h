// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"
#include "kernels/common/philox.h"

// Products of fp32 matrices on Hopper's tensor cores (sm_90), as exact as fp32 multiply-adds: each number is
// cut into two fp16 halves after a power of two (split.cuh). Deterministic: sums have a fixed order.
namespace caravan::kernels::cuda {

inline constexpr int kFp32Stretches = 4;  // most of one product
inline constexpr int kFp32Products = 6;   // most of one launch
inline constexpr int kFp32NotTaken = -1;  // sizes or a card that the kernels are not for: nothing launched
inline constexpr std::int64_t kFp32Unit = 64;  // columns and inner dimensions are multiples

// Where dropout's mask lies: nowhere, on a's numbers (transposed), or on the stretch's share of y (not
// transposed, columns a multiple of 128).
enum class Fp32Mask : std::int32_t { None, Left, Result };
// One stretch of a sum's inner dimension: scale * a b, masked; the mask's own scale included. Rows are
// 16-byte aligned; inner 0: none, and none behind it.
struct Fp32Stretch {
    const float* a;  // [rows, inner]
    const float* b;  // [columns, inner] (transposed) or [inner, columns]
    std::int64_t aStride, bStride, inner;
    float scale;
    Fp32Mask masked;
    DropoutMask mask;
};
// y [rows, columns] = the stretches' sum, plus y if add
struct Fp32Product {
    Fp32Stretch stretch[kFp32Stretches];
    float* y;
    std::int64_t yStride, rows, columns;
    bool add;
};
struct Fp32Products {
    Fp32Product of[kFp32Products];
    int count;
    bool transposed;
};
int productFp32(const Fp32Products& products, Stream stream);

// sum [rows, columns] += scale * a^T b over all tokens; a [tokens, rows], b [tokens, columns], masked by
// dropout if masked.
struct Fp32Gradient {
    const float *a, *b;
    std::int64_t aStride, bStride;
    float* sum;
    std::int64_t sumStride, rows, columns;
    float scale;
    bool masked;
    DropoutMask mask;
};
struct Fp32Gradients {
    Fp32Gradient of[kFp32Products];
    int count;
    std::int64_t tokens;
};
std::int64_t gradientFp32Scratch(const Fp32Gradients& gradients);  // floats
int gradientFp32(const Fp32Gradients& gradients, float* scratch, Stream stream);

}  // namespace caravan::kernels::cuda
