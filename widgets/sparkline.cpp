// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/sparkline.h"

#include <QPainter>
#include <QPolygonF>
#include <algorithm>
#include <cmath>

#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {

Sparkline::Sparkline(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

void Sparkline::setValues(const QVector<double>& values) {
    m_values = values;
    update();
}

void Sparkline::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawSparkline(painter, rect(), m_values, themeColors().text2);
}

void drawSparkline(QPainter& painter, const QRectF& area, const QVector<double>& values,
                   const QColor& color) {
    double low = INFINITY, high = -INFINITY;
    for (const double value : values)
        if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
    if (low > high) return;
    const QRectF inner = area.adjusted(1, 3, -4, -3);
    const double range = high > low ? high - low : 1.0;
    const auto y = [&](double value) {
        return inner.bottom() - (high > low ? (value - low) / range : 0.5) * inner.height();
    };
    const int columns = std::max(2, static_cast<int>(inner.width()));
    const qsizetype count = values.size();
    QPolygonF line;
    if (count <= columns) {
        for (qsizetype i = 0; i < count; ++i)
            if (std::isfinite(values[i]))
                line.append(QPointF(
                    inner.left() + inner.width() * static_cast<double>(i) / std::max<qsizetype>(1, count - 1),
                    y(values[i])));
    } else {
        for (int column = 0; column < columns; ++column) {
            double sum = 0;
            int used = 0;
            for (qsizetype i = column * count / columns; i < (column + 1) * count / columns; ++i)
                if (std::isfinite(values[i])) sum += values[i], ++used;
            if (used > 0)
                line.append(QPointF(inner.left() + inner.width() * column / (columns - 1.0), y(sum / used)));
        }
    }
    if (line.isEmpty()) return;
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(color, 1.2));
    painter.drawPolyline(line);
    painter.setPen(Qt::NoPen);
    painter.setBrush(color);
    painter.drawEllipse(line.last(), 2.2, 2.2);
    painter.restore();
}

}  // namespace caravan::widgets
