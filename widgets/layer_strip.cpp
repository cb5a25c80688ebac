// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/layer_strip.h"

#include <QAccessible>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "widgets/accessible_roles.h"
#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {

LayerStrip::LayerStrip(QWidget* parent) : QWidget(parent) {
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleRole(this, QAccessible::List);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    setAccessibleName(tr("Layers"));
    setMouseTracking(false);
}

void LayerStrip::setCells(const QVector<bool>& on) {
    m_on = on;
    m_current = std::clamp(m_current, 0, std::max(0, static_cast<int>(on.size()) - 1));
    describe();
    updateGeometry();
    update();
}

QSize LayerStrip::sizeHint() const {
    return {static_cast<int>(m_on.size()) * 12 + 8, 28};
}

int LayerStrip::countOn() const {
    return static_cast<int>(std::count(m_on.begin(), m_on.end(), true));
}

QRect LayerStrip::cellRect(int index) const {
    const int count = std::max<int>(1, static_cast<int>(m_on.size()));
    const double each = std::min(12.0, (width() - 8.0) / count);
    const int left = 4 + static_cast<int>(index * each), right = 4 + static_cast<int>((index + 1) * each);
    return {left, 6, std::max(2, right - left - (each > 4 ? 2 : 1)), height() - 12};
}

int LayerStrip::cellAt(int x) const {
    for (int i = 0; i < m_on.size(); ++i)
        if (x >= cellRect(i).left() &&
            x < (i + 1 < m_on.size() ? cellRect(i + 1).left() : cellRect(i).right() + 2))
            return i;
    return -1;
}

void LayerStrip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const ThemeColors& colors = themeColors();
    for (int i = 0; i < m_on.size(); ++i) {
        const QRect cell = cellRect(i);
        if (m_on[i]) {
            painter.fillRect(cell, isEnabled() ? colors.accent : colors.text3);
        } else {
            painter.fillRect(cell, colors.alt);
            painter.setPen(colors.ctl);
            painter.drawRect(cell.adjusted(0, 0, -1, -1));
        }
    }
    if (hasFocus() && !m_on.isEmpty())
        drawFocusRing(painter, QRectF(cellRect(m_current)).adjusted(-3, -4, 3, 4), 2);
}

void LayerStrip::mousePressEvent(QMouseEvent* event) {
    const int cell = cellAt(static_cast<int>(event->position().x()));
    if (cell < 0 || event->button() != Qt::LeftButton) return;
    m_dragging = true;
    m_dragValue = !m_on[cell];
    m_on[cell] = m_dragValue;
    moveTo(cell);
}

void LayerStrip::mouseMoveEvent(QMouseEvent* event) {
    const int cell = cellAt(static_cast<int>(event->position().x()));
    if (!m_dragging || cell < 0) return;
    for (int i = std::min(cell, m_current); i <= std::max(cell, m_current); ++i)
        m_on[i] = m_dragValue;
    moveTo(cell);
}

void LayerStrip::mouseReleaseEvent(QMouseEvent*) {
    if (!m_dragging) return;
    m_dragging = false;
    Q_EMIT edited(m_on);
}

void LayerStrip::keyPressEvent(QKeyEvent* event) {
    const int last = static_cast<int>(m_on.size()) - 1;
    if (last < 0) return QWidget::keyPressEvent(event);
    switch (event->key()) {
        case Qt::Key_Left:
            return moveTo(std::max(0, m_current - 1));
        case Qt::Key_Right:
            return moveTo(std::min(last, m_current + 1));
        case Qt::Key_Home:
            return moveTo(0);
        case Qt::Key_End:
            return moveTo(last);
        case Qt::Key_Space:
            m_on[m_current] = !m_on[m_current];
            moveTo(m_current);
            Q_EMIT edited(m_on);
            return;
        default:
            QWidget::keyPressEvent(event);
    }
}

void LayerStrip::moveTo(int index) {
    m_current = index;
    describe();
    update();
}

void LayerStrip::describe() {
    if (m_on.isEmpty()) return setAccessibleDescription({});
    setAccessibleDescription(tr("layer %1, %2; %3 of %4 on")
                                 .arg(m_current)
                                 .arg(m_on[m_current] ? tr("on") : tr("off"))
                                 .arg(countOn())
                                 .arg(m_on.size()));
    QAccessibleEvent event(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&event);
}

void LayerStrip::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::EnabledChange) update();
    QWidget::changeEvent(event);
}

bool LayerStrip::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        const int cell = cellAt(help->pos().x());
        if (cell >= 0)
            QToolTip::showText(
                help->globalPos(),
                tr("Layer %1, %2").arg(cell).arg(m_on[cell] ? tr("with experts") : tr("dense")), this);
        return true;
    }
    return QWidget::event(event);
}

}  // namespace caravan::widgets
