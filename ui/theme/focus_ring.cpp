// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/focus_ring.h"

#include <QAbstractButton>
#include <QAbstractSpinBox>
#include <QApplication>
#include <QComboBox>
#include <QFocusEvent>
#include <QLineEdit>
#include <QSlider>

namespace caravan::ui {
namespace {

bool wantsRing(const QWidget* widget) {
    if (!widget || widget->isWindow() || widget->property("noFocusRing").toBool()) return false;
    // own-drawn controls paint their own ring
    return qobject_cast<const QAbstractButton*>(widget) || qobject_cast<const QComboBox*>(widget) ||
           qobject_cast<const QAbstractSpinBox*>(widget) || qobject_cast<const QLineEdit*>(widget) ||
           qobject_cast<const QSlider*>(widget);
}

}  // namespace

FocusRing::FocusRing(QObject* parent) : QObject(parent) {
    qApp->installEventFilter(this);
    connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) { follow(now); });
}

bool FocusRing::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::FocusIn) {
        const auto reason = static_cast<QFocusEvent*>(event)->reason();
        if (reason == Qt::MouseFocusReason)
            m_keyboard = false;
        else if (reason == Qt::TabFocusReason || reason == Qt::BacktabFocusReason ||
                 reason == Qt::ShortcutFocusReason)
            m_keyboard = true;
    } else if (event->type() == QEvent::MouseButtonPress && m_frame) {
        m_frame->hide();
    }
    return QObject::eventFilter(watched, event);
}

void FocusRing::follow(QWidget* widget) {
    if (!wantsRing(widget) || !m_keyboard) {
        if (m_frame) m_frame->hide();
        return;
    }
    if (!m_frame) m_frame = new QFocusFrame;
    m_frame->setWidget(widget);
}

}  // namespace caravan::ui
