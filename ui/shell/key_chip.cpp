// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/key_chip.h"

#include <QPainter>

#include "ui/theme/style_paint.h"

namespace caravan::ui {

void drawKeyChip(QPainter* painter, const QRectF& area, const QString& keys) {
    stylepaint::box(painter, area, Theme::color(Token::Alt), Theme::color(Token::Line), 1, 3);
    painter->setFont(widgets::numberFont(10));
    painter->setPen(Theme::color(Token::Text2));
    QString shown = keys;
    painter->drawText(area, Qt::AlignCenter,
                      shown.size() > 1 ? shown.replace(QLatin1Char('+'), QLatin1Char(' ')) : shown);
}

int keyChipWidth(const QString& keys) {
    return QFontMetrics(widgets::numberFont(10)).horizontalAdvance(keys) + 12;
}

KeyChip::KeyChip(const QString& keys, QWidget* parent) : QWidget(parent), m_keys(keys) {
    setFixedSize(keyChipWidth(keys), 20);
}

void KeyChip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawKeyChip(&painter, rect(), m_keys);
}

}  // namespace caravan::ui
