// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/rail.h"

#include <QKeyEvent>
#include <QPainter>

#include "widgets/accessible_roles.h"
#include "widgets/paint.h"

namespace caravan::ui {
namespace {

class RailLine : public QWidget {
  public:
    explicit RailLine(QWidget* parent) : QWidget(parent) { setFixedHeight(13); }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter(this).fillRect(16, height() / 2, width() - 33, 1, Theme::color(Token::Line));
    }
};

}  // namespace

RailButton::RailButton(const QString& id, const QString& text, QWidget* parent)
    : QToolButton(parent), m_id(id) {
    setText(text);
    setAccessibleName(text);
    widgets::setAccessibleRole(this, QAccessible::PageTab);
    setIcon(widgets::themeIcon(id));
    setCheckable(true);
    setAutoExclusive(false);
    setFixedSize(76, 56);
    setFocusPolicy(Qt::TabFocus);
    setAttribute(Qt::WA_Hover);
    setProperty("noFocusRing", true);
}

void RailButton::setMarked(bool marked) {
    if (m_marked == marked) return;
    m_marked = marked;
    setAccessibleDescription(marked ? tr("A run is live") : QString());
    update();
}

void RailButton::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (isChecked()) {
        painter.fillRect(rect(), Theme::color(Token::Soft));
        painter.fillRect(0, 0, 3, height(), Theme::color(Token::Accent));
    } else if (underMouse()) {
        painter.fillRect(rect(), Theme::color(Token::Hover));
    }
    const QRect iconRect(width() / 2 - 11, 8, 22, 22);
    icon().paint(&painter, iconRect, Qt::AlignCenter, QIcon::Normal, isChecked() ? QIcon::On : QIcon::Off);
    QFont font = widgets::textFont(widgets::TextRole::Caption);
    if (isChecked()) font.setWeight(QFont::DemiBold);
    painter.setFont(font);
    painter.setPen(Theme::color(isChecked() ? Token::Accent : Token::Text2));
    const QRect text(2, 32, width() - 4, 18);
    painter.drawText(text, Qt::AlignCenter,
                     painter.fontMetrics().elidedText(QToolButton::text(), Qt::ElideRight, text.width()));
    if (m_marked) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(Theme::color(Token::Accent));
        painter.drawEllipse(QRectF(iconRect.right() + 1, iconRect.top() - 2, 8, 8));
    }
    if (hasFocus()) widgets::drawFocusRing(painter, QRectF(rect()).adjusted(2, 2, -2, -2));
}

Rail::Rail(QWidget* parent) : Surface(Token::Window, Surface::Right, parent) {
    setFixedWidth(77);
    setAccessibleName(tr("Pages"));
    widgets::setAccessibleRole(this, QAccessible::PageTabList);
    m_layout = new QVBoxLayout(this);
    m_layout->setContentsMargins(0, 8, 1, 8);
    m_layout->setSpacing(0);
    m_layout->addStretch(1);
}

void Rail::addPageAtEnd(const QString& id, const QString& text) {
    addPage(id, text);
    m_layout->addWidget(m_buttons.last());  // moves it
}

void Rail::addPage(const QString& id, const QString& text) {
    auto* button = new RailButton(id, text, this);
    m_buttons << button;
    int place = 0;  // before the free room
    while (m_layout->itemAt(place)->spacerItem() == nullptr)
        ++place;
    m_layout->insertWidget(place, button);
    connect(button, &QToolButton::clicked, this, [this, id] { Q_EMIT chosen(id); });
}

void Rail::addSeparator() {
    int place = 0;
    while (m_layout->itemAt(place)->spacerItem() == nullptr)
        ++place;
    m_layout->insertWidget(place, new RailLine(this));
}

void Rail::setCurrent(const QString& id) {
    for (RailButton* button : m_buttons)
        button->setChecked(button->id() == id);
}

void Rail::setMarked(const QString& id, bool marked) {
    if (RailButton* found = button(id)) found->setMarked(marked);
}

RailButton* Rail::button(const QString& id) const {
    for (RailButton* button : m_buttons)
        if (button->id() == id) return button;
    return nullptr;
}

void Rail::keyPressEvent(QKeyEvent* event) {
    const int move = event->key() == Qt::Key_Down ? 1 : event->key() == Qt::Key_Up ? -1 : 0;
    auto* focused = qobject_cast<RailButton*>(focusWidget());
    const int at = focused ? static_cast<int>(m_buttons.indexOf(focused)) : -1;
    if (!move || at < 0) return Surface::keyPressEvent(event);
    m_buttons[std::clamp(at + move, 0, static_cast<int>(m_buttons.size()) - 1)]->setFocus(Qt::TabFocusReason);
}

}  // namespace caravan::ui
