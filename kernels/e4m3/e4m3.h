// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// Rows in e4m3 (1 sign, 4 exponent, 3 fraction bits, largest value 448) with one scale each: scale = max|x| /
// 448, code = e4m3(x 448 / max|x|) rounded to nearest, ties to even, so that x is about code * scale. A row
// of zeros has scale 1. A row with a NaN or an infinity gives NaN, so that the loss shows it.
//
// Floor: 3 bytes a value (bf16 read, e4m3 written). Prediction for a step of the 7B shape at 8x2048: 25 ms of
// about 1,000 for both directions of all layers. Not measured yet.
namespace caravan::kernels {

inline constexpr float kE4m3Largest = 448.0F;

// out = code * scale of rows [begin, end), x and out [rows, columns] contiguous: what a product in fp8 reads,
// for the CPU, which multiplies in fp32.
void roundE4m3Rows(const float* x, float* out, std::int64_t columns, std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

struct E4m3Rows {
    const void* x = nullptr;             // bf16 [rows, columns], 16-byte aligned
    std::int64_t rowStride = 0;          // elements, a multiple of 8
    void* codes = nullptr;               // e4m3 [rows, columns] contiguous, 8-byte aligned
    float* scale = nullptr;              // [rows]
    std::int64_t rows = 0, columns = 0;  // columns a multiple of 8
};
int quantizeE4m3(const E4m3Rows& rows, Stream stream);

}  // namespace caravan::kernels::cuda
