// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/philox.h"
#include "kernels/dropout/mask_row.h"
#include "kernels/product/product.h"

// Rows as a product wants them: gathered, under a dropout mask, as rows or as panels.
namespace caravan::kernels {

// Row i is source row (order ? order[i] / choices : i), multiplied by its mask. The mask's row is
// (mask.rowOffset + source row) * maskStep + maskShift; threshold 0: no mask.
template <class T>
struct MaskedRows {
    const T* source = nullptr;
    std::int64_t stride = 0, columns = 0;
    const std::int32_t* order = nullptr;
    std::int64_t choices = 1;
    DropoutMask mask;
    std::int64_t maskStep = 1, maskShift = 0;
    KeptBits kept;  // [source rows][blocksPerRow(columns)], without maskStep; copyMaskedRows may write it
};

// out [end - begin, columns] contiguous
void copyMaskedRows(const MaskedRows<float>& rows, std::int64_t begin, std::int64_t end, float* out);
void copyMaskedRows(const MaskedRows<double>& rows, std::int64_t begin, std::int64_t end, double* out);

// Columns [first, first + columns), first a multiple of 8, of rows [begin, end) as panels
// [ceil(columns / 16)][end - begin][16]
struct ColumnRange {
    std::int64_t first = 0, columns = 0;
};
void packMaskedRows(const MaskedRows<float>& rows, std::int64_t begin, std::int64_t end,
                    const ColumnRange& range, float* panels);
void packMaskedRows(const MaskedRows<double>& rows, std::int64_t begin, std::int64_t end,
                    const ColumnRange& range, double* panels);

// out[i] += values[i] * mask of row i, for rows [begin, end) of a mask alone (rows.source is not read);
// values and out point to row begin; both [end - begin, columns], values contiguous.
void addMasked(const MaskedRows<float>& rows, std::int64_t begin, std::int64_t end, const float* values,
               float* out, std::int64_t outStride);
void addMasked(const MaskedRows<double>& rows, std::int64_t begin, std::int64_t end, const double* values,
               double* out, std::int64_t outStride);

}  // namespace caravan::kernels
