// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/paint.h"

#include <QPainterPath>
#include <cmath>

#include "widgets/theme_colors.h"

namespace caravan::widgets {

void drawHatch(QPainter& painter, const QRectF& area, const QColor& color, double spacing, double width) {
    if (area.isEmpty()) return;
    painter.save();
    painter.setClipRect(area, Qt::IntersectClip);
    painter.setRenderHint(QPainter::Antialiasing, true);
    QPen pen(color, width);
    pen.setCapStyle(Qt::FlatCap);
    painter.setPen(pen);
    const double step = spacing * std::sqrt(2.0);
    const double height = area.height();
    // One phase for the whole canvas, so that neighbours join.
    const double first = std::floor((area.left() - height) / step) * step;
    for (double x = first; x < area.right() + step; x += step)
        painter.drawLine(QPointF(x, area.bottom() + 1), QPointF(x + height + 2, area.top() - 1));
    painter.restore();
}

Fill domainFill(int index) {
    constexpr Fill fills[] = {Fill::Solid, Fill::Hatched, Fill::Outlined};
    return fills[index % 3];
}

void drawBar(QPainter& painter, const QRectF& area, const QColor& color, Fill fill) {
    if (area.height() < 0.5 || area.width() < 0.5) return;
    if (fill == Fill::Solid) {
        painter.fillRect(area, color);
        return;
    }
    const QColor& base = themeColors().base;
    if (fill == Fill::Hatched) {
        drawHatch(painter, area, color, 4.0, 2.0);
        return;
    }
    painter.save();
    painter.fillRect(area, mixed(base, color, 0.12));
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setPen(hairline(color));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(area.adjusted(0, 0, -1, -1));
    painter.restore();
}

QVector<qreal> dashPattern(int index, double penWidth) {
    static const QVector<QVector<qreal>> patterns{{},           {5, 3},  {1.5, 2.5},
                                                  {8, 3, 2, 3}, {10, 4}, {3, 2, 1, 2}};
    QVector<qreal> dashes = patterns[index % patterns.size()];
    for (qreal& dash : dashes)
        dash /= penWidth;
    return dashes;
}

Marker domainMarker(int index) {
    constexpr Marker markers[] = {Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond};
    return markers[index % 4];
}

void drawMarker(QPainter& painter, Marker marker, QPointF c, double r, const QColor& line,
                const QColor& fill) {
    painter.setPen(hairline(line, 1.2));
    painter.setBrush(fill);
    switch (marker) {
        case Marker::None:
            break;
        case Marker::Circle:
            painter.drawEllipse(c, r, r);
            break;
        case Marker::Square:
            painter.drawRect(QRectF(c.x() - r * 0.9, c.y() - r * 0.9, r * 1.8, r * 1.8));
            break;
        case Marker::Triangle: {
            const QPointF points[] = {{c.x(), c.y() - r * 1.1},
                                      {c.x() + r * 1.05, c.y() + r * 0.8},
                                      {c.x() - r * 1.05, c.y() + r * 0.8}};
            painter.drawPolygon(points, 3);
            break;
        }
        case Marker::Diamond: {
            const QPointF points[] = {{c.x(), c.y() - r * 1.2},
                                      {c.x() + r * 1.2, c.y()},
                                      {c.x(), c.y() + r * 1.2},
                                      {c.x() - r * 1.2, c.y()}};
            painter.drawPolygon(points, 4);
            break;
        }
    }
}

void drawCellSelection(QPainter& painter, const QRectF& cell) {
    const ThemeColors& colors = themeColors();
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setBrush(Qt::NoBrush);
    QPen pen(colors.base, 2.0);
    pen.setJoinStyle(Qt::MiterJoin);
    painter.setPen(pen);
    painter.drawRect(cell.adjusted(-2, -2, 2, 2));
    painter.drawRect(cell.adjusted(2, 2, -2, -2));
    pen.setColor(colors.text);
    painter.setPen(pen);
    painter.drawRect(cell);
    painter.restore();
}

void drawFocusRing(QPainter& painter, const QRectF& area, double radius) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(themeColors().accent, 2.0));
    painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), radius, radius);
    painter.restore();
}

QColor mixed(const QColor& base, const QColor& over, double share) {
    const auto channel = [share](int a, int b) { return static_cast<int>(std::lround(a + (b - a) * share)); };
    return {channel(base.red(), over.red()), channel(base.green(), over.green()),
            channel(base.blue(), over.blue())};
}

QPen hairline(const QColor& color, double width) {
    QPen pen(color, width);
    pen.setCapStyle(Qt::FlatCap);
    pen.setCosmetic(false);
    return pen;
}

}  // namespace caravan::widgets
