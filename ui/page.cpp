// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/page.h"

#include <QAction>
#include <QDockWidget>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/shell/surface.h"

namespace caravan::ui {

using widgets::TextRole;

Page::Page(const QString& id, const QString& title, const Services& services, QWidget* parent)
    : QMainWindow(parent, Qt::Widget), m_id(id), m_title(title), m_services(services) {
    setObjectName(id);
    setAccessibleName(title);
    setDockNestingEnabled(true);
    setContextMenuPolicy(Qt::NoContextMenu);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* top = new QWidget;
    m_bars = new QVBoxLayout(top);
    m_bars->setContentsMargins(0, 0, 0, 0);
    m_bars->setSpacing(0);
    m_header = new Surface(Token::Base, Surface::Bottom);
    m_header->setFixedHeight(56);
    m_header->setAccessibleName(tr("Page header"));
    auto* row = new QHBoxLayout(m_header);
    row->setContentsMargins(24, 0, 16, 1);
    row->setSpacing(8);
    row->addWidget(new ThemedLabel(title, TextRole::Title, Token::Text));
    m_left = new QHBoxLayout;
    m_left->setSpacing(8);
    m_context = new ThemedLabel(QString(), TextRole::Body, Token::Text2);
    m_context->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_context->hide();
    m_right = new QHBoxLayout;
    m_right->setSpacing(12);
    row->addSpacing(4);
    row->addLayout(m_left);
    row->addWidget(m_context, 1);
    row->addStretch(0);
    row->addLayout(m_right);
    m_bars->addWidget(m_header);
    setMenuWidget(top);
}

void Page::setProject(ProjectContext* project) {
    m_project = project;
}
void Page::showRun(const QString&) {}
void Page::openLink(const QVariantMap&) {}
void Page::setActive(bool active) {
    m_active = active;
}
bool Page::takeDrop(const QStringList&) {
    return false;
}

void Page::setDragging(bool) {}

QList<QWidget*> Page::panes() const {
    QList<QWidget*> result{m_header};
    if (centralWidget()) result << centralWidget();
    for (QDockWidget* dock : findChildren<QDockWidget*>(QString(), Qt::FindDirectChildrenOnly))
        if (dock->isVisible() && dock->widget()) result << dock->widget();
    return result;
}

void Page::setContextText(const QString& text) {
    m_context->setText(text);
    m_context->setVisible(!text.isEmpty());
}

void Page::addHeaderWidget(QWidget* widget) {
    m_left->addWidget(widget);
}
void Page::addHeaderButton(QWidget* button) {
    m_right->addWidget(button);
}
void Page::addBar(QWidget* bar) {
    m_bars->addWidget(bar);
}

void Page::hostMessages(QWidget* messages) {
    m_bars->addWidget(messages);
}

void Page::setWindowTitlePart(const QString& text) {
    if (m_windowTitlePart == text) return;
    m_windowTitlePart = text;
    Q_EMIT statusChanged();
}

}  // namespace caravan::ui
