// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/launch.h"

// bf16 products with fp32 sums through cublasLt, with the algorithm chosen here: of those that the library
// offers for a shape, its own first choice is up to 12 % slower than the best (H200, CUDA 13.0, 16,384 rows).
// The rule is fixed, so that every run gives the same bits.
namespace caravan::engine::cuda {

struct Product {
    const void *x, *weight;  // x [rows, inner]; weight [outer, inner] if transposed, else [inner, outer]
    void* y;                 // [rows, outer] = x weight (^T) + beta y
    std::int64_t rows, inner, outer;
    std::int64_t xStride, weightStride, yStride;  // elements from row to row
    bool transposed;
    float beta;
    void* workspace;
    std::size_t workspaceBytes;
};
inline constexpr int kNoProduct = -1;  // no such library, or it has nothing for this shape: use another way
int product(const Product& product, kernels::cuda::Stream stream);

}  // namespace caravan::engine::cuda
