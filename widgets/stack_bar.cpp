// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/stack_bar.h"

#include <QHelpEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>

#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {

StackBar::StackBar(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void StackBar::setParts(const QVector<Part>& parts) {
    m_parts = parts;
    QStringList sentences;
    for (const Part& part : parts)
        sentences << part.name + QLatin1Char(' ') + part.text;
    setAccessibleDescription(sentences.join(QStringLiteral(", ")));
    update();
}

void StackBar::setCapacity(double capacity) {
    m_capacity = capacity;
    update();
}

void StackBar::setNamed(bool named) {
    m_named = named;
    updateGeometry();
    update();
}

double StackBar::total() const {
    double sum = 0;
    for (const Part& part : m_parts)
        sum += std::max(0.0, part.value);
    return sum;
}

double StackBar::scale() const {
    const double whole = std::max(m_capacity, total());
    return whole > 0 ? width() / whole : 0;
}

QRectF StackBar::partRect(int index) const {
    double start = 0;
    for (int i = 0; i < index; ++i)
        start += std::max(0.0, m_parts[i].value);
    return {start * scale(), 0, std::max(0.0, m_parts[index].value) * scale(), static_cast<double>(height())};
}

QColor StackBar::partColor(int index, int count) {
    const ThemeColors& colors = themeColors();
    const double weakest = 0.25;
    const double share = count <= 1 ? 1.0 : 1.0 - (1.0 - weakest) * index / (count - 1);
    return mixOklab(colors.base, colors.accent, share);
}

void StackBar::paintEvent(QPaintEvent*) {
    const ThemeColors& colors = themeColors();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    QPainterPath frame;
    frame.addRoundedRect(rect(), 3, 3);
    painter.setClipPath(frame);
    painter.fillRect(rect(), colors.alt);
    const int count = static_cast<int>(m_parts.size());
    for (int i = 0; i < count; ++i) {
        const QRectF area = partRect(i);
        if (area.width() <= 0) continue;
        const QColor ground = partColor(i, count);
        painter.fillRect(area.width() > 3 ? area.adjusted(0, 0, -1, 0) : area, ground);
        if (!m_named) continue;
        painter.setFont(textFont(TextRole::Caption));
        painter.setPen(readableInk(ground));
        const QRectF room = area.adjusted(6, 0, -4, 0);
        const QString full = m_parts[i].name + QLatin1Char(' ') + m_parts[i].text;
        const QFontMetrics metrics(painter.font());
        for (const QString& words : {full, m_parts[i].text})  // a number is never elided
            if (metrics.horizontalAdvance(words) <= room.width()) {
                painter.drawText(room, Qt::AlignVCenter | Qt::AlignLeft, words);
                break;
            }
    }
    painter.setPen(QPen(colors.line, 1));
    painter.setBrush(Qt::NoBrush);
    if (m_capacity > total()) painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
    if (overflows()) {
        const double edge = m_capacity * scale();
        const QRectF over(edge, 0, width() - edge, height());
        painter.fillRect(over, colors.errBg);
        drawHatch(painter, over, colors.err);
        painter.fillRect(QRectF(edge - 1, 0, 2, height()), colors.text);
    }
}

bool StackBar::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        for (int i = 0; i < m_parts.size(); ++i)
            if (partRect(i).contains(help->pos())) {
                QToolTip::showText(help->globalPos(), m_parts[i].name + QLatin1Char(' ') + m_parts[i].text,
                                   this);
                return true;
            }
    }
    return QWidget::event(event);
}

}  // namespace caravan::widgets
