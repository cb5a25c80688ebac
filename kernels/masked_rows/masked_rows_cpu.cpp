// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/masked_rows/masked_rows.h"

#include <algorithm>
#include <cstring>

#include "kernels/dropout/mask_row.h"

namespace caravan::kernels {
namespace {

template <class T>
CARAVAN_INLINE std::int64_t sourceRow(const MaskedRows<T>& rows, std::int64_t i) {
    return rows.order ? rows.order[i] / rows.choices : i;
}
template <class T>
CARAVAN_INLINE std::int64_t maskRow(const MaskedRows<T>& rows, std::int64_t source) {
    return (rows.mask.rowOffset + source) * rows.maskStep + rows.maskShift;
}

template <class T>
CARAVAN_INLINE KeptBits keptOf(const MaskedRows<T>& rows, std::int64_t source) {
    return {rows.kept.bits ? rows.kept.bits + source * blocksPerRow(rows.columns) : nullptr, rows.kept.write};
}

// n columns from first of row i
template <class T>
CARAVAN_INLINE void copyOne(const MaskedRows<T>& rows, std::int64_t i, std::int64_t first, std::int64_t n,
                            T* out) {
    const std::int64_t row = sourceRow(rows, i);
    const T* in = rows.source + row * rows.stride + first;
    if (rows.mask.threshold == 0)
        std::memcpy(out, in, static_cast<std::size_t>(n) * sizeof(T));
    else
        forMaskedColumns<T>(rows.columns, first, n, rows.mask, maskRow(rows, row), keptOf(rows, row),
                            [&](std::int64_t c, T keep) { out[c] = in[c] * keep; });
}

template <class T>
CARAVAN_INLINE void copy(const MaskedRows<T>& rows, std::int64_t begin, std::int64_t end, T* out) {
    for (std::int64_t i = begin; i < end; ++i, out += rows.columns)
        copyOne(rows, i, 0, rows.columns, out);
}

// Rows lie pages apart: no processor fetches the next one by itself.
template <class T>
CARAVAN_INLINE void prefetch(const MaskedRows<T>& rows, std::int64_t i, std::int64_t first, std::int64_t n) {
    constexpr std::int64_t kLine = 64 / sizeof(T);
    const T* from = rows.source + sourceRow(rows, i) * rows.stride + first;
    for (std::int64_t c = 0; c < n; c += kLine)
        __builtin_prefetch(from + c);
}

template <class T>
CARAVAN_INLINE void pack(const MaskedRows<T>& rows, std::int64_t begin, std::int64_t end,
                         const ColumnRange& range, T* panels) {
    constexpr std::int64_t kTogether = 8 * kPanelColumns, kAhead = 6;
    const std::int64_t depth = end - begin;
    for (std::int64_t c = 0; c < range.columns; c += kTogether) {
        const std::int64_t n = std::min(kTogether, range.columns - c);
        const std::int64_t filled = panelCount(n) * kPanelColumns;
        T* to = panels + c * depth;
        for (std::int64_t i = begin; i < end; ++i, to += kPanelColumns) {
            alignas(64) T row[kTogether];
            if (i + kAhead < end) prefetch(rows, i + kAhead, range.first + c, n);
            copyOne(rows, i, range.first + c, n, row);
            for (std::int64_t j = n; j < filled; ++j)
                row[j] = 0;
            for (std::int64_t p = 0; p < filled; p += kPanelColumns)
                std::memcpy(to + p * depth, row + p, kPanelColumns * sizeof(T));
        }
    }
}

template <class T>
CARAVAN_INLINE void add(const MaskedRows<T>& rows, std::int64_t begin, std::int64_t end, const T* values,
                        T* out, std::int64_t outStride) {
    for (std::int64_t i = begin; i < end; ++i, values += rows.columns, out += outStride) {
        const std::int64_t row = sourceRow(rows, i);
        forMaskedColumns<T>(rows.columns, 0, rows.columns, rows.mask, maskRow(rows, row), keptOf(rows, row),
                            [&](std::int64_t c, T keep) { out[c] += values[c] * keep; });
    }
}

}  // namespace

#define CARAVAN_MASKED_ROWS(T)                                                                          \
    CARAVAN_CLONES void copyMaskedRows(const MaskedRows<T>& rows, std::int64_t begin, std::int64_t end, \
                                       T* out) {                                                        \
        copy(rows, begin, end, out);                                                                    \
    }                                                                                                   \
    CARAVAN_CLONES void packMaskedRows(const MaskedRows<T>& rows, std::int64_t begin, std::int64_t end, \
                                       const ColumnRange& range, T* panels) {                           \
        pack(rows, begin, end, range, panels);                                                          \
    }                                                                                                   \
    CARAVAN_CLONES void addMasked(const MaskedRows<T>& rows, std::int64_t begin, std::int64_t end,      \
                                  const T* values, T* out, std::int64_t outStride) {                    \
        add(rows, begin, end, values, out, outStride);                                                  \
    }
CARAVAN_MASKED_ROWS(float)
CARAVAN_MASKED_ROWS(double)

}  // namespace caravan::kernels
