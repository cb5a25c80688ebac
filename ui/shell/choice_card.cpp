// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/choice_card.h"

#include <QKeyEvent>
#include <QPainter>
#include <QStyleOption>

#include "ui/theme/style_paint.h"
#include "ui/theme/theme.h"

namespace caravan::ui {
namespace {
constexpr int kLeft = 46, kPadding = 14;
}

ChoiceCard::ChoiceCard(const QString& title, const QString& text, Mark mark, QWidget* parent)
    : QAbstractButton(parent), m_title(title), m_text(text), m_mark(mark) {
    setAccessibleName(title);
    setAccessibleDescription(text);
    setCheckable(mark == Mark::Radio);
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_Hover);
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

void ChoiceCard::setBody(const QString& text) {
    if (text == m_text) return;
    m_text = text;
    setAccessibleDescription(text);
    updateGeometry();
    update();
}
void ChoiceCard::setBadge(const QString& badge) {
    m_badge = badge;
}
void ChoiceCard::setEmphasis(bool emphasis) {
    m_emphasis = emphasis;
}

int ChoiceCard::textWidth(int width) const {
    const int badge =
        m_badge.isEmpty() ? 0 : QFontMetrics(widgets::numberFont(11)).horizontalAdvance(m_badge) + 32;
    return std::max(80, width - kLeft - (m_mark == Mark::Icon ? 24 : 0) - kPadding - badge);
}

int ChoiceCard::heightForWidth(int width) const {
    const QFontMetrics title(widgets::textFont(widgets::TextRole::Section)),
        text(widgets::textFont(widgets::TextRole::Secondary));
    const int body =
        m_text.isEmpty()
            ? 0
            : text.boundingRect(QRect(0, 0, textWidth(width), 1000), Qt::TextWordWrap, m_text).height();
    return kPadding * 2 + title.height() + (body ? body + 4 : 0);
}

QSize ChoiceCard::sizeHint() const {
    return {420, heightForWidth(420)};
}

void ChoiceCard::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const bool on = isChecked() || m_emphasis;
    const bool over = underMouse() && isEnabled();
    stylepaint::box(&painter, rect(),
                    Theme::color(on     ? Token::Soft
                                 : over ? Token::Hover
                                        : Token::Raised),
                    Theme::color(on ? Token::Accent : Token::ButtonLine));
    const int left = kLeft + (m_mark == Mark::Icon ? 24 : 0);
    const QFont bold = widgets::textFont(widgets::TextRole::Section),
                plain = widgets::textFont(widgets::TextRole::Secondary);
    if (m_mark == Mark::Radio) {
        QStyleOption option;
        option.rect = QRect(15, kPadding + QFontMetrics(bold).height() / 2 - 8, 16, 16);
        option.state = QStyle::State_Enabled | (isChecked() ? QStyle::State_On : QStyle::State_Off);
        stylepaint::radioButton(&painter, &option);
    } else {
        icon().paint(&painter, QRect(20, height() / 2 - 11, 22, 22), Qt::AlignCenter, QIcon::Normal,
                     QIcon::On);
    }
    painter.setFont(bold);
    painter.setPen(Theme::color(Token::Text));
    const int width = textWidth(this->width());
    const int titleHeight = QFontMetrics(bold).height();
    painter.drawText(QRect(left, kPadding, width, titleHeight), Qt::AlignVCenter,
                     QFontMetrics(bold).elidedText(m_title, Qt::ElideRight, width));
    painter.setFont(plain);
    painter.setPen(Theme::color(Token::Text2));
    painter.drawText(QRect(left, kPadding + titleHeight + 4, width, height()), Qt::TextWordWrap, m_text);
    if (m_badge.isEmpty()) return;
    painter.setFont(widgets::numberFont(11));
    const int badge = painter.fontMetrics().horizontalAdvance(m_badge) + 12;
    const QRectF frame(this->width() - badge - 16, height() / 2.0 - 10, badge, 20);
    stylepaint::box(&painter, frame, Theme::color(Token::Alt), Theme::color(Token::Line), 1, 3);
    painter.setPen(Theme::color(Token::Text2));
    painter.drawText(frame, Qt::AlignCenter, m_badge);
}

void ChoiceCard::keyPressEvent(QKeyEvent* event) {
    if (!isCheckable() && (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter)) return click();
    QAbstractButton::keyPressEvent(event);
}

}  // namespace caravan::ui
