// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// y = x * rstd * weight, rstd = 1 / sqrt(mean(x^2) + eps); [rows, columns] contiguous, weight [columns], rstd
// [rows].
//
// Log, bf16, 16,384 rows of 4,096, H200 (copy 4.23 TB/s): floors 2 rows read or written forward, 3 backward,
// 4 with the residual. v1, a block per row: 3.0 TB/s forward. v2, a block per row with the row in
// registers: 2.65 forward, 2.30 backward (two barriers with nothing else under way). v3, a warp per row, all
// loads at once, no barrier: 3.57 forward, 3.76 backward, 4.50 with the residual (part of it still in the
// cache).
namespace caravan::kernels {

void rmsNormRows(const float* x, const float* weight, float eps, float* y, float* rstd, std::int64_t columns,
                 std::int64_t begin, std::int64_t end);
void rmsNormRows(const double* x, const double* weight, double eps, double* y, double* rstd,
                 std::int64_t columns, std::int64_t begin, std::int64_t end);
// x += add over n values: the residual, in the pass of the norm that reads it next
void addValues(float* x, const float* add, std::int64_t n);
void addValues(double* x, const double* add, std::int64_t n);
// dx = rstd (w dy - x rstd^2 mean(w dy x))
void rmsNormBackwardRows(const float* dy, const float* x, const float* weight, const float* rstd, float* dx,
                         std::int64_t columns, std::int64_t begin, std::int64_t end);
void rmsNormBackwardRows(const double* dy, const double* x, const double* weight, const double* rstd,
                         double* dx, std::int64_t columns, std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

// All tensors but rstd (fp32) have the element type. add (may be null): the row is x + add, rounded and
// stored in sum (which may be x or add).
struct RmsNormArguments {
    const void *x, *add, *weight;
    float eps;
    void *sum, *y;
    float* rstd;
    std::int64_t rows, columns;
};
int rmsNorm(Element element, const RmsNormArguments& arguments, Stream stream);
// add (may be null) is added to dx: the gradient that passes by the norm. dx may be dy or add.
struct RmsNormBackwardArguments {
    const void *dy, *x, *weight, *add;
    const float* rstd;
    void* dx;
    std::int64_t rows, columns;
};
int rmsNormBackward(Element element, const RmsNormBackwardArguments& arguments, Stream stream);

}  // namespace caravan::kernels::cuda
