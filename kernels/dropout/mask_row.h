// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/philox.h"

// One row under a dropout mask; shared by the kernels that mask while they gather or add.
namespace caravan::kernels {

constexpr std::int64_t kMaskBlocks = 16;
constexpr std::int64_t kMaskColumns = kMaskBlocks * 8;

// Half-words of kMaskBlocks neighbouring blocks.
CARAVAN_INLINE void maskHalves(const PhiloxKey& key, std::uint64_t firstBlock, std::uint16_t* halves) {
    alignas(64) std::uint32_t words[kMaskBlocks * 4];
    for (int l = 0; l < kMaskBlocks; ++l) {
        const PhiloxBlock b = philox(key, firstBlock + static_cast<std::uint64_t>(l));
        for (int w = 0; w < 4; ++w)
            words[4 * l + w] = b.word[w];
    }
    for (int i = 0; i < kMaskBlocks * 4; ++i) {
        halves[2 * i] = static_cast<std::uint16_t>(words[i]);
        halves[2 * i + 1] = static_cast<std::uint16_t>(words[i] >> 16);
    }
}

// f(column, keptScale): keptScale is mask.scale or 0. maskRow counts from the step's row 0 (rowOffset is not
// added here).
template <class T, class F>
CARAVAN_INLINE void forMaskedRow(std::int64_t columns, const DropoutMask& mask, std::int64_t maskRow, F&& f) {
    alignas(64) std::uint16_t halves[kMaskColumns];
    const std::uint64_t block =
        static_cast<std::uint64_t>(maskRow) * static_cast<std::uint64_t>(blocksPerRow(columns));
    const T scale = static_cast<T>(mask.scale);
    const int threshold = static_cast<int>(mask.threshold);
    for (std::int64_t c = 0; c < columns; c += kMaskColumns) {
        maskHalves(mask.key, block + static_cast<std::uint64_t>(c / 8), halves);
        const std::int64_t n = columns - c < kMaskColumns ? columns - c : kMaskColumns;
        for (std::int64_t i = 0; i < n; ++i)
            f(c + i, static_cast<int>(halves[i]) >= threshold ? scale : T(0));
    }
}

}  // namespace caravan::kernels
