// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/product/product.h"

#include <algorithm>

#include "kernels/common/vector_unit.h"
#include "kernels/product/tile.h"

namespace caravan::kernels {
namespace {

// Depth that passes between two visits of a tile of c: a panel of it stays near the first-level cache.
constexpr std::int64_t kPassDepth = 384;

// All columns of c once, over the depth of these pieces.
template <class T>
void pass(const Factor<T>* pieces, int count, const ProductTarget<T>& target, TileFunction<T> tiles) {
    for (std::int64_t column = 0; column < target.columns; column += kPanelColumns) {
        const std::int64_t width = std::min(kPanelColumns, target.columns - column);
        const std::int64_t panel = column / kPanelColumns;
        if (width == kPanelColumns) {
            tiles(pieces, count, {panel, 0}, target.rows, target.c + column, target.stride, target.add);
            continue;
        }
        for (std::int64_t row = 0; row < target.rows; row += kTileRows) {
            const std::int64_t rows = std::min(kTileRows, target.rows - row);
            T* c = target.c + row * target.stride + column;
            T edge[kTileRows * kPanelColumns];
            tiles(pieces, count, {panel, row}, rows, edge, kPanelColumns, false);
            for (std::int64_t i = 0; i < rows; ++i)
                for (std::int64_t j = 0; j < width; ++j)
                    c[i * target.stride + j] =
                        edge[i * kPanelColumns + j] + (target.add ? c[i * target.stride + j] : T(0));
        }
    }
}

// Cuts the factors into passes of at most kPassDepth.
template <class T>
void run(const Factor<T>* factors, int count, ProductTarget<T> target, TileFunction<T> tiles) {
    Factor<T> pieces[kMostFactors];
    int held = 0;
    std::int64_t room = kPassDepth;
    for (int i = 0; i < count; ++i) {
        Factor<T> rest = factors[i];
        while (rest.depth > 0) {
            Factor<T> piece = rest;
            piece.depth = std::min(rest.depth, room);
            pieces[held++] = piece;
            room -= piece.depth;
            rest.depth -= piece.depth;
            rest.left += piece.depth * rest.depthStride;
            rest.panels += piece.depth * kPanelColumns;
            if (room > 0 && held < kMostFactors) continue;
            pass(pieces, held, target, tiles);
            target.add = true;
            held = 0;
            room = kPassDepth;
        }
    }
    if (held > 0 || !target.add) pass(pieces, held, target, tiles);
}

template <class T>
void packAny(const PackSource<T>& a, T* panels, std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p)
        for (std::int64_t d = 0; d < a.depth; ++d) {
            T* to = panels + (p * a.depth + d) * kPanelColumns;
            const T* from = a.source + d * a.depthStride + p * kPanelColumns * a.columnStride;
            const std::int64_t width = std::min(kPanelColumns, a.columns - p * kPanelColumns);
            for (std::int64_t c = 0; c < width; ++c)
                to[c] = a.scale * from[c * a.columnStride];
            for (std::int64_t c = width; c < kPanelColumns; ++c)
                to[c] = 0;
        }
}

}  // namespace

bool hasFastProduct() {
    return hasAvx2();
}

void packPanels(const PackSource<float>& a, float* panels, std::int64_t first, std::int64_t last) {
    if (hasAvx2()) first = packWide(a, panels, first, last);
    packAny(a, panels, first, last);
}
void packPanels(const PackSource<double>& a, double* panels, std::int64_t first, std::int64_t last) {
    packAny(a, panels, first, last);
}

void multiply(const Factor<float>* factors, int count, const ProductTarget<float>& target) {
    run(factors, count, target, hasAvx2() ? &tilesWide : &tilesAny<float>);
}
void multiply(const Factor<double>* factors, int count, const ProductTarget<double>& target) {
    run(factors, count, target, &tilesAny<double>);
}

}  // namespace caravan::kernels
