// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/upcycle/parameter_bar.h"

#include <QPainter>
#include <algorithm>

#include "ui/shell/surface.h"
#include "widgets/stack_bar.h"

namespace caravan::ui {

ParameterBar::ParameterBar(const QString& name, int step, QWidget* parent)
    : QWidget(parent), m_name(name), m_step(step) {
    setFixedHeight(40);
    setAccessibleName(name);
}

void ParameterBar::set(double fraction, const QString& value, const QString& formula) {
    m_fraction = fraction;
    m_value = value;
    m_formula = formula;
    setAccessibleName(QStringLiteral("%1: %2, %3").arg(m_name, value, formula));
    setToolTip(formula);
    update();
}

void ParameterBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const QFont words = widgets::textFont(widgets::TextRole::Body);
    const int left = std::max(124, QFontMetrics(words).horizontalAdvance(m_name) + 12);
    constexpr int kRight = 84;
    painter.setFont(words);
    painter.setPen(Theme::color(Token::Text));
    painter.drawText(QRect(0, 0, left, 22), Qt::AlignVCenter, m_name);
    const QRect bar(left, 5, std::max(0, width() - left - kRight), 12);
    painter.fillRect(bar, Theme::color(Token::Alt));
    painter.fillRect(QRect(bar.x(), bar.y(), static_cast<int>(bar.width() * std::clamp(m_fraction, 0.0, 1.0)),
                           bar.height()),
                     widgets::StackBar::partColor(2 - m_step, 3));
    painter.setFont(widgets::numberFont());
    painter.drawText(QRect(0, 0, width(), 22), Qt::AlignVCenter | Qt::AlignRight, m_value);
    painter.setFont(widgets::textFont(widgets::TextRole::Caption));
    painter.setPen(Theme::color(Token::Text2));
    const QRect below(left, 22, width() - left, 16);
    painter.drawText(below, Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(m_formula, Qt::ElideRight, below.width()));
}

}  // namespace caravan::ui
