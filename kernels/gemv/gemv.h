// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// y = x W^T for very few rows of x, as in decoding: every weight is read once, in order. W [outer, inner] and
// x [rows, inner] contiguous, y [rows, outer] contiguous; outputs [begin, end) of outer.
namespace caravan::kernels {

struct GemvShape {
    std::int64_t rows = 0, inner = 0, outer = 0;
};
void gemvRows(const float* x, const float* weight, float* y, const GemvShape& shape, std::int64_t begin,
              std::int64_t end);
void gemvRows(const double* x, const double* weight, double* y, const GemvShape& shape, std::int64_t begin,
              std::int64_t end);

}  // namespace caravan::kernels
