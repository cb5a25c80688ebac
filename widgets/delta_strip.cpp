// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/delta_strip.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "widgets/accessible_roles.h"
#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {
namespace {
constexpr double kWidest = 9;   // px a token; short answers are not stretched
constexpr double kLeast = 0.5;  // nats at full height, so that noise does not look like a change
constexpr int kLabel = 16;      // px below the bars for the largest one's words
}  // namespace

DeltaStrip::DeltaStrip(QWidget* parent) : QWidget(parent) {
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleRole(this, QAccessible::List);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Change of log-probability per token"));
}

void DeltaStrip::setDeltas(std::vector<double> deltas, QStringList names, int expert) {
    m_deltas = std::move(deltas);
    m_names = std::move(names);
    m_expert = expert;
    m_selected = -1;
    m_stale = false;
    setAccessibleDescription(largest() < 0
                                 ? tr("no change")
                                 : tr("mean %1, largest %2").arg(mean(), 0, 'f', 3).arg(text(largest())));
    update();
}

void DeltaStrip::setStale(bool stale) {
    if (m_stale == stale) return;
    m_stale = stale;
    update();
}

double DeltaStrip::mean() const {
    double sum = 0;
    int finite = 0;
    for (const double d : m_deltas)
        if (std::isfinite(d)) {
            sum += d;
            ++finite;
        }
    return finite == 0 ? 0 : sum / finite;
}

int DeltaStrip::largest() const {
    int best = -1;
    for (int i = 0; i < count(); ++i)
        if (std::isfinite(delta(i)) && delta(i) != 0 &&
            (best < 0 || std::abs(delta(i)) > std::abs(delta(best))))
            best = i;
    return best;
}

QString DeltaStrip::text(int token) const {
    if (token < 0 || token >= count()) return {};
    const double d = delta(token);
    const QString value = !std::isfinite(d)     ? tr("unknown")
                          : std::abs(d) < 0.005 ? QStringLiteral("0.00")
                                                : (d > 0 ? QStringLiteral("+") : QString(QChar(0x2212))) +
                                                      QString::number(std::abs(d), 'f', 2);
    return QStringLiteral("“%1” %2").arg(m_names.value(token).trimmed(), value);
}

double DeltaStrip::step() const {
    return count() == 0 ? 1 : std::min(kWidest, static_cast<double>(width()) / count());
}

int DeltaStrip::tokenAt(int x) const {
    const int token = static_cast<int>(x / step());
    return x >= 0 && token < count() ? token : -1;
}

void DeltaStrip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const ThemeColors& c = themeColors();
    double up = 0, down = 0;
    for (const double d : m_deltas)
        if (std::isfinite(d)) {
            up = std::max(up, d);
            down = std::max(down, -d);
        }
    const double room = height() - kLabel - 4, scale = room / std::max(kLeast, up + down);
    const double zero = 2 + up * scale;
    const QColor color = m_stale ? c.ctl : m_expert >= 0 ? c.expert(m_expert) : c.text2;
    // Several tokens in one pixel column: the largest of them stands for them.
    double drawn = 0, drawnX = -1;
    for (int i = 0; i < count(); ++i) {
        if (!std::isfinite(delta(i))) continue;
        const double x = std::floor(i * step());
        drawn = x == drawnX && std::abs(drawn) > std::abs(delta(i)) ? drawn : delta(i);
        drawnX = x;
        const QRectF bar(x, drawn > 0 ? zero - drawn * scale : zero, std::max(1.0, step() - 2),
                         std::max(drawn == 0 ? 0.0 : 1.0, std::abs(drawn) * scale));
        painter.fillRect(bar, color);
    }
    painter.fillRect(QRectF(0, zero - 0.5, width(), 1), c.ctl);
    if (m_selected >= 0)
        drawCellSelection(painter,
                          QRectF(m_selected * step() - 1, 1, std::max(3.0, step()), height() - kLabel));
    const int named = m_selected >= 0 ? m_selected : largest();
    if (named >= 0) {
        painter.setFont(numberFont());
        painter.setPen(m_stale ? c.text3 : c.text);
        const QString words = text(named);
        const int wide = painter.fontMetrics().horizontalAdvance(words);
        const int x = std::clamp(static_cast<int>(named * step()), 0, std::max(0, width() - wide));
        painter.drawText(QRect(x, height() - kLabel, wide + 2, kLabel), Qt::AlignLeft | Qt::AlignVCenter,
                         words);
    }
    if (hasFocus()) drawFocusRing(painter, rect());
}

void DeltaStrip::select(int token) {
    m_selected = std::clamp(token, -1, count() - 1);
    update();
}

void DeltaStrip::choose(int token) {
    if (token < 0 || token >= count()) return;
    select(token);
    setAccessibleDescription(text(token));
    Q_EMIT tokenChosen(token);
}

void DeltaStrip::mousePressEvent(QMouseEvent* event) {
    choose(tokenAt(event->pos().x()));
}

void DeltaStrip::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Right:
            return choose(std::min(m_selected + 1, count() - 1));
        case Qt::Key_Left:
            return choose(std::max(m_selected - 1, 0));
        case Qt::Key_Home:
            return choose(0);
        case Qt::Key_End:
            return choose(count() - 1);
        default:
            QWidget::keyPressEvent(event);
    }
}

bool DeltaStrip::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int token = tokenAt(help->pos().x());
        if (token >= 0)
            QToolTip::showText(help->globalPos(), text(token), this);
        else
            QToolTip::hideText();
        return true;
    }
    return QWidget::event(event);
}

}  // namespace caravan::widgets
