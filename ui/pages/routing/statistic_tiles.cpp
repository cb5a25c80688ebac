// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/statistic_tiles.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include "ui/theme/theme.h"
#include "widgets/accessible_roles.h"
#include "widgets/sparkline.h"

namespace caravan::ui {
namespace {
constexpr int kLeast = 150;  // px of a tile
}

using widgets::TextRole;

StatisticTiles::StatisticTiles(QWidget* parent) : QWidget(parent) {
    setFixedHeight(80);
    widgets::setAccessibleRole(this, QAccessible::List);
    setAccessibleName(tr("Statistics"));
    setFocusPolicy(Qt::TabFocus);
}

void StatisticTiles::setTiles(const QVector<Tile>& tiles) {
    m_tiles = tiles;
    QStringList words;
    for (const Tile& tile : tiles)
        words << QStringLiteral("%1 %2, %3").arg(tile.name, tile.value, tile.note);
    setAccessibleDescription(words.join(QStringLiteral("; ")));
    update();
}

QString StatisticTiles::value(const QString& name) const {
    for (const Tile& tile : m_tiles)
        if (tile.name == name) return tile.value;
    return {};
}

int StatisticTiles::shownTiles() const {
    return std::clamp<int>((width() - 24) / kLeast, 1, static_cast<int>(m_tiles.size()));
}

QRect StatisticTiles::tileRect(int tile) const {
    const double tileWidth = (width() - 24.0) / shownTiles();
    return {24 + static_cast<int>(tileWidth * tile), 0, static_cast<int>(tileWidth) - 20, height()};
}

void StatisticTiles::setCurrent(int tile) {
    if (tile == m_current || tile < 0 || tile >= m_tiles.size() || m_tiles[tile].curve.isEmpty()) return;
    m_current = tile;
    update();
    Q_EMIT currentChanged(tile);
}

void StatisticTiles::mousePressEvent(QMouseEvent* event) {
    for (int tile = 0; tile < std::min<int>(shownTiles(), static_cast<int>(m_tiles.size())); ++tile)
        if (event->button() == Qt::LeftButton && tileRect(tile).contains(event->pos())) setCurrent(tile);
}

void StatisticTiles::keyPressEvent(QKeyEvent* event) {
    const int step = event->key() == Qt::Key_Right ? 1 : event->key() == Qt::Key_Left ? -1 : 0;
    if (step == 0) return QWidget::keyPressEvent(event);
    for (int tile = m_current + step; tile >= 0 && tile < m_tiles.size(); tile += step)
        if (!m_tiles[tile].curve.isEmpty()) return setCurrent(tile);
}

void StatisticTiles::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), Theme::color(Token::Base));
    painter.fillRect(QRect(0, height() - 1, width(), 1), Theme::color(Token::Line));
    if (m_tiles.isEmpty()) return;
    const int shown = shownTiles();
    const QFont caption = widgets::textFont(TextRole::Caption), number = widgets::textFont(TextRole::ReadOut);
    const QFontMetrics captionMetrics(caption);
    for (int i = 0; i < shown; ++i) {
        const Tile& tile = m_tiles[i];
        const QRect area = tileRect(i);
        if (i > 0) painter.fillRect(QRect(area.left() - 14, 10, 1, height() - 20), Theme::color(Token::Line));
        painter.setFont(caption);
        painter.setPen(Theme::color(Token::Text2));
        painter.drawText(QRect(area.left(), 9, area.width(), 16), Qt::AlignLeft | Qt::AlignVCenter,
                         captionMetrics.elidedText(tile.name, Qt::ElideRight, area.width()));
        if (i == m_current && !tile.curve.isEmpty())
            painter.fillRect(
                QRect(area.left(), 25, std::min(area.width(), captionMetrics.horizontalAdvance(tile.name)),
                      hasFocus() ? 2 : 1),
                Theme::color(Token::Accent));
        painter.setPen(Theme::color(tile.warning ? Token::Warn : Token::Text2));
        painter.drawText(QRect(area.left(), 54, area.width(), 16), Qt::AlignLeft | Qt::AlignVCenter,
                         captionMetrics.elidedText(tile.note, Qt::ElideRight, area.width()));
        painter.setFont(number);
        painter.setPen(Theme::color(Token::Text));
        painter.drawText(QRect(area.left(), 26, area.width(), 28), Qt::AlignLeft | Qt::AlignVCenter,
                         tile.value);
        const int valueEnd = area.left() + QFontMetrics(number).horizontalAdvance(tile.value) + 10;
        if (!tile.curve.isEmpty() && area.right() - valueEnd > 24)
            widgets::drawSparkline(painter, QRectF(valueEnd, 28, std::min(66, area.right() - valueEnd), 24),
                                   tile.curve, Theme::color(Token::Text2));
    }
}

void StatisticTiles::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) update();
    QWidget::changeEvent(event);
}

bool StatisticTiles::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip && !m_tiles.isEmpty()) {
        // What has no room is told on hover.
        QStringList lines;
        for (const Tile& tile : std::as_const(m_tiles))
            lines << QStringLiteral("%1: %2 (%3)").arg(tile.name, tile.value, tile.note);
        QToolTip::showText(static_cast<QHelpEvent*>(event)->globalPos(), lines.join(QLatin1Char('\n')), this);
        return true;
    }
    return QWidget::event(event);
}

}  // namespace caravan::ui
