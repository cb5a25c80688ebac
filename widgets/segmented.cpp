// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/segmented.h"

#include <QAccessible>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QPainterPath>
#include <QToolTip>

#include "widgets/accessible_roles.h"
#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {
namespace {
constexpr int kHeight = 28;
constexpr int kPadding = 12;
}  // namespace

Segmented::Segmented(QWidget* parent) : QWidget(parent) {
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleRole(this, QAccessible::ComboBox);
    setMouseTracking(true);
    setAttribute(Qt::WA_Hover);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

Segmented::Segmented(const QStringList& segments, QWidget* parent) : Segmented(parent) {
    setSegments(segments);
}

void Segmented::setSegments(const QStringList& segments) {
    if (segments == m_segments) return;
    const int kept = static_cast<int>(segments.indexOf(currentText()));
    m_segments = segments;
    m_toolTips.clear();
    const int before = m_current;
    m_current = kept >= 0 ? kept : 0;
    updateGeometry();
    update();
    announce();
    if (kept < 0 && before != 0) Q_EMIT currentChanged(m_current);
}

void Segmented::setCurrent(int index) {
    if (index < 0 || index >= m_segments.size() || index == m_current) return;
    m_current = index;
    update();
    announce();
    Q_EMIT currentChanged(index);
}

void Segmented::setSegmentToolTip(int index, const QString& text) {
    while (m_toolTips.size() <= index)
        m_toolTips.append(QString());
    m_toolTips[index] = text;
}

void Segmented::setCompact(bool compact) {
    if (compact == m_compact) return;
    m_compact = compact;
    updateGeometry();
    update();
}

void Segmented::announce() {
    setAccessibleDescription(currentText());
    QAccessibleValueChangeEvent event(this, currentText());
    QAccessible::updateAccessibility(&event);
}

QFont Segmented::segmentFont(bool checked) const {
    QFont font = textFont(TextRole::Secondary);
    if (checked) font.setWeight(QFont::DemiBold);
    return font;
}

QRect Segmented::segmentRect(int index) const {
    if (m_compact) return index == m_current ? rect() : QRect();
    // Measured in the bold face, so that texts keep their place when the choice moves.
    const QFontMetrics metrics(segmentFont(true));
    int x = 0;
    for (int i = 0; i < m_segments.size(); ++i) {
        const int width = metrics.horizontalAdvance(m_segments[i]) + 2 * kPadding;
        if (i == index) return {x, 0, width, kHeight};
        x += width;
    }
    return {};
}

QSize Segmented::sizeHint() const {
    const QFontMetrics metrics(segmentFont(true));
    int sum = 0, widest = 0;
    for (const QString& text : m_segments) {
        const int width = metrics.horizontalAdvance(text) + 2 * kPadding;
        sum += width;
        widest = std::max(widest, width);
    }
    return {m_compact ? widest + 12 : std::max(sum, 1), kHeight};
}

int Segmented::segmentAt(QPoint position) const {
    for (int i = 0; i < m_segments.size(); ++i)
        if (segmentRect(i).contains(position)) return i;
    return -1;
}

void Segmented::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const ThemeColors& colors = themeColors();
    QPainterPath frame;
    frame.addRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
    painter.fillPath(frame, isEnabled() ? colors.raised : colors.base);
    if (m_compact) {
        paintCompact(painter);
    } else {
        painter.save();
        painter.setClipPath(frame);
        for (int i = 0; i < m_segments.size(); ++i) {
            const QRect cell = segmentRect(i);
            const bool checked = i == m_current;
            if (checked)
                painter.fillRect(cell, colors.soft);
            else if (i == m_hovered && isEnabled())
                painter.fillRect(cell, colors.hover);
            if (i > 0 && !checked && i - 1 != m_current) {
                painter.setPen(hairline(colors.line));
                painter.drawLine(QPointF(cell.left() + 0.5, 1), QPointF(cell.left() + 0.5, kHeight - 1));
            }
            painter.setFont(segmentFont(checked));
            painter.setPen(!isEnabled() ? colors.text3 : checked ? colors.accent : colors.text2);
            painter.drawText(cell, Qt::AlignCenter, m_segments[i]);
        }
        painter.restore();
    }
    painter.setPen(hairline(isEnabled() ? colors.ctl : colors.btnline));
    painter.setBrush(Qt::NoBrush);
    painter.drawPath(frame);
    if (hasFocus()) drawFocusRing(painter, rect());
}

void Segmented::paintCompact(QPainter& painter) {
    const ThemeColors& colors = themeColors();
    painter.setFont(segmentFont(false));
    painter.setPen(isEnabled() ? colors.text : colors.text3);
    painter.drawText(rect().adjusted(kPadding, 0, -20, 0), Qt::AlignVCenter | Qt::AlignLeft, currentText());
    painter.setPen(hairline(colors.text2, 1.3));
    const QPointF tip(width() - 12.0, kHeight / 2.0 + 2.0);
    const QPointF points[] = {tip + QPointF(-4, -4), tip, tip + QPointF(4, -4)};
    painter.drawPolyline(points, 3);
}

void Segmented::openMenu() {
    QMenu menu(this);
    for (int i = 0; i < m_segments.size(); ++i) {
        QAction* action = menu.addAction(m_segments[i]);
        action->setCheckable(true);
        action->setChecked(i == m_current);
        action->setData(i);
    }
    if (const QAction* chosen = menu.exec(mapToGlobal(QPoint(0, height()))))
        setCurrent(chosen->data().toInt());
}

void Segmented::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return;
    if (m_compact)
        openMenu();
    else
        setCurrent(segmentAt(event->pos()));
}

void Segmented::mouseMoveEvent(QMouseEvent* event) {
    const int hovered = segmentAt(event->pos());
    if (hovered == m_hovered) return;
    m_hovered = hovered;
    update();
}

void Segmented::leaveEvent(QEvent*) {
    m_hovered = -1;
    update();
}

void Segmented::keyPressEvent(QKeyEvent* event) {
    const int last = static_cast<int>(m_segments.size()) - 1;
    switch (event->key()) {
        case Qt::Key_Left:
        case Qt::Key_Up:
            setCurrent(m_current - 1);
            break;
        case Qt::Key_Right:
        case Qt::Key_Down:
            setCurrent(m_current + 1);
            break;
        case Qt::Key_Home:
            setCurrent(0);
            break;
        case Qt::Key_End:
            setCurrent(last);
            break;
        case Qt::Key_Space:
            if (m_compact)
                openMenu();
            else
                setCurrent(m_current == last ? 0 : m_current + 1);
            break;
        default:
            QWidget::keyPressEvent(event);
    }
}

void Segmented::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
        updateGeometry();
        update();
    }
    QWidget::changeEvent(event);
}

bool Segmented::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        const QString text = m_toolTips.value(segmentAt(help->pos()));
        if (!text.isEmpty()) {
            QToolTip::showText(help->globalPos(), text, this);
            return true;
        }
    }
    return QWidget::event(event);
}

}  // namespace caravan::widgets
