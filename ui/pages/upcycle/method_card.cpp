// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/upcycle/method_card.h"

#include <QPainter>

#include "ui/theme/style_paint.h"
#include "ui/theme/theme.h"

namespace caravan::ui {

MethodCard::MethodCard(engine::UpcycleMethod method, QWidget* parent)
    : QAbstractButton(parent), m_method(method) {
    const bool pesc = method == engine::UpcycleMethod::Pesc;
    m_title = pesc ? tr("PESC") : tr("Dense QLoRA");
    m_text =
        pesc ? tr("Adapters as experts behind the shared FFN") : tr("LoRA alone, no experts: the control");
    setCheckable(true);
    setAutoExclusive(true);
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_Hover);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(m_title);
    setAccessibleDescription(m_text + QStringLiteral(". ") + tr("Step 0 equals the dense model exactly."));
}

void MethodCard::drawPicture(QPainter& painter, const QRectF& area) const {
    const QColor ink = Theme::color(isChecked() ? Token::Accent : Token::Text2);
    painter.setPen(QPen(ink, 1.3));
    painter.setBrush(ink);
    if (m_method == engine::UpcycleMethod::None) {
        painter.drawRoundedRect(QRectF(area.center() - QPointF(13, 8), QSizeF(26, 17)), 2, 2);
        return;
    }
    painter.drawRoundedRect(QRectF(area.left(), area.center().y() - 8, 15, 17), 2, 2);
    painter.setBrush(Qt::NoBrush);
    const double joint = area.left() + 21;
    for (int i = 0; i < 4; ++i) {
        const double y = area.top() + 3 + i * (area.height() - 6) / 3;
        painter.drawLine(QPointF(joint, y), QPointF(joint + 5, y));
        painter.drawRoundedRect(QRectF(joint + 5, y - 2.5, 8, 5), 1, 1);
    }
    painter.drawLine(QPointF(joint, area.top() + 3), QPointF(joint, area.bottom() - 3));
    painter.drawLine(QPointF(area.left() + 15, area.center().y()), QPointF(joint, area.center().y()));
}

void MethodCard::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool over = underMouse() && isEnabled();
    stylepaint::box(&painter, rect(),
                    Theme::color(isChecked() ? Token::Soft
                                 : over      ? Token::Hover
                                             : Token::Raised),
                    Theme::color(isChecked() ? Token::Accent : Token::ButtonLine), isChecked() ? 2 : 1);
    drawPicture(painter, QRectF(16, 16, 36, 32));
    painter.setFont(widgets::textFont(widgets::TextRole::Section));
    painter.setPen(Theme::color(Token::Text));
    const QRect text(70, 12, width() - 82, height() - 20);
    painter.drawText(text, Qt::AlignTop | Qt::AlignLeft, m_title);
    const int below = painter.fontMetrics().height() + 3;
    painter.setFont(widgets::textFont(widgets::TextRole::Secondary));
    painter.setPen(Theme::color(Token::Text2));
    painter.drawText(text.adjusted(0, below, 0, 0), Qt::TextWordWrap, m_text);
    painter.setFont(widgets::numberFont(11));
    painter.setPen(Theme::color(Token::Ok));
    painter.drawText(QRect(14, height() - 26, 50, 18), Qt::AlignVCenter, QStringLiteral("Δ 0"));
}

}  // namespace caravan::ui
