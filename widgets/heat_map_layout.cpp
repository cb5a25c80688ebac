// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/heat_map_layout.h"

#include <algorithm>

namespace caravan::widgets {

HeatMapLayout HeatMapLayout::compute(const Input& input) {
    HeatMapLayout layout;
    layout.rows = input.rows;
    layout.columns = input.columns;
    layout.left = kMargin + input.rowLabelWidth;
    layout.top = kMargin + input.headerHeight;
    if (input.rows <= 0 || input.columns <= 0) return layout;
    layout.barWidth = input.barWidth;
    const auto cellWidth = [&](int barWidth) {
        const int bars = barWidth > 0 ? barWidth + kBarGap : 0;
        return std::clamp((input.viewport.width() - layout.left - kMargin - bars) / input.columns,
                          kMinimumCellWidth, std::max(kMinimumCellWidth, input.maximumCellWidth));
    };
    layout.cellWidth = cellWidth(layout.barWidth);
    if (layout.barWidth > 0 && layout.cellWidth * input.columns + layout.left + layout.barWidth + kBarGap >
                                   input.viewport.width() + kMinimumCellWidth) {
        layout.barWidth = 0;  // too narrow: the bars leave before the cells shrink under their minimum
        layout.cellWidth = cellWidth(0);
    }
    layout.cellHeight = std::clamp((input.viewport.height() - layout.top - kMargin) / input.rows,
                                   kMinimumCellHeight, input.maximumCellHeight);
    layout.gap = layout.cellWidth >= 8 && layout.cellHeight >= 6 ? 1 : 0;
    layout.barLeft = layout.left + layout.cellWidth * input.columns + kBarGap;
    layout.visibleHeight = std::max(0, input.viewport.height() - layout.top - kMargin);
    layout.visibleWidth = std::max(0, input.viewport.width() - layout.left - kMargin -
                                          (layout.barWidth > 0 ? layout.barWidth + kBarGap : 0));
    layout.contentWidth = layout.cellWidth * input.columns;
    layout.contentHeight = layout.cellHeight * input.rows;
    return layout;
}

QPoint HeatMapLayout::cellAt(QPoint position) const {
    if (cellWidth <= 0 || cellHeight <= 0) return {-1, -1};
    const int x = position.x() - left, y = position.y() - top;
    if (x < 0 || y < 0 || x >= cellWidth * columns || y >= cellHeight * rows) return {-1, -1};
    return {x / cellWidth, y / cellHeight};
}

int HeatMapLayout::labelStride(int cellExtent, int labelExtent) {
    int stride = 1;
    while (cellExtent > 0 && stride < 1024 && stride * cellExtent < labelExtent)
        stride *= 2;
    return stride;
}

}  // namespace caravan::widgets
