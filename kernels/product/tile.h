// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/product/product.h"

// A tile of c, at most 6 x 16, that stays in registers over the whole depth of its pieces.
namespace caravan::kernels {

constexpr std::int64_t kTileRows = 6;

struct Place {
    std::int64_t panel, row;  // of the tile in its pieces
};
template <class T>
using TileFunction = void (*)(const Factor<T>* pieces, int count, const Place& at, int rows, T* c,
                              std::int64_t stride, bool add);

template <class T>
void tileAny(const Factor<T>* pieces, int count, const Place& at, int rows, T* c, std::int64_t stride,
             bool add) {
    T sums[kTileRows][kPanelColumns] = {};
    for (int f = 0; f < count; ++f) {
        const Factor<T>& piece = pieces[f];
        const T* right = piece.panels + at.panel * piece.panelStride;
        const T* left = piece.left + at.row * piece.rowStride;
        for (std::int64_t d = 0; d < piece.depth; ++d, right += kPanelColumns, left += piece.depthStride)
            for (int i = 0; i < rows; ++i)
                for (std::int64_t j = 0; j < kPanelColumns; ++j)
                    sums[i][j] += left[i * piece.rowStride] * right[j];
    }
    for (int i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < kPanelColumns; ++j)
            c[i * stride + j] = sums[i][j] + (add ? c[i * stride + j] : T(0));
}

// Both only where hasAvx2().
void tileWide(const Factor<float>* pieces, int count, const Place& at, int rows, float* c,
              std::int64_t stride, bool add);
// Returns the first panel that it left to the caller.
std::int64_t packWide(const PackSource<float>& a, float* panels, std::int64_t first, std::int64_t last);

}  // namespace caravan::kernels
