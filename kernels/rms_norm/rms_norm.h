// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// y = x * rstd * weight, rstd = 1 / sqrt(mean(x^2) + eps); [rows, columns] contiguous, weight [columns], rstd
// [rows].
namespace caravan::kernels {

void rmsNormRows(const float* x, const float* weight, float eps, float* y, float* rstd, std::int64_t columns,
                 std::int64_t begin, std::int64_t end);
void rmsNormRows(const double* x, const double* weight, double eps, double* y, double* rstd,
                 std::int64_t columns, std::int64_t begin, std::int64_t end);
// dx = rstd (w dy - x rstd^2 mean(w dy x))
void rmsNormBackwardRows(const float* dy, const float* x, const float* weight, const float* rstd, float* dx,
                         std::int64_t columns, std::int64_t begin, std::int64_t end);
void rmsNormBackwardRows(const double* dy, const double* x, const double* weight, const double* rstd,
                         double* dx, std::int64_t columns, std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

// weight has x's element type
int rmsNorm(Element element, const void* x, const void* weight, float eps, void* y, float* rstd,
            std::int64_t rows, std::int64_t columns, Stream stream);
int rmsNormBackward(Element element, const void* dy, const void* x, const void* weight, const float* rstd,
                    void* dx, std::int64_t rows, std::int64_t columns, Stream stream);

}  // namespace caravan::kernels::cuda
