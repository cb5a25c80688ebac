// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/focus_keeper.h"

#include <QApplication>
#include <QFocusEvent>
#include <QKeyEvent>
#include <QTimer>

namespace caravan::ui {
namespace {

// Or presses the button that has it: its neighbor may well get the focus when the button goes.
bool movesFocus(int key) {
    switch (key) {
        case Qt::Key_Space:
        case Qt::Key_Tab:
        case Qt::Key_Backtab:
        case Qt::Key_F6:
        case Qt::Key_Left:
        case Qt::Key_Right:
        case Qt::Key_Up:
        case Qt::Key_Down:
            return true;
        default:
            return false;
    }
}

}  // namespace

FocusKeeper::FocusKeeper(QWidget* window) : QObject(window), m_window(window) {
    qApp->installEventFilter(this);
}

void FocusKeeper::leave(QWidget* page) {
    QWidget* now = m_window->focusWidget();
    if (page == nullptr || now == nullptr || !page->isAncestorOf(now)) return;
    m_left.insert(page, now);
    now->clearFocus();
}

void FocusKeeper::enter(QWidget* page) {
    m_page = page;
    QWidget* now = m_window->focusWidget();
    const bool somewhere = now != nullptr && now->hasFocus();
    if (somewhere && !page->isAncestorOf(now)) return;  // the rail, walked by keys
    const QPointer<QWidget> before = m_left.value(page);
    if (before && before->isVisible() && before->isEnabled())
        before->setFocus(Qt::OtherFocusReason);
    else if (!somewhere)
        page->setFocus(Qt::OtherFocusReason);
}

bool FocusKeeper::eventFilter(QObject* object, QEvent* event) {
    switch (event->type()) {
        case QEvent::KeyPress:
            m_walking = movesFocus(static_cast<QKeyEvent*>(event)->key());
            break;
        case QEvent::MouseButtonPress:
            m_walking = false;
            break;
        case QEvent::FocusIn: {
            const Qt::FocusReason reason = static_cast<QFocusEvent*>(event)->reason();
            auto* widget = qobject_cast<QWidget*>(object);
            if (!m_walking && (reason == Qt::TabFocusReason || reason == Qt::BacktabFocusReason) &&
                widget != nullptr && widget->window() == m_window && widget == m_window->focusWidget()) {
                m_strayed = widget;
                QTimer::singleShot(0, this, &FocusKeeper::bringHome);  // Qt is still passing it on
            }
            break;
        }
        default:
            break;
    }
    return QObject::eventFilter(object, event);
}

void FocusKeeper::bringHome() {
    if (m_walking || !m_page || !m_page->isVisible()) return;
    if (m_strayed && m_strayed == QApplication::focusWidget())  // not where the page wanted it since
        m_page->setFocus(Qt::OtherFocusReason);
    m_strayed.clear();
}

}  // namespace caravan::ui
