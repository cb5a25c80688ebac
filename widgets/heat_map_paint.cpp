// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QEvent>
#include <QLocale>
#include <QPainter>
#include <QScrollBar>
#include <cmath>

#include "widgets/heat_map.h"
#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {

void HeatMap::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    paintAll(painter, m_layout, scrollOffset(), viewport()->size());
    if (hasFocus() && m_row < 0) drawFocusRing(painter, viewport()->rect());
}

void HeatMap::paintChart(QPainter& painter, QSize size) {
    paintAll(painter, computeLayout(size), {}, size);
}

void HeatMap::paintAll(QPainter& painter, const HeatMapLayout& layout, QPoint offset, QSize size) {
    const ThemeColors& colors = themeColors();
    painter.fillRect(QRect({}, size), colors.base);
    if (m_data.rows == 0 || m_data.columns == 0) {
        painter.setFont(textFont(TextRole::Secondary));
        painter.setPen(colors.text3);
        painter.drawText(QRect({}, size).adjusted(16, 16, -16, -16), Qt::AlignCenter | Qt::TextWordWrap,
                         m_emptyText);
        return;
    }
    paintCells(painter, layout, offset, size);
    paintHeader(painter, layout, offset);
    paintRowLabels(painter, layout, offset, size);
    paintBars(painter, layout, offset, size);
}

void HeatMap::paintCells(QPainter& painter, const HeatMapLayout& layout, QPoint offset, QSize size) {
    painter.save();
    const bool scrolls =
        layout.contentHeight > layout.visibleHeight || layout.contentWidth > layout.visibleWidth;
    // Room for the outline of a selected border cell.
    const int halo = scrolls ? 0 : 3;
    painter.setClipRect(
        QRect(layout.left - 3, layout.top - halo, layout.visibleWidth + 6, layout.visibleHeight + halo + 3));
    painter.translate(-offset);
    const QRect visible(offset.x() + layout.left, offset.y() + layout.top, layout.visibleWidth,
                        layout.visibleHeight);
    const int firstRow = std::clamp((visible.top() - layout.top) / layout.cellHeight, 0, m_data.rows - 1);
    const int lastRow = std::clamp((visible.bottom() - layout.top) / layout.cellHeight, 0, m_data.rows - 1);
    if (!m_image.isNull()) {
        painter.drawImage(QRect(layout.left, layout.top, layout.contentWidth, layout.contentHeight), m_image);
    } else {
        for (int row = firstRow; row <= lastRow; ++row) {
            if (isPlain(row)) continue;
            for (int column = 0; column < m_data.columns; ++column)
                painter.fillRect(
                    layout.cell(row, column),
                    QColor(m_colors[static_cast<std::size_t>(row) * static_cast<std::size_t>(m_data.columns) +
                                    static_cast<std::size_t>(column)]));
        }
    }
    paintMarks(painter, layout, QRect(QPoint(0, firstRow), QPoint(m_data.columns - 1, lastRow)));
    if (m_row >= 0 && m_row < m_data.rows) {
        const QRect cell = layout.cell(m_row, m_column);
        painter.setPen(hairline(themeColors().text3));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(
            QRect(layout.left - 1, cell.top() - 1, layout.contentWidth + 1 - layout.gap, cell.height() + 1));
        drawCellSelection(painter, QRectF(cell));
    }
    Q_UNUSED(size);
    painter.restore();
}

namespace {
// Shares are below 1 but for odd ones: two decimals, ".13" where "0.13" has no room.
QString digitsOf(float value, HeatMap::Scale scale, int cellWidth) {
    const double v = value;
    if (scale == HeatMap::Scale::Load)
        return QLocale().toString(v, 'f', cellWidth >= 34 && value < 10 ? 2 : 1);
    QString text = QLocale().toString(v, 'f', 2);
    if (cellWidth < 34 && std::abs(v) < 1) text.remove(text.indexOf(QLocale().zeroDigit()), 1);
    return text;
}
// px: so that the digits of neighbours do not touch.
double digitSize(int cellWidth) {
    constexpr double kWidth = 0.61;  // of a digit of the fixed font, by its size
    const int digits = cellWidth >= 34 ? 4 : 3;
    return std::clamp((cellWidth - 3) / (kWidth * digits), 8.0, 11.0);
}
}  // namespace

