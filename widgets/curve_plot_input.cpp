// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>

#include "widgets/curve_plot_parts.h"

namespace caravan::widgets {

void CurvePlot::mousePressEvent(QMouseEvent* event) {
    setFocus(Qt::MouseFocusReason);
    if (event->button() != Qt::LeftButton || m_lanes.empty()) return;
    if (event->modifiers() & Qt::ShiftModifier) {
        m_brushStart = snapped(toX(event->position().x()));
        setBrush(std::nullopt);
    } else if (m_zoomed) {
        m_panning = true;
        m_panX = event->position().x();
        setCursor(Qt::ClosedHandCursor);
    }
}

void CurvePlot::mouseMoveEvent(QMouseEvent* event) {
    if (m_lanes.empty()) return;
    const double x = toX(event->position().x());
    if (m_panning) {
        const double shift = toX(m_panX) - x;
        const double span = m_high - m_low, end = fittedEnd();
        const double low = std::clamp(m_low + shift, 0.0, std::max(0.0, end - span));
        m_panX = event->position().x();
        setXRange(low, low + span);
        return;
    }
    m_hoverLane = laneAt(event->position().toPoint());
    const QRect area = laneRect(0);
    const bool inside =
        event->position().x() >= area.left() && event->position().x() <= area.right() && dataEnd() > 0;
    if (!inside) return setCursorX(std::nullopt);
    setCursorX(snapped(x));
    scheduleOverlay();
    if (m_brushStart && *m_brushStart != *m_cursor) setBrush(QPair<double, double>(*m_brushStart, *m_cursor));
}

void CurvePlot::mouseReleaseEvent(QMouseEvent*) {
    m_brushStart.reset();
    if (m_panning) unsetCursor();
    m_panning = false;
}

int CurvePlot::markAt(double pixel) const {
    int nearest = -1;
    double distance = 6;  // px
    for (std::size_t i = 0; i < m_marks.size(); ++i)
        if (const double away = std::abs(toPixel(m_marks[i].x) - pixel); away <= distance) {
            distance = away;
            nearest = static_cast<int>(i);
        }
    return nearest;
}

void CurvePlot::mouseDoubleClickEvent(QMouseEvent* event) {
    if (const int mark = markAt(event->position().x()); mark >= 0 && event->button() == Qt::LeftButton) {
        m_panning = false;
        unsetCursor();
        Q_EMIT markActivated(mark);
        return;
    }
    fit();
    setBrush(std::nullopt);
}

void CurvePlot::zoomBy(double factor, double around) {
    const double span = (m_high - m_low) * factor;
    const double share = (around - m_low) / (m_high - m_low);
    const double end = fittedEnd();
    const double low = std::clamp(around - share * span, 0.0, std::max(0.0, end - span));
    setXRange(low, std::min(end, low + span));
}

void CurvePlot::wheelEvent(QWheelEvent* event) {
    const int delta = event->angleDelta().y();
    if (delta == 0 || m_lanes.empty()) return event->ignore();
    zoomBy(std::pow(0.8, delta / 120.0), std::clamp(toX(event->position().x()), m_low, m_high));
    event->accept();
}

void CurvePlot::moveCursorBy(int direction, bool brushing) {
    const int primary = primaryCurve();
    if (primary < 0 || series(primary).isEmpty()) return;
    const CurveSeries& values = series(primary);
    const double from = m_cursor.value_or(values.x(values.size() - 1));
    if (brushing && !m_brush) m_brushStart = from;
    // One sample, or one pixel where several samples share it.
    const std::size_t index = values.nearestIndex(from);
    double x = from;
    if (m_cursor) {
        if (direction > 0 && index + 1 < values.size())
            x = std::max(values.x(index + 1),
                         snapped(from + (m_high - m_low) / std::max(1, laneRect(0).width())));
        if (direction < 0 && index > 0)
            x = std::min(values.x(index - 1),
                         snapped(from - (m_high - m_low) / std::max(1, laneRect(0).width())));
    }
    setCursorX(x);
    announceGridCell(*this, static_cast<int>(values.nearestIndex(x)), 0);
    if (brushing && m_brushStart && *m_brushStart != x) setBrush(QPair<double, double>(*m_brushStart, x));
}

void CurvePlot::keyPressEvent(QKeyEvent* event) {
    const bool shift = event->modifiers() & Qt::ShiftModifier;
    if (event->modifiers() & (Qt::AltModifier | Qt::MetaModifier)) return event->ignore();
    if (event->modifiers() & Qt::ControlModifier) return event->ignore();
    switch (event->key()) {
        case Qt::Key_Left:
            moveCursorBy(-1, shift);
            break;
        case Qt::Key_Right:
            moveCursorBy(1, shift);
            break;
        case Qt::Key_Home:
            setCursorX(snapped(m_low));
            break;
        case Qt::Key_End:
            setCursorX(snapped(m_high));
            break;
        case Qt::Key_Up:
            m_hoverLane = std::max(0, m_hoverLane - 1), scheduleOverlay();
            break;
        case Qt::Key_Down:
            m_hoverLane = std::min(laneCount() - 1, m_hoverLane + 1), scheduleOverlay();
            break;
        case Qt::Key_Plus:
        case Qt::Key_Equal:
            zoomBy(0.8, m_cursor.value_or((m_low + m_high) / 2));
            break;
        case Qt::Key_Minus:
            zoomBy(1.25, m_cursor.value_or((m_low + m_high) / 2));
            break;
        case Qt::Key_0:
            fit();
            break;
        case Qt::Key_L:
            setLogScale(!m_log);
            break;
        case Qt::Key_S:
            Q_EMIT smoothingStepRequested();
            break;
        case Qt::Key_Escape:
            if (!m_brush && !m_cursor) return event->ignore();
            m_brushStart.reset();
            setBrush(std::nullopt);
            setCursorX(std::nullopt);
            break;
        default:
            event->ignore();
    }
}

void CurvePlot::leaveEvent(QEvent* event) {
    setCursorX(std::nullopt);
    QCustomPlot::leaveEvent(event);
}

void CurvePlot::resizeEvent(QResizeEvent* event) {
    applyLaneHeights();
    applyRanges();
    QCustomPlot::resizeEvent(event);  // replots
}

void CurvePlot::changeEvent(QEvent* event) {
    QCustomPlot::changeEvent(event);
    if (event->type() != QEvent::PaletteChange && event->type() != QEvent::FontChange) return;
    applyColors();
    if (isVisible()) flush();  // at once: half of the plot in the colors of before would be seen
}

void CurvePlot::showEvent(QShowEvent* event) {
    QCustomPlot::showEvent(event);
    flush();
}

void CurvePlot::focusInEvent(QFocusEvent* event) {
    QCustomPlot::focusInEvent(event);
    setProperty(kQuietFocus, event->reason() == Qt::OtherFocusReason);  // nobody asked for it: no ring
    scheduleOverlay();
}

void CurvePlot::focusOutEvent(QFocusEvent* event) {
    QCustomPlot::focusOutEvent(event);
    m_brushStart.reset();
    scheduleOverlay();
}

}  // namespace caravan::widgets
