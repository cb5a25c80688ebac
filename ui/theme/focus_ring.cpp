// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/focus_ring.h"

#include <QAbstractButton>
#include <QAbstractScrollArea>
#include <QAbstractSpinBox>
#include <QApplication>
#include <QComboBox>
#include <QFocusEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPainter>
#include <QPlainTextEdit>
#include <QScrollArea>
#include <QSlider>

#include "ui/theme/style_paint.h"
#include "widgets/chart_grid.h"

namespace caravan::ui {
namespace {

constexpr int kMargin = 4;        // 2 px gap, 2 px ring
constexpr int kPaneHeight = 160;  // px, from here on a chart fills its pane

bool isChart(const QWidget* widget) {
    return dynamic_cast<const widgets::ChartGrid*>(widget) != nullptr;
}

// What fills its pane has the ring within it, what has words up to its edge around it.
bool wantsRingInside(const QWidget* widget) {
    return qobject_cast<const QAbstractScrollArea*>(widget) ||
           (isChart(widget) && widget->height() > kPaneHeight);
}

// Own-drawn controls paint their own ring.
bool wantsRing(const QWidget* widget) {
    if (!widget || widget->isWindow() || widget->property("noFocusRing").toBool()) return false;
    if (qobject_cast<const QPlainTextEdit*>(widget)) return false;  // its frame tells
    return wantsRingInside(widget) || isChart(widget) || qobject_cast<const QLabel*>(widget) ||
           qobject_cast<const QAbstractButton*>(widget) || qobject_cast<const QComboBox*>(widget) ||
           qobject_cast<const QAbstractSpinBox*>(widget) || qobject_cast<const QLineEdit*>(widget) ||
           qobject_cast<const QSlider*>(widget);
}

QWidget* hostOf(QWidget* widget) {
    for (QWidget* at = widget->parentWidget(); at; at = at->parentWidget()) {
        auto* area =
            at->parentWidget() ? qobject_cast<QScrollArea*>(at->parentWidget()->parentWidget()) : nullptr;
        if (at->isWindow() || (area && area->widget() == at)) return at;
    }
    return nullptr;
}

}  // namespace

class FocusRing::Frame : public QWidget {
  public:
    explicit Frame(QWidget* parent) : QWidget(parent) {
        setAttribute(Qt::WA_TransparentForMouseEvents);
        setAttribute(Qt::WA_NoSystemBackground);
        setFocusPolicy(Qt::NoFocus);
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        stylepaint::box(&painter, rect(), QColor(), widgets::themeColors().accent, 2, 6);
    }
};

FocusRing::FocusRing(QObject* parent) : QObject(parent) {
    qApp->installEventFilter(this);
    connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) { follow(now); });
}

bool FocusRing::eventFilter(QObject* watched, QEvent* event) {
    switch (event->type()) {
        case QEvent::KeyPress:
            m_keyboard = true;
            break;
        case QEvent::MouseButtonPress:
            m_keyboard = false;
            if (m_frame) m_frame->hide();
            break;
        case QEvent::Move:
        case QEvent::Resize:
        case QEvent::Show:
        case QEvent::Hide:
            if (m_target && m_frame && watched != m_frame && watched->isWidgetType() &&
                (watched == m_target || static_cast<QWidget*>(watched)->isAncestorOf(m_target)))
                QMetaObject::invokeMethod(this, &FocusRing::place, Qt::QueuedConnection);
            break;
        default:
            break;
    }
    return QObject::eventFilter(watched, event);
}

void FocusRing::follow(QWidget* widget) {
    delete m_frame;
    m_target = m_keyboard && wantsRing(widget) ? widget : nullptr;
    QWidget* host = m_target ? hostOf(m_target) : nullptr;
    if (!host) return;
    m_frame = new Frame(host);
    place();
}

void FocusRing::place() {
    if (!m_frame || !m_target) return;
    const QPoint corner = m_target->mapTo(m_frame->parentWidget(), QPoint(0, 0));
    const int margin = wantsRingInside(m_target) ? 0 : kMargin;
    m_frame->setGeometry(QRect(corner, m_target->size()).adjusted(-margin, -margin, margin, margin));
    m_frame->setVisible(m_target->isVisible());
    m_frame->raise();
}

}  // namespace caravan::ui
