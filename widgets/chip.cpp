// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/chip.h"

#include <QEvent>

#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {

Chip::Chip(const QString& text, Tone tone, QWidget* parent) : QWidget(parent), m_text(text), m_tone(tone) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setAccessibleName(text);
}

void Chip::setText(const QString& text) {
    if (text == m_text) return;
    m_text = text;
    setAccessibleName(text);
    updateGeometry();
    update();
}

void Chip::setTone(Tone tone) {
    if (tone == m_tone) return;
    m_tone = tone;
    update();
}

QSize Chip::sizeHint() const {
    const QFontMetrics metrics(textFont(TextRole::Secondary));
    return {metrics.horizontalAdvance(m_text) + 16, 20};
}

void Chip::paintEvent(QPaintEvent*) {
    if (m_text.isEmpty()) return;
    const ThemeColors& colors = themeColors();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    QColor ground = colors.alt, ink = colors.text2;
    switch (m_tone) {
        case Tone::Plain:
            break;
        case Tone::Accent:
            ground = colors.soft, ink = colors.accent;
            break;
        case Tone::Ok:
            ground = colors.okBg, ink = colors.ok;
            break;
        case Tone::Warning:
            ground = colors.warnBg, ink = colors.warn;
            break;
        case Tone::Error:
            ground = colors.errBg, ink = colors.err;
            break;
    }
    painter.setBrush(ground);
    painter.setPen(m_tone == Tone::Plain ? hairline(colors.line) : QPen(Qt::NoPen));
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
    painter.setFont(textFont(TextRole::Secondary));
    painter.setPen(ink);
    painter.drawText(rect(), Qt::AlignCenter, m_text);
}

void Chip::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) update();
    QWidget::changeEvent(event);
}

ExpertChip::ExpertChip(int expert, QWidget* parent) : QWidget(parent), m_expert(expert) {
    setFixedSize(18, 18);
    setAccessibleName(tr("Expert %1").arg(expert));
}

void ExpertChip::setExpert(int expert) {
    m_expert = expert;
    setAccessibleName(tr("Expert %1").arg(expert));
    update();
}

void ExpertChip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawExpertChip(painter, rect(), m_expert);
}

void drawExpertChip(QPainter& painter, const QRectF& area, int expert) {
    const ThemeColors& colors = themeColors();
    const QColor& hue = colors.expert(expert);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF frame = area.adjusted(0.5, 0.5, -0.5, -0.5);
    if (ThemeColors::expertHatched(expert)) {
        painter.setBrush(colors.base);
        painter.setPen(QPen(hue, 1.6));
        painter.drawRoundedRect(frame, 3, 3);
        drawHatch(painter, area.adjusted(2, 2, -2, -2), mixed(colors.base, hue, 0.55));
        painter.setPen(colors.text);
    } else {
        painter.setBrush(hue);
        painter.setPen(Qt::NoPen);
        painter.drawRoundedRect(area, 3, 3);
        painter.setPen(colors.inkOn(expert));
    }
    painter.setFont(numberFont(expert > 99 ? 9 : 11));
    painter.drawText(area, Qt::AlignCenter, QString::number(expert));
    painter.restore();
}

}  // namespace caravan::widgets
