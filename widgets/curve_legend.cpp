// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/curve_legend.h"

#include <QPainter>

#include "widgets/theme_colors.h"

namespace caravan::widgets {
namespace {
constexpr int kSample = 24, kGap = 6, kSpacing = 18;
}

CurveLegend::CurveLegend(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

void CurveLegend::setItems(const QVector<Item>& items) {
    m_items = items;
    QStringList names;
    for (const Item& item : items)
        names << item.name;
    setAccessibleDescription(names.join(QStringLiteral(", ")));
    updateGeometry();
    update();
}

int CurveLegend::itemWidth(const Item& item) const {
    QFont font = textFont(TextRole::Secondary);
    if (item.style.width >= 2) font.setWeight(QFont::DemiBold);
    const int text = QFontMetrics(font).horizontalAdvance(item.name);
    return item.caption ? text : kSample + kGap + text;
}

QSize CurveLegend::sizeHint() const {
    int width = 0;
    for (const Item& item : m_items)
        width += itemWidth(item) + (item.caption ? kGap : kSpacing);
    return {width, 20};
}

void CurveLegend::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const ThemeColors& colors = themeColors();
    int x = 0;
    for (const Item& item : std::as_const(m_items)) {
        const int width = itemWidth(item);
        if (x + width > this->width()) break;
        QFont font = textFont(TextRole::Secondary);
        const bool strong = item.style.width >= 2;
        if (strong) font.setWeight(QFont::DemiBold);
        painter.setFont(font);
        const QColor color = inkColor(item.style.ink);
        if (!item.caption) {
            QPen pen(color, item.style.width);
            pen.setCapStyle(Qt::FlatCap);
            const QVector<qreal> dashes = dashPattern(item.style.dash, item.style.width);
            if (!dashes.isEmpty()) pen.setDashPattern(dashes);
            painter.setPen(pen);
            const double y = height() / 2.0;
            painter.drawLine(QPointF(x, y), QPointF(x + kSample, y));
            drawMarker(painter, item.style.marker, {x + kSample / 2.0, y}, 3.2, color, colors.base);
        }
        painter.setPen(strong ? color : colors.text2);
        painter.drawText(QRect(x + (item.caption ? 0 : kSample + kGap), 0, width, height()),
                         Qt::AlignVCenter | Qt::AlignLeft, item.name);
        x += width + (item.caption ? kGap : kSpacing);
    }
}

}  // namespace caravan::widgets
