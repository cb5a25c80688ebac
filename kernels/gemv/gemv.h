// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// y = x W^T for few rows of x, as in decoding: every weight is read once, in order. W [outer, inner] and
// x [rows, inner] contiguous, y [rows, outer] with rows `stride` apart; outputs [begin, end) of outer. An
// element is a sum of 16 lanes (laneSum; fused multiply-adds in fp32 where the machine has them): its bits
// depend neither on the other rows nor on the split.
namespace caravan::kernels {

struct GemvShape {
    std::int64_t rows = 0, inner = 0, outer = 0;
    std::int64_t stride = 0;  // of y's rows; 0: outer
};
void gemvRows(const float* x, const float* weight, float* y, const GemvShape& shape, std::int64_t begin,
              std::int64_t end);
void gemvRows(const double* x, const double* weight, double* y, const GemvShape& shape, std::int64_t begin,
              std::int64_t end);
// y += scale * x W^T
void gemvAddRows(const float* x, const float* weight, float* y, const GemvShape& shape, float scale,
                 std::int64_t begin, std::int64_t end);
void gemvAddRows(const double* x, const double* weight, double* y, const GemvShape& shape, double scale,
                 std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels
