// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/tune/run_progress.h"

#include <QEvent>
#include <QPainter>

#include "ui/format/format.h"
#include "ui/theme/theme.h"
#include "widgets/paint.h"

namespace caravan::ui {

using widgets::TextRole;

RunProgress::RunProgress(QWidget* parent) : QWidget(parent) {
    setFixedHeight(44);
    setAccessibleName(tr("Progress of the run"));
}

void RunProgress::setProgress(double fraction, Tone tone) {
    m_fraction = fraction;
    m_tone = tone;
    describe();
}

void RunProgress::setTicks(const QVector<double>& fractions) {
    m_ticks = fractions;
    update();
}

void RunProgress::setFacts(const QVector<Fact>& facts) {
    m_facts = facts;
    describe();
}

QString RunProgress::fact(const QString& label) const {
    for (const Fact& fact : m_facts)
        if (fact.label == label) return fact.value;
    return {};
}

void RunProgress::describe() {
    QStringList words;
    if (m_fraction >= 0) words << percentText(m_fraction);
    for (const Fact& fact : std::as_const(m_facts))
        words << fact.label + QLatin1Char(' ') + fact.value;
    setAccessibleDescription(words.join(QStringLiteral(", ")));
    update();
}

void RunProgress::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.fillRect(rect(), Theme::color(Token::Base));
    painter.fillRect(QRect(0, height() - 1, width(), 1), Theme::color(Token::Line));
    const int middle = (height() - 1) / 2;
    QFont number = widgets::numberFont();
    QFont bold = number;
    bold.setWeight(QFont::DemiBold);
    painter.setFont(bold);
    painter.setPen(Theme::color(Token::Text));
    painter.drawText(QRect(24, 0, 56, height() - 1), Qt::AlignVCenter,
                     m_fraction >= 0 ? percentText(m_fraction) : QStringLiteral("–"));
    const QRectF track(80, middle - 3, std::clamp(width() / 5, 120, 300), 6);
    painter.setPen(Qt::NoPen);
    painter.setBrush(Theme::color(Token::Line));
    painter.drawRoundedRect(track, 3, 3);
    const Token tone = m_tone == Tone::Running  ? Token::Accent
                       : m_tone == Tone::Done   ? Token::Ok
                       : m_tone == Tone::Failed ? Token::Err
                                                : Token::Text3;
    if (m_fraction > 0) {
        painter.setBrush(Theme::color(tone));
        painter.drawRoundedRect(
            QRectF(track.left(), track.top(), std::max(6.0, track.width() * std::min(1.0, m_fraction)), 6), 3,
            3);
    }
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setPen(widgets::hairline(Theme::color(Token::Control)));
    double before = -10;
    for (const double tick : std::as_const(m_ticks)) {
        const double x = std::round(track.left() + track.width() * tick);
        if (x - before < 3) continue;
        before = x;
        painter.drawLine(QPointF(x, track.bottom() + 3), QPointF(x, track.bottom() + 7));
    }
    const QFont label = widgets::textFont(TextRole::Secondary);
    const QFontMetrics labelMetrics(label), numberMetrics(number);
    int x = static_cast<int>(track.right()) + 24;
    for (const Fact& fact : std::as_const(m_facts)) {
        const int labelWidth = labelMetrics.horizontalAdvance(fact.label),
                  valueWidth = numberMetrics.horizontalAdvance(fact.value);
        if (x + labelWidth + 6 + valueWidth > width() - 12) break;
        painter.setFont(label);
        painter.setPen(Theme::color(Token::Text2));
        painter.drawText(QRect(x, 0, labelWidth + 2, height() - 1), Qt::AlignVCenter, fact.label);
        painter.setFont(number);
        painter.setPen(Theme::color(Token::Text));
        painter.drawText(QRect(x + labelWidth + (labelWidth > 0 ? 6 : 0), 0, valueWidth + 4, height() - 1),
                         Qt::AlignVCenter, fact.value);
        x += labelWidth + 6 + valueWidth + 22;
    }
}

void RunProgress::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) update();
    QWidget::changeEvent(event);
}

}  // namespace caravan::ui
