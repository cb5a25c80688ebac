// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/run_pill.h"

#include <QPainter>
#include <cmath>

#include "ui/format/format.h"
#include "ui/theme/style_paint.h"
#include "ui/theme/theme.h"
#include "widgets/paint.h"

namespace caravan::ui {

void paintMark(QPainter& painter, const QRectF& area, int first, int second, const QColor& lit) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const double cell = area.width() / 4, size = cell * 0.82;
    const QColor rest = widgets::mixOklab(Theme::color(Token::Window), Theme::color(Token::Text3), 0.5);
    for (int i = 0; i < 8; ++i) {
        const QRectF square(area.x() + (i % 4) * cell, area.y() + (i / 4) * cell, size, size);
        painter.setPen(Qt::NoPen);
        painter.setBrush(i == first || i == second ? lit : rest);
        painter.drawRoundedRect(square, size * 0.18, size * 0.18);
    }
    painter.restore();
}

QIcon markIcon() {
    QIcon icon;
    for (const int size : {16, 24, 32, 48, 64, 128}) {
        QPixmap pixmap(size, size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        paintMark(painter, QRectF(0, size / 4.0, size * 1.04, size / 2.0), 1, 6, Theme::color(Token::Accent));
        painter.end();
        icon.addPixmap(pixmap);
    }
    return icon;
}

RunPill::RunPill(QWidget* parent) : QAbstractButton(parent) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setFocusPolicy(Qt::TabFocus);
    setAttribute(Qt::WA_Hover);
    setCursor(Qt::PointingHandCursor);
    setProperty("noFocusRing", true);
    hide();
}

void RunPill::setRun(const LiveRun& run) {
    m_run = run;
    const QString spoken =
        tr("%1, %2, step %3 of %4")
            .arg(run.name, stateText(run.state), withThousands(run.step), withThousands(run.steps));
    setAccessibleName(spoken);
    setToolTip(spoken);
    setVisible(run.exists() && run.state != engine::RunState::Created);
    update();
}

void RunPill::setTopPair(int first, int second) {
    if (Theme::reducedMotion() || m_run.state != engine::RunState::Running) return;
    if (m_changed.isValid() && m_changed.elapsed() < 500) return;
    m_changed.start();
    m_first = first;
    m_second = second;
    update();
}

void RunPill::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (underMouse()) stylepaint::box(&painter, rect(), Theme::color(Token::Hover), QColor());
    const bool bad = m_run.engineDied || m_run.state == engine::RunState::Failed;
    const bool live = m_run.state == engine::RunState::Running;
    const Token tone = bad                                         ? Token::Err
                       : live                                      ? Token::Accent
                       : m_run.state == engine::RunState::Finished ? Token::Ok
                                                                   : Token::Text3;
    const QString state = m_run.engineDied ? tr("Engine stopped")
                          : live           ? tr("Tuning")
                                           : stateText(m_run.state);
    const QString percent = m_run.steps > 0 ? percentText(m_run.fraction()) : QString();
    QString left = live ? timeLeftText(m_run.secondsLeft) : QString();
    const QFont bold = widgets::textFont(widgets::TextRole::DockTitle),
                plain = widgets::textFont(widgets::TextRole::Secondary);
    const QFont number = widgets::numberFont();
    // laid out from the right, so that the end keeps its place
    double x = 12;
    paintMark(painter, QRectF(x, height() / 2.0 - 4, 16, 8), m_first, m_second, Theme::color(tone));
    x += 24;
    painter.setFont(bold);
    painter.setPen(Theme::color(Token::Text));
    const int stateWidth = std::min(QFontMetrics(bold).horizontalAdvance(state) + 2, 120);
    painter.drawText(QRectF(x, 0, stateWidth, height()), Qt::AlignVCenter,
                     QFontMetrics(bold).elidedText(state, Qt::ElideRight, stateWidth));
    x += stateWidth + 8;
    const QRectF bar(x, height() / 2.0 - 2, 96, 4);
    stylepaint::box(&painter, bar, Theme::color(Token::Line), QColor(), 1, 2);
    if (m_run.fraction() > 0)
        stylepaint::box(&painter, QRectF(bar.x(), bar.y(), bar.width() * m_run.fraction(), 4),
                        Theme::color(tone), QColor(), 1, 2);
    x += 104;
    painter.setFont(number);
    const int percentWidth = QFontMetrics(number).horizontalAdvance(QStringLiteral("100 %"));
    painter.drawText(QRectF(x, 0, percentWidth, height()), Qt::AlignVCenter | Qt::AlignRight, percent);
    x += percentWidth + 8;
    painter.setFont(plain);
    painter.setPen(Theme::color(Token::Text2));
    const int room = static_cast<int>(width() - x - 8);
    if (QFontMetrics(plain).horizontalAdvance(left) > room)  // the time alone, before a number is cut
        left = durationText(std::round(m_run.secondsLeft / 10) * 10);
    painter.drawText(QRectF(x, 0, room, height()), Qt::AlignVCenter,
                     QFontMetrics(plain).elidedText(left, Qt::ElideRight, room));
    if (hasFocus()) widgets::drawFocusRing(painter, QRectF(rect()).adjusted(1, 1, -1, -1));
}

}  // namespace caravan::ui
