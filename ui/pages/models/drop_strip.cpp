// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/models/drop_strip.h"

#include <QPainter>

#include "ui/theme/theme.h"

namespace caravan::ui {

DropStrip::DropStrip(const QString& title, const QString& text, QWidget* parent)
    : QWidget(parent), m_title(title), m_text(text) {
    setAccessibleName(title);
    setAccessibleDescription(text);
}

void DropStrip::setHighlighted(bool highlighted) {
    if (m_highlighted == highlighted) return;
    m_highlighted = highlighted;
    update();
}

void DropStrip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    QPen pen(Theme::color(m_highlighted ? Token::Accent : Token::Control), m_highlighted ? 2 : 1);
    pen.setDashPattern({4, 3});
    painter.setPen(pen);
    painter.setBrush(m_highlighted ? QBrush(Theme::color(Token::Soft)) : QBrush(Qt::NoBrush));
    painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 4, 4);
    const QFont bold = widgets::textFont(widgets::TextRole::Section),
                plain = widgets::textFont(widgets::TextRole::Secondary);
    const int room = std::max(120, width() - 120);
    const QRect text = QFontMetrics(plain).boundingRect(QRect(0, 0, room, 400), Qt::TextWordWrap, m_text);
    const int wide = std::max(text.width(), QFontMetrics(bold).horizontalAdvance(m_title));
    const int tall = QFontMetrics(bold).height() + 4 + text.height();
    const int x = (width() - wide - 40) / 2, y = (height() - tall) / 2;
    widgets::themeIcon(QStringLiteral("folder"), Theme::color(Token::Accent))
        .paint(&painter, QRect(x, height() / 2 - 11, 22, 22));
    painter.setFont(bold);
    painter.setPen(Theme::color(Token::Text));
    painter.drawText(QRect(x + 40, y, wide + 4, QFontMetrics(bold).height()), Qt::AlignVCenter, m_title);
    painter.setFont(plain);
    painter.setPen(Theme::color(Token::Text2));
    painter.drawText(QRect(x + 40, y + QFontMetrics(bold).height() + 4, room, text.height() + 4),
                     Qt::TextWordWrap, m_text);
}

}  // namespace caravan::ui
