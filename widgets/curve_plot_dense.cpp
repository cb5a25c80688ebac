// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Lines through more samples than the screen has columns. A stroke through them covers each pixel many times
// and costs most of a frame; columns from the lowest to the highest sample look the same.
#include <cmath>

#include "widgets/curve_plot_parts.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {
namespace {

// One pixel wide, its ends as light as they are short.
void fillColumn(QPainter& painter, int x, double top, double bottom, const QColor& color) {
    const int first = static_cast<int>(std::ceil(top)), last = static_cast<int>(std::floor(bottom));
    const auto part = [&](int y, double share) {
        if (share < 0.02) return;
        QColor light = color;
        light.setAlphaF(static_cast<float>(share * color.alphaF()));
        painter.fillRect(x, y, 1, 1, light);
    };
    if (first > last) return part(last, bottom - top);
    if (last > first) painter.fillRect(x, first, 1, last - first, color);
    part(first - 1, first - top);
    part(last, bottom - last);
}

}  // namespace

bool CurveDecor::isDense(const CurvePlot::Curve& curve, int columns) const {
    const std::size_t first = curve.series.lowerIndex(m_plot->m_low),
                      last = curve.series.lowerIndex(std::nextafter(m_plot->m_high, INFINITY));
    return last - first > static_cast<std::size_t>(std::max(columns, 1));
}

void CurveDecor::drawDense(QCPPainter& painter, const CurvePlot::Curve& curve, const CurvePlot::Lane& lane) {
    const QRect area = lane.rect->rect();
    const double ratio = painter.device()->devicePixelRatioF();  // columns of the screen's own pixels
    const QColor color = inkColor(curve.style.ink);
    const double half = curve.style.width * ratio / 2;
    const auto columns = bandColumns(curve.series, curve.style.smoothed, m_plot->m_low, m_plot->m_high,
                                     area.left() * ratio, (area.right() + 1.0) * ratio,
                                     [&](double value) { return lane.y()->coordToPixel(value) * ratio; });
    painter.save();
    painter.scale(1 / ratio, 1 / ratio);
    painter.setAntialiasing(false);
    const double ground = (area.bottom() + 1.0) * ratio;
    const BandColumn* before = nullptr;
    for (const BandColumn& column : columns) {
        const int x = static_cast<int>(std::lround(column.x));
        if (curve.style.area && ground > column.top)
            painter.fillRect(QRectF(x, column.top, 1, ground - column.top), themeColors().soft);
        fillColumn(painter, x, column.top - half, column.bottom + half, color);
        if (before != nullptr && column.x - before->x > 1.5) {  // nothing was logged in between
            painter.setAntialiasing(true);
            painter.setPen(QPen(color, 2 * half));
            painter.drawLine(QPointF(before->x + 0.5, (before->top + before->bottom) / 2),
                             QPointF(column.x + 0.5, (column.top + column.bottom) / 2));
            painter.setAntialiasing(false);
        }
        before = &column;
    }
    painter.restore();
    painter.setAntialiasing(true);
    if (curve.style.marker != Marker::None) drawMarkers(painter, curve, lane);
}

}  // namespace caravan::widgets
