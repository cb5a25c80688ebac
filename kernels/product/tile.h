// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/product/product.h"

// Tiles of c below each other, at most 6 x 16 each, that stay in registers over the whole depth of their
// pieces.
namespace caravan::kernels {

constexpr std::int64_t kTileRows = 6;

struct Place {
    std::int64_t panel, row;  // of the first tile in its pieces
};
template <class T>
using TileFunction = void (*)(const Factor<T>* pieces, int count, Place at, std::int64_t rows, T* c,
                              std::int64_t stride, bool add);

template <class T>
void tilesAny(const Factor<T>* pieces, int count, Place at, std::int64_t rows, T* c, std::int64_t stride,
              bool add) {
    for (; rows > 0; --rows, ++at.row, c += stride) {
        T sums[kPanelColumns] = {};
        for (int f = 0; f < count; ++f) {
            const Factor<T>& piece = pieces[f];
            const T* right = piece.panels + at.panel * piece.panelStride;
            const T* left = piece.left + at.row * piece.rowStride;
            for (std::int64_t d = 0; d < piece.depth; ++d, right += kPanelColumns, left += piece.depthStride)
                for (std::int64_t j = 0; j < kPanelColumns; ++j)
                    sums[j] += *left * right[j];
        }
        for (std::int64_t j = 0; j < kPanelColumns; ++j)
            c[j] = sums[j] + (add ? c[j] : T(0));
    }
}

// Both only where hasAvx2().
void tilesWide(const Factor<float>* pieces, int count, Place at, std::int64_t rows, float* c,
               std::int64_t stride, bool add);
// Returns the first panel that it left to the caller.
std::int64_t packWide(const PackSource<float>& a, float* panels, std::int64_t first, std::int64_t last);

}  // namespace caravan::kernels
