// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/layouts.h"

#include <QPainter>

#include "ui/theme/theme.h"
#include "widgets/stack_bar.h"

namespace caravan::ui {

void emptyLayout(QLayout* layout) {
    while (QLayoutItem* item = layout->takeAt(0)) {
        if (QWidget* widget = item->widget()) {
            widget->hide();
            widget->deleteLater();
        }
        if (item->layout()) emptyLayout(item->layout());
        delete item;
    }
}

LegendItem::LegendItem(int part, int parts, const QString& name, const QString& value, QWidget* parent)
    : QWidget(parent), m_part(part), m_parts(parts), m_name(name), m_value(value) {
    setAccessibleName((name + QLatin1Char(' ') + value).trimmed());
    setSizePolicy(value.isEmpty() ? QSizePolicy::Fixed : QSizePolicy::Expanding, QSizePolicy::Fixed);
}

QSize LegendItem::sizeHint() const {
    const int name = QFontMetrics(widgets::textFont(widgets::TextRole::Secondary)).horizontalAdvance(m_name);
    if (m_value.isEmpty()) return {20 + name, 20};
    return {26 + name + QFontMetrics(widgets::numberFont()).horizontalAdvance(m_value), 20};
}

void LegendItem::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(QRect(0, height() / 2 - 5, 10, 10), widgets::StackBar::partColor(m_part, m_parts));
    const QFont number = widgets::numberFont();
    const int valueWidth = QFontMetrics(number).horizontalAdvance(m_value);
    painter.setFont(widgets::textFont(widgets::TextRole::Secondary));
    painter.setPen(Theme::color(Token::Text));
    const int room = std::max(0, width() - 18 - (valueWidth > 0 ? valueWidth + 8 : 0));
    const QString name = painter.fontMetrics().elidedText(m_name, Qt::ElideMiddle, room);
    const int nameWidth = painter.fontMetrics().horizontalAdvance(name);
    painter.drawText(QRect(18, 0, room, height()), Qt::AlignVCenter, name);
    painter.setFont(number);
    painter.setPen(Theme::color(m_spread ? Token::Text : Token::Text2));
    const int x = m_spread ? width() - valueWidth : 18 + nameWidth + 8;
    painter.drawText(QRect(x, 0, valueWidth + 1, height()), Qt::AlignVCenter | Qt::AlignLeft, m_value);
}

}  // namespace caravan::ui
