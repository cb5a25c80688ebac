// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"
#include "kernels/common/philox.h"

// out = x * mask * scale over rows [begin, end) of [rows, columns], contiguous; out may be x.
namespace caravan::kernels {

void dropoutRows(const float* x, float* out, std::int64_t columns, const DropoutMask& mask,
                 std::int64_t begin, std::int64_t end);
void dropoutRows(const double* x, double* out, std::int64_t columns, const DropoutMask& mask,
                 std::int64_t begin, std::int64_t end);
// out += x * mask * scale
void dropoutAddRows(const float* x, float* out, std::int64_t columns, const DropoutMask& mask,
                    std::int64_t begin, std::int64_t end);
void dropoutAddRows(const double* x, double* out, std::int64_t columns, const DropoutMask& mask,
                    std::int64_t begin, std::int64_t end);

// values[i] for i in [begin, end): uniform in [-bound, bound): word i % 4 of block i / 4, its upper 24 bits.
void uniformValues(float* values, float bound, const PhiloxKey& key, std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

// add: out += x * mask * scale, else out = ...; out may be x. Rows are 16-byte aligned when columns is a
// multiple of 8.
int dropout(Element element, const void* x, void* out, std::int64_t rows, std::int64_t columns,
            const DropoutMask& mask, bool add, Stream stream);

}  // namespace caravan::kernels::cuda
