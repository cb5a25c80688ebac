// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/message_bar.h"

#include <QAccessible>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QToolButton>

#include "widgets/accessible_roles.h"
#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {
namespace {

struct Look {
    QColor ground, ink;
    QString icon;
};

Look lookOf(MessageBar::Kind kind) {
    const ThemeColors& colors = themeColors();
    switch (kind) {
        case MessageBar::Kind::Success:
            return {colors.okBg, colors.ok, QStringLiteral("check")};
        case MessageBar::Kind::Warning:
            return {colors.warnBg, colors.warn, QStringLiteral("warn")};
        case MessageBar::Kind::Error:
            return {colors.errBg, colors.err, QStringLiteral("err")};
        case MessageBar::Kind::Information:
            break;
    }
    return {colors.alt, colors.text2, QStringLiteral("info")};
}

}  // namespace

MessageBar::MessageBar(QWidget* parent) : QFrame(parent) {
    setAccessibleRole(this, QAccessible::Notification);
    m_icon = new QLabel(this);
    m_icon->setFixedSize(18, 18);
    m_label = new QLabel(this);
    m_label->setTextFormat(Qt::RichText);
    m_label->setWordWrap(true);
    m_label->setTextInteractionFlags(Qt::LinksAccessibleByMouse | Qt::LinksAccessibleByKeyboard);
    m_label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_close = new QToolButton(this);
    m_close->setAutoRaise(true);
    m_close->setAccessibleName(tr("Close message"));
    m_close->setToolTip(tr("Close message"));
    m_buttonRow = new QHBoxLayout;
    m_buttonRow->setSpacing(12);
    m_layout = new QHBoxLayout(this);
    m_layout->setContentsMargins(24, 0, 16, 0);
    m_layout->setSpacing(12);
    m_layout->addWidget(m_icon);
    m_layout->addWidget(m_label, 1);
    m_layout->addLayout(m_buttonRow);
    m_layout->addWidget(m_close);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    setFixedHeight(44);
    connect(m_close, &QToolButton::clicked, this, [this] {
        hide();
        Q_EMIT closed();
    });
    hide();
}

void MessageBar::showMessage(Kind kind, const QString& title, const QString& text) {
    const bool changed = kind != m_kind || title != m_title || text != m_text || isHidden();
    m_kind = kind;
    m_title = title;
    m_text = text;
    for (QPushButton* button : m_buttons) {
        m_buttonRow->removeWidget(button);
        button->hide();
        button->deleteLater();
    }
    m_buttons.clear();
    m_label->setText(QStringLiteral("<b>%1</b> %2").arg(title.toHtmlEscaped(), text.toHtmlEscaped()));
    const QString sentence = title + QLatin1Char(' ') + text;
    setAccessibleName(sentence);
    m_label->setAccessibleName(sentence);
    applyColors();
    show();
    fitHeight();
    if (changed) {
        QAccessibleEvent event(this, QAccessible::NameChanged);
        QAccessible::updateAccessibility(&event);
    }
}

QPushButton* MessageBar::addButton(const QString& text) {
    auto* button = new QPushButton(text, this);
    m_buttonRow->addWidget(button);
    m_buttons.append(button);
    fitHeight();
    return button;
}

void MessageBar::setClosable(bool closable) {
    m_close->setVisible(closable);
}

void MessageBar::applyColors() {
    const Look look = lookOf(m_kind);
    m_icon->setPixmap(themeIcon(look.icon, look.ink).pixmap(18, 18));
    m_icon->setAccessibleName(m_kind == Kind::Error     ? tr("Error")
                              : m_kind == Kind::Warning ? tr("Warning")
                              : m_kind == Kind::Success ? tr("Good")
                                                        : tr("Note"));
    m_close->setIcon(themeIcon(QStringLiteral("close")));
    QPalette palette = m_label->palette();
    palette.setColor(QPalette::WindowText, themeColors().text);
    m_label->setPalette(palette);
    m_label->setFont(textFont(TextRole::Body));
    update();
}

void MessageBar::fitHeight() {
    m_layout->activate();
    // Before the first layout the label has no width to speak of: one line, as a guess.
    const bool placed = m_label->width() >= 80;
    const int needed = placed ? m_label->heightForWidth(m_label->width()) : 0;
    const int lines = needed > QFontMetrics(m_label->font()).height() * 3 / 2 ? 2 : 1;
    const int height = std::max(m_kind == Kind::Error || lines > 1 ? 64 : 44, needed + 16);
    if (height != minimumHeight()) setFixedHeight(height);
}

void MessageBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), lookOf(m_kind).ground);
    painter.fillRect(QRect(0, height() - 1, width(), 1), themeColors().line);
}

void MessageBar::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    // Not at once: a size that is set while a hidden bar takes in its first size is lost, and with it the
    // places of icon and text.
    QMetaObject::invokeMethod(
        this, [this] { fitHeight(); }, Qt::QueuedConnection);
}

void MessageBar::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange && m_label) applyColors();
    QFrame::changeEvent(event);
}

}  // namespace caravan::widgets
