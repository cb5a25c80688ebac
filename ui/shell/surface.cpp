// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/surface.h"

#include <QAction>
#include <QEvent>
#include <QKeyEvent>
#include <QPainter>

#include "ui/theme/style.h"

namespace caravan::ui {

void Surface::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), Theme::color(m_fill));
    const QColor line = Theme::color(Token::Line);
    if (m_edges & Top) painter.fillRect(0, 0, width(), 1, line);
    if (m_edges & Bottom) painter.fillRect(0, height() - 1, width(), 1, line);
    if (m_edges & Left) painter.fillRect(0, 0, 1, height(), line);
    if (m_edges & Right) painter.fillRect(width() - 1, 0, 1, height(), line);
}

ThemedLabel::ThemedLabel(const QString& text, widgets::TextRole role, Token token, QWidget* parent)
    : QLabel(text, parent), m_role(role), m_token(token) {
    apply();
}

void ThemedLabel::setToken(Token token) {
    if (m_token == token) return;
    m_token = token;
    apply();
}

void ThemedLabel::setRole(widgets::TextRole role) {
    m_role = role;
    apply();
}

void ThemedLabel::changeEvent(QEvent* event) {
    if (!m_applying &&
        (event->type() == QEvent::PaletteChange || event->type() == QEvent::ApplicationFontChange))
        apply();
    QLabel::changeEvent(event);
}

void ThemedLabel::apply() {
    m_applying = true;
    setFont(widgets::textFont(m_role));
    QPalette colors = palette();
    for (const auto group : {QPalette::Active, QPalette::Inactive, QPalette::Disabled}) {
        colors.setColor(group, QPalette::WindowText, Theme::color(m_token));
        colors.setColor(group, QPalette::Text, Theme::color(m_token));
        colors.setColor(group, QPalette::Link, Theme::color(Token::Accent));
    }
    setPalette(colors);
    m_applying = false;
}

LinkButton::LinkButton(const QString& text, QWidget* parent) : QAbstractButton(parent) {
    setText(text);
    setCursor(Qt::PointingHandCursor);
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(text);
}

QSize LinkButton::sizeHint() const {
    const QFontMetrics metrics(font());
    return {metrics.horizontalAdvance(text()) + 2, std::max(24, metrics.height())};
}

void LinkButton::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    QFont shown = font();
    shown.setUnderline(underMouse() && isEnabled());
    painter.setFont(shown);
    painter.setPen(Theme::color(isEnabled() ? Token::Accent : Token::Text3));
    painter.drawText(rect(), Qt::AlignVCenter | Qt::AlignLeft,
                     fontMetrics().elidedText(text(), Qt::ElideMiddle, width()));
}

void LinkButton::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) return click();
    QAbstractButton::keyPressEvent(event);
}

void LinkButton::enterEvent(QEnterEvent* event) {
    QAbstractButton::enterEvent(event);
    update();
}

void LinkButton::leaveEvent(QEvent* event) {
    QAbstractButton::leaveEvent(event);
    update();
}

QPushButton* textButton(const QString& text, const QString& icon, bool primary, QWidget* parent) {
    auto* button = new QPushButton(text, parent);
    if (!icon.isEmpty()) button->setIcon(widgets::themeIcon(icon));
    setPrimary(button, primary);
    button->setAutoDefault(false);
    return button;
}

QPushButton* actionButton(QAction* action, bool primary, QWidget* parent) {
    auto* button = new QPushButton(parent);
    setPrimary(button, primary);
    button->setAutoDefault(false);
    const auto follow = [button, action] {
        QString text = action->text();
        text.remove(QLatin1Char('&'));
        button->setText(text);
        button->setAccessibleName(text);
        button->setIcon(action->icon());
        button->setEnabled(action->isEnabled());
        const QString keys = action->shortcut().toString(QKeySequence::NativeText);
        const QString tip = action->toolTip() == text ? QString() : action->toolTip();
        button->setToolTip(keys.isEmpty() ? tip : tip.isEmpty() ? keys : tip + QStringLiteral("  ") + keys);
        button->updateGeometry();
    };
    follow();
    QObject::connect(action, &QAction::changed, button, follow);
    QObject::connect(button, &QPushButton::clicked, action, &QAction::trigger);
    return button;
}

}  // namespace caravan::ui
