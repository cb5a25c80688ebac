// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QRect>
#include <QSize>

namespace caravan::widgets {

// Where the parts of a heat map stand; pure arithmetic in px of the viewport, before scrolling.
struct HeatMapLayout {
    struct Input {
        int rows = 0, columns = 0;
        QSize viewport;
        int rowLabelWidth = 24;
        int headerHeight = 22;
        int barWidth = 0;  // 0 = no bars
        int maximumCellWidth = 56, maximumCellHeight = 34;
    };
    static constexpr int kMinimumCellHeight = 8, kMinimumCellWidth = 6, kBarGap = 14, kMargin = 4;

    int left = 0, top = 0;  // of the first cell
    int cellWidth = 0, cellHeight = 0;
    int rows = 0, columns = 0;
    int barLeft = 0, barWidth = 0;
    int gap = 1;                              // between cells, inside their extent
    int contentWidth = 0, contentHeight = 0;  // of all cells with labels
    int visibleHeight = 0, visibleWidth = 0;  // room for cells

    [[nodiscard]] static HeatMapLayout compute(const Input& input);
    [[nodiscard]] QRect cell(int row, int column) const {  // without the gap
        return {left + column * cellWidth, top + row * cellHeight, cellWidth - gap, cellHeight - gap};
    }
    // (column, row) under a point of the scrolled content, or (-1, -1).
    [[nodiscard]] QPoint cellAt(QPoint position) const;
    [[nodiscard]] bool showsDigits() const { return cellWidth >= 20 && cellHeight >= 18; }
    // Every how many rows or columns a label fits.
    [[nodiscard]] static int labelStride(int cellExtent, int labelExtent);
};

}  // namespace caravan::widgets