void HeatMap::paintMarks(QPainter& painter, const HeatMapLayout& layout, const QRect& visible) {
    const ThemeColors& colors = themeColors();
    const bool digits = layout.showsDigits();
    const double corner = std::clamp(layout.cellHeight * 0.45, 4.0, 8.0);
    for (int row = visible.top(); row <= visible.bottom(); ++row) {
        if (isPlain(row)) {
            const QRect line(layout.left, layout.cell(row, 0).top(), layout.contentWidth - layout.gap,
                             layout.cellHeight - layout.gap);
            painter.fillRect(line, colors.alt);
            drawHatch(painter, line, colors.line, 6.0, 1.0);
            if (layout.cellHeight >= 13) {
                painter.setFont(textFont(TextRole::Caption));
                painter.setPen(colors.text3);
                painter.drawText(line, Qt::AlignCenter, m_plainText);
            }
            continue;
        }
        for (int column = 0; column < m_data.columns; ++column) {
            const float v = value(row, column);
            const QRectF cell = layout.cell(row, column);
            const auto index = static_cast<std::size_t>(row) * static_cast<std::size_t>(m_data.columns) +
                               static_cast<std::size_t>(column);
            if (index < m_data.frames.size() && m_data.frames[index] >= 0) {
                painter.setPen(QPen(colors.expert(m_data.frames[index]), 2));
                painter.setBrush(Qt::NoBrush);
                painter.drawRect(cell.adjusted(1, 1, -1, -1));
            }
            if (!std::isfinite(v)) continue;
            const QColor ground(
                m_colors[static_cast<std::size_t>(row) * static_cast<std::size_t>(m_data.columns) +
                         static_cast<std::size_t>(column)]);
            if (isDead(row, column) && layout.cellWidth >= 8)
                drawHatch(painter, cell, readableInk(ground), 4.0, 1.0);
            if (digits) {
                painter.setFont(numberFont(std::min(digitSize(layout.cellWidth), layout.cellHeight * 0.6)));
                painter.setPen(readableInk(ground));
                painter.drawText(cell, Qt::AlignCenter, digitsOf(v, m_scale, layout.cellWidth));
            }
            if (m_scale == Scale::Load && v >= 2.0F && layout.cellWidth >= 8) {
                const QPointF points[] = {cell.topRight() - QPointF(corner, 0), cell.topRight(),
                                          cell.topRight() + QPointF(0, corner)};
                painter.save();
                painter.setRenderHint(QPainter::Antialiasing);
                painter.setPen(Qt::NoPen);
                painter.setBrush(readableInk(ground));
                painter.drawPolygon(points, 3);
                painter.restore();
            }
        }
    }
}

void HeatMap::paintHeader(QPainter& painter, const HeatMapLayout& layout, QPoint offset) {
    const ThemeColors& colors = themeColors();
    QFont plain = textFont(TextRole::Caption);
    QFont bold = plain;
    bold.setWeight(QFont::Bold);
    const QFontMetrics metrics(bold);
    const int widest = metrics.horizontalAdvance(m_prefix + QString::number(m_data.columns - 1)) + 4;
    const int stride = m_data.columns > 16 ? std::max(8, HeatMapLayout::labelStride(layout.cellWidth, widest))
                                           : HeatMapLayout::labelStride(layout.cellWidth, widest);
    painter.save();
    painter.setClipRect(QRect(layout.left - 20, 0, layout.visibleWidth + 24, layout.top));
    for (int column = 0; column < m_data.columns; ++column) {
        const int left = layout.left + column * layout.cellWidth - offset.x();
        if (m_headerColors) {
            const QRectF mark(left, layout.top - 5, layout.cellWidth - layout.gap, 3);
            if (ThemeColors::expertHatched(column)) {
                painter.fillRect(mark, mixed(colors.base, colors.expert(column), 0.4));
                drawHatch(painter, mark, colors.expert(column));
            } else {
                painter.fillRect(mark, colors.expert(column));
            }
        }
        const bool current = column == m_column;
        if (column % stride != 0 && !current) continue;
        if (!current && stride > 1 && m_column >= 0 &&
            std::abs(column - m_column) * layout.cellWidth < widest)
            continue;
        painter.setFont(current ? bold : plain);
        painter.setPen(current ? colors.text : colors.text2);
        const int extra = stride > 1 ? widest : 0;
        painter.drawText(
            QRect(left - extra, HeatMapLayout::kMargin - 2, layout.cellWidth + 2 * extra, metrics.height()),
            Qt::AlignCenter, m_prefix + QString::number(column));
    }
    painter.restore();
    if (layout.barWidth > 0) {
        painter.setFont(plain);
        painter.setPen(colors.text2);
        painter.drawText(QRect(layout.barLeft, HeatMapLayout::kMargin - 2, layout.barWidth, metrics.height()),
                         Qt::AlignLeft | Qt::AlignVCenter, m_barTitle);
    }
}

