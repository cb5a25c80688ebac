// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/pane_header.h"

#include <QAction>
#include <QHBoxLayout>
#include <QMenu>
#include <QPainter>
#include <QVBoxLayout>

namespace caravan::ui {

using widgets::TextRole;

namespace {

constexpr int kIconMargin = 8, kFieldMargin = 16;  // px at the right

// Icons and buttons without a border have an edge of their own; fields and words end where the pane's content
// ends.
void alignEnd(QHBoxLayout* row) {
    const QWidget* last = row->itemAt(row->count() - 1)->widget();
    const bool edge = qobject_cast<const QToolButton*>(last) != nullptr || last->property("quiet").toBool();
    row->setContentsMargins(16, 0, edge ? kIconMargin : kFieldMargin, 0);
}

}  // namespace

QToolButton* iconButton(const QString& icon, const QString& text, QWidget* parent) {
    auto* button = new QToolButton(parent);
    button->setIcon(widgets::themeIcon(icon));
    button->setIconSize({16, 16});
    button->setAutoRaise(true);
    button->setFixedSize(24, 24);
    button->setToolTip(text);
    button->setAccessibleName(text);
    QObject::connect(&Theme::instance(), &Theme::changed, button,
                     [button, icon] { button->setIcon(widgets::themeIcon(icon)); });
    return button;
}

ElidedLabel::ElidedLabel(TextRole role, Token token, Qt::TextElideMode mode, QWidget* parent)
    : ThemedLabel(QString(), role, token, parent), m_mode(mode) {
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
}

void ElidedLabel::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setPen(palette().color(foregroundRole()));
    const QString shown = fontMetrics().elidedText(text(), m_mode, width());
    painter.drawText(rect(), Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine, shown);
    if (toolTip().isEmpty() && shown != text()) setToolTip(text());
}

PaneHeader::PaneHeader(const QString& title, QWidget* parent) : QWidget(parent) {
    setFixedHeight(36);
    m_row = new QHBoxLayout(this);
    m_row->setContentsMargins(16, 0, kFieldMargin, 0);
    m_row->setSpacing(8);
    m_title = new ThemedLabel(title, TextRole::DockTitle, Token::Text);
    m_context = new ElidedLabel(TextRole::Secondary, Token::Text2);
    m_row->addWidget(m_title);
    m_row->addWidget(m_context, 1);
}

void PaneHeader::setTitle(const QString& title) {
    m_title->setText(title);
}
void PaneHeader::setContext(const QString& context) {
    m_context->setToolTip({});
    m_context->setText(context);
}
QString PaneHeader::context() const {
    return m_context->text();
}
void PaneHeader::addLeft(QWidget* widget) {
    m_row->insertWidget(0, widget);
}
void PaneHeader::addWidget(QWidget* widget) {
    m_row->insertWidget(m_row->count() - m_last, widget);
    alignEnd(m_row);
}

QToolButton* PaneHeader::addAction(QAction* action) {
    auto* button = new QToolButton(this);
    button->setDefaultAction(action);
    button->setAutoRaise(true);
    button->setIconSize({16, 16});
    button->setFixedSize(24, 24);
    button->setAccessibleName(action->text());
    addWidget(button);
    return button;
}

QToolButton* PaneHeader::addMenu(const QList<QAction*>& actions) {
    QToolButton* button = iconButton(QStringLiteral("more"), tr("More"), this);
    auto* menu = new QMenu(button);
    menu->addActions(actions);
    // Not setMenu(): that draws an arrow over the icon.
    QObject::connect(button, &QToolButton::clicked, menu,
                     [button, menu] { menu->popup(button->mapToGlobal(QPoint(0, button->height()))); });
    addLast(button);
    return button;
}

void PaneHeader::addLast(QWidget* widget) {
    m_row->addWidget(widget);
    ++m_last;
    alignEnd(m_row);
}

void PaneHeader::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), Theme::color(Token::Base));
}

namespace {

// A dock opens as large as its content hints.
class PaneBody : public QWidget {
  public:
    PaneBody(QWidget* content, QSize room) : m_room(room) {
        auto* column = new QVBoxLayout(this);
        column->setContentsMargins(0, 0, 0, 0);
        column->addWidget(content);
        setFocusProxy(content);
    }
    [[nodiscard]] QSize sizeHint() const override { return m_room; }

  private:
    QSize m_room;
};

}  // namespace

Pane::Pane(const QString& id, const QString& title, QWidget* content, QSize room, QWidget* parent)
    : QDockWidget(title, parent), m_header(new PaneHeader(title)) {
    setObjectName(id);
    setWidget(new PaneBody(content, room));
    setTitleBarWidget(m_header);
    setFeatures(QDockWidget::DockWidgetMovable | QDockWidget::DockWidgetFloatable);
    auto* detach = iconButton(QStringLiteral("float"), tr("Detach"), m_header);
    QObject::connect(detach, &QToolButton::clicked, this, [this] { setFloating(!isFloating()); });
    m_header->addLast(detach);
    QObject::connect(this, &QDockWidget::featuresChanged, detach,
                     [detach](QDockWidget::DockWidgetFeatures features) {
                         detach->setVisible(features.testFlag(QDockWidget::DockWidgetFloatable));
                     });
}

}  // namespace caravan::ui
