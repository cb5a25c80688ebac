// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/dropout/keep.h"

// One row under a dropout mask; shared by the kernels that mask while they gather or add.
namespace caravan::kernels {

// Where a mask's bits are remembered, a byte for eight columns: written as it is drawn, or read instead of
// drawing it again. bits: of the mask's row 0 without rowOffset; null: always drawn.
struct KeptBits {
    std::uint8_t* bits = nullptr;
    bool write = false;
};

// f(column - first, keptScale) for n columns from first, a multiple of 8: keptScale is mask.scale or 0. width
// = all columns of a row; maskRow counts from the step's row 0 (rowOffset is not added here); kept.bits: of
// this row.
template <class T, class F>
CARAVAN_INLINE void forMaskedColumns(std::int64_t width, std::int64_t first, std::int64_t n,
                                     const DropoutMask& mask, std::int64_t maskRow, const KeptBits& kept,
                                     F&& f) {
    constexpr std::int64_t kColumns = 512;
    alignas(64) float keep[kColumns];
    const std::uint64_t block =
        static_cast<std::uint64_t>(maskRow) * static_cast<std::uint64_t>(blocksPerRow(width)) +
        static_cast<std::uint64_t>(first / 8);
    for (std::int64_t c = 0; c < n; c += kColumns) {
        const std::int64_t count = n - c < kColumns ? n - c : kColumns, blocks = (count + 7) / 8;
        std::uint8_t* bits = kept.bits ? kept.bits + (first + c) / 8 : nullptr;
        if (bits && !kept.write)
            keepScalesOfBits(bits, mask.scale, blocks, keep);
        else
            keepScales(mask, block + static_cast<std::uint64_t>(c / 8), blocks, keep, bits);
        for (std::int64_t i = 0; i < count; ++i)
            f(c + i, static_cast<T>(keep[i]));
    }
}

template <class T, class F>
CARAVAN_INLINE void forMaskedRow(std::int64_t columns, const DropoutMask& mask, std::int64_t maskRow, F&& f) {
    forMaskedColumns<T>(columns, 0, columns, mask, maskRow, {}, f);
}

}  // namespace caravan::kernels