void HeatMap::paintRowLabels(QPainter& painter, const HeatMapLayout& layout, QPoint offset, QSize size) {
    const ThemeColors& colors = themeColors();
    QFont plain = textFont(TextRole::Caption);
    QFont bold = plain;
    bold.setWeight(QFont::Bold);
    const int height = QFontMetrics(plain).height();
    const int stride = HeatMapLayout::labelStride(layout.cellHeight, height);
    painter.save();
    painter.setClipRect(QRect(0, layout.top - height / 2, layout.left, layout.visibleHeight + height));
    for (int row = 0; row < m_data.rows; ++row) {
        const bool current = row == m_row, last = row == m_data.rows - 1;
        if (row % stride != 0 && !current && !(last && row % stride > stride / 2)) continue;
        if (!current && m_row >= 0 && std::abs(row - m_row) * layout.cellHeight < height) continue;
        painter.setFont(current ? bold : plain);
        painter.setPen(current ? colors.text : colors.text2);
        const int center = layout.top + row * layout.cellHeight + layout.cellHeight / 2 - offset.y();
        if (center < layout.top - 4 || center > size.height()) continue;
        painter.drawText(QRect(0, center - height / 2, layout.left - 8, height),
                         Qt::AlignRight | Qt::AlignVCenter, QString::number(rowLabel(row)));
    }
    painter.restore();
}

void HeatMap::paintBars(QPainter& painter, const HeatMapLayout& layout, QPoint offset, QSize size) {
    if (layout.barWidth <= 0) return;
    const ThemeColors& colors = themeColors();
    float longest = 1.0F;
    for (const float bar : m_data.bars)
        if (std::isfinite(bar)) longest = std::max(longest, bar);
    painter.save();
    painter.setClipRect(QRect(layout.barLeft, layout.top, layout.barWidth, layout.visibleHeight));
    const int thickness = std::clamp(layout.cellHeight / 2, 2, 8);
    for (int row = 0; row < m_data.rows && row < static_cast<int>(m_data.bars.size()); ++row) {
        const float bar = m_data.bars[static_cast<std::size_t>(row)];
        if (!std::isfinite(bar) || isPlain(row)) continue;
        const int center = layout.top + row * layout.cellHeight + layout.cellHeight / 2 - offset.y();
        if (center > size.height()) break;
        painter.fillRect(
            QRectF(layout.barLeft, center - thickness / 2,
                   std::max(1.0, static_cast<double>(layout.barWidth - 4) * bar / longest), thickness),
            bar > m_barBad ? colors.warnLine : colors.btnline);
    }
    painter.restore();
}

ColorScale::ColorScale(HeatMap::Scale scale, QWidget* parent) : QWidget(parent), m_scale(scale) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setAccessibleName(scale == HeatMap::Scale::Load ? tr("Color scale, load over ideal share")
                                                    : tr("Color scale, share"));
}

void ColorScale::setRange(double range) {
    m_range = range;
    update();
}

void ColorScale::paintEvent(QPaintEvent*) {
    const ThemeColors& colors = themeColors();
    QPainter painter(this);
    const int left = 10, right = width() - 10, top = 2, height = 8;
    for (int x = left; x < right; ++x) {
        const double t = (x - left + 0.5) / (right - left);
        painter.fillRect(x, top, 1, height,
                         m_scale == HeatMap::Scale::Load ? loadColor(std::pow(m_range, 2 * t - 1), m_range)
                                                         : shareColor(t));
    }
    QStringList labels;
    if (m_scale == HeatMap::Scale::Load)
        labels = m_range == 4.0
                     ? QStringList{QStringLiteral("¼×"), QStringLiteral("½×"), QStringLiteral("1×"),
                                   QStringLiteral("2×"), QStringLiteral("4×")}
                     : QStringList{QStringLiteral("1/%1×").arg(m_range, 0, 'g', 2), QStringLiteral("1×"),
                                   QStringLiteral("%1×").arg(m_range, 0, 'g', 2)};
    else
        labels = {QStringLiteral("0"), QLocale().toString(m_range, 'g', 2)};
    painter.setFont(textFont(TextRole::Caption));
    painter.setPen(colors.text2);
    for (int i = 0; i < labels.size(); ++i) {
        const int x = left + (right - left) * i / static_cast<int>(labels.size() - 1);
        painter.drawText(QRect(x - 24, top + height + 1, 48, this->height() - top - height - 1),
                         Qt::AlignHCenter | Qt::AlignTop, labels[i]);
    }
}

void ColorScale::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) update();
    QWidget::changeEvent(event);
}

}  // namespace caravan::widgets
