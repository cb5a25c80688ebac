// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/heat_map.h"

#include <QEvent>
#include <QLocale>
#include <QScrollBar>
#include <cmath>

#include "widgets/theme_colors.h"

namespace caravan::widgets {
namespace {
constexpr int kImageCells = 4096;  // above: one image instead of rectangles
}  // namespace

HeatMap::HeatMap(QWidget* parent)
    : QAbstractScrollArea(parent),
      m_rowWord(tr("layer")),
      m_columnWord(tr("expert")),
      m_prefix(QStringLiteral("E")),
      m_plainText(tr("dense")) {
    installChartAccessibility();
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::StrongFocus);
    viewport()->setMouseTracking(true);
    viewport()->setBackgroundRole(QPalette::Base);
    viewport()->setAutoFillBackground(false);
    setAccessibleName(tr("Map of load by layer and expert"));
}

void HeatMap::setData(HeatMapData data) {
    const bool sameShape = data.rows == m_data.rows && data.columns == m_data.columns &&
                           data.bars.empty() == m_data.bars.empty();
    data.values.resize(static_cast<std::size_t>(data.rows) * static_cast<std::size_t>(data.columns), NAN);
    m_data = std::move(data);
    if (m_row >= m_data.rows || m_column >= m_data.columns) m_row = m_column = -1;
    buildColors();
    if (!sameShape) relayout();
    viewport()->update();
}

void HeatMap::setScale(Scale scale, double range) {
    if (scale == m_scale && range == m_range) return;
    m_scale = scale;
    m_range = range;
    buildColors();
    viewport()->update();
}

void HeatMap::setWords(const QString& rowWord, const QString& columnWord) {
    m_rowWord = rowWord;
    m_columnWord = columnWord;
}

void HeatMap::setColumnPrefix(const QString& prefix) {
    m_prefix = prefix;
    relayout();
}

void HeatMap::setHeaderColors(bool shown) {
    m_headerColors = shown;
    relayout();
}

void HeatMap::setBarTitle(const QString& title, double bad) {
    m_barTitle = title;
    m_barBad = bad;
    relayout();
}

void HeatMap::setPlainText(const QString& text) {
    m_plainText = text;
}

void HeatMap::setEmptyText(const QString& text) {
    m_emptyText = text;
    viewport()->update();
}

void HeatMap::setMaximumCell(QSize size) {
    m_maximumCell = size;
    relayout();
}

float HeatMap::value(int row, int column) const {
    if (row < 0 || column < 0 || row >= m_data.rows || column >= m_data.columns || isPlain(row)) return NAN;
    return m_data.values[static_cast<std::size_t>(row) * static_cast<std::size_t>(m_data.columns) +
                         static_cast<std::size_t>(column)];
}

int HeatMap::rowLabel(int row) const {
    return static_cast<std::size_t>(row) < m_data.rowLabels.size()
               ? m_data.rowLabels[static_cast<std::size_t>(row)]
               : row;
}

bool HeatMap::isPlain(int row) const {
    return static_cast<std::size_t>(row) < m_data.plainRows.size() &&
           m_data.plainRows[static_cast<std::size_t>(row)] != 0;
}

bool HeatMap::isDead(int row, int column) const {
    const std::size_t index = static_cast<std::size_t>(row) * static_cast<std::size_t>(m_data.columns) +
                              static_cast<std::size_t>(column);
    return index < m_data.dead.size() && m_data.dead[index] != 0;
}

QColor HeatMap::cellColor(int row, int column) const {
    const float v = value(row, column);
    if (!std::isfinite(v)) return themeColors().alt;
    return m_scale == Scale::Load ? loadColor(v, m_range) : shareColor(m_range > 0 ? v / m_range : 0);
}

void HeatMap::buildColors() {
    // 256 steps of the map are finer than the eye; OKLab once per step, not per cell.
    constexpr int kSteps = 256;
    std::vector<QRgb> steps(kSteps + 1);
    for (int i = 0; i <= kSteps; ++i) {
        const double t = static_cast<double>(i) / kSteps;
        steps[static_cast<std::size_t>(i)] =
            (m_scale == Scale::Load ? loadColor(std::pow(m_range, 2 * t - 1), m_range) : shareColor(t)).rgb();
    }
    const QRgb unknown = themeColors().alt.rgb();
    const double logRange = std::log2(std::max(1.0001, m_range));
    m_colors.resize(m_data.values.size());
    for (std::size_t i = 0; i < m_data.values.size(); ++i) {
        const double v = m_data.values[i];
        if (!std::isfinite(v)) {
            m_colors[i] = unknown;
            continue;
        }
        const double t = m_scale == Scale::Load ? (v <= 0 ? 0.0 : 0.5 + 0.5 * std::log2(v) / logRange)
                                                : v / std::max(1e-12, m_range);
        m_colors[i] = steps[static_cast<std::size_t>(std::lround(std::clamp(t, 0.0, 1.0) * kSteps))];
    }
    m_image = {};
    if (m_data.rows * m_data.columns <= kImageCells) return;
    m_image = QImage(m_data.columns, m_data.rows, QImage::Format_RGB32);
    for (int row = 0; row < m_data.rows; ++row)
        std::copy_n(m_colors.begin() + static_cast<std::ptrdiff_t>(row) * m_data.columns, m_data.columns,
                    reinterpret_cast<QRgb*>(m_image.scanLine(row)));
}

HeatMapLayout HeatMap::computeLayout(QSize size) const {
    const QFontMetrics caption(textFont(TextRole::Caption));
    int widest = caption.horizontalAdvance(QStringLiteral("00"));
    if (m_data.rows > 0)
        widest = std::max(widest, caption.horizontalAdvance(QString::number(rowLabel(m_data.rows - 1))));
    HeatMapLayout::Input input;
    input.rows = m_data.rows;
    input.columns = m_data.columns;
    input.viewport = size;
    input.rowLabelWidth = widest + 10;
    input.headerHeight = caption.height() + (m_headerColors ? 8 : 4);
    if (!m_data.bars.empty()) input.barWidth = std::max(72, caption.horizontalAdvance(m_barTitle) + 4);
    input.maximumCellWidth = m_maximumCell.width();
    input.maximumCellHeight = m_maximumCell.height();
    return HeatMapLayout::compute(input);
}

void HeatMap::relayout() {
    m_layout = computeLayout(maximumViewportSize());
    const bool scrollsRows = m_layout.contentHeight > m_layout.visibleHeight;
    if (scrollsRows)
        m_layout = computeLayout(maximumViewportSize() - QSize(verticalScrollBar()->sizeHint().width(), 0));
    verticalScrollBar()->setRange(0, std::max(0, m_layout.contentHeight - m_layout.visibleHeight));
    verticalScrollBar()->setPageStep(std::max(1, m_layout.visibleHeight));
    verticalScrollBar()->setSingleStep(std::max(1, m_layout.cellHeight));
    horizontalScrollBar()->setRange(0, std::max(0, m_layout.contentWidth - m_layout.visibleWidth));
    horizontalScrollBar()->setPageStep(std::max(1, m_layout.visibleWidth));
    horizontalScrollBar()->setSingleStep(std::max(1, m_layout.cellWidth));
    viewport()->update();
}

QPoint HeatMap::scrollOffset() const {
    return {horizontalScrollBar()->value(), verticalScrollBar()->value()};
}

QSize HeatMap::sizeHint() const {
    return {320, std::max(120, m_layout.top + std::max(1, m_data.rows) * 15 + 8)};
}

QPoint HeatMap::cellAt(QPoint position) const {
    if (position.x() < m_layout.left || position.y() < m_layout.top) return {-1, -1};
    if (position.x() >= m_layout.left + m_layout.visibleWidth && m_layout.barWidth > 0 &&
        horizontalScrollBar()->maximum() > 0)
        return {-1, -1};
    return m_layout.cellAt(position + scrollOffset());
}

void HeatMap::setCurrentCell(int row, int column) {
    if (row >= m_data.rows || column >= m_data.columns) return;
    if (row == m_row && column == m_column) return;
    m_row = row;
    m_column = column;
    ensureVisible();
    viewport()->update();
    if (row >= 0) announceGridCell(*this, row, column);
    Q_EMIT currentCellChanged(row, column);
}

void HeatMap::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    relayout();
}

void HeatMap::scrollContentsBy(int, int) {
    viewport()->update();
}

void HeatMap::changeEvent(QEvent* event) {
    QAbstractScrollArea::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) buildColors();
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) relayout();
}

QString HeatMap::gridRowName(int row) const {
    return tr("%1 %2", "layer 3").arg(m_rowWord).arg(rowLabel(row));
}

QString HeatMap::gridColumnName(int column) const {
    return column >= m_data.columns ? m_barTitle : m_prefix + QString::number(column);
}

QVariant HeatMap::gridValue(int row, int column) const {
    if (column >= m_data.columns) return static_cast<double>(m_data.bars.at(static_cast<std::size_t>(row)));
    const float v = value(row, column);
    return std::isfinite(v) ? QVariant(static_cast<double>(v)) : QVariant();
}

QString HeatMap::gridText(int row, int column) const {
    if (column < m_data.columns && isPlain(row)) return m_plainText;
    const QVariant v = gridValue(row, column);
    if (!v.isValid()) return QStringLiteral("–");
    const bool isLoad = column < m_data.columns && m_scale == Scale::Load;
    return QLocale().toString(v.toDouble(), 'f', column < m_data.columns && m_scale == Scale::Share ? 3 : 2) +
           (isLoad ? QStringLiteral("×") : QString());
}

QString HeatMap::gridSentence(int row, int column) const {
    if (column >= m_data.columns)
        return tr("%1 %2, %3 %4").arg(m_rowWord).arg(rowLabel(row)).arg(m_barTitle, gridText(row, column));
    const QString place = tr("%1 %2, %3 %4").arg(m_rowWord).arg(rowLabel(row)).arg(m_columnWord).arg(column);
    if (isPlain(row)) return tr("%1 %2, %3").arg(m_rowWord).arg(rowLabel(row)).arg(m_plainText);
    const float v = value(row, column);
    if (!std::isfinite(v)) return tr("%1, no value").arg(place);
    if (m_scale == Scale::Share) return tr("%1, %2").arg(place, gridText(row, column));
    const QString load =
        tr("%1, %2 times its share").arg(place, QLocale().toString(static_cast<double>(v), 'f', 2));
    return isDead(row, column) ? tr("%1, dead").arg(load) : load;
}

QRect HeatMap::gridRect(int row, int column) const {
    if (column >= m_data.columns) return {};
    const QRect area = m_layout.cell(row, column).translated(-scrollOffset());
    return area.intersected(
        QRect(m_layout.left, m_layout.top, m_layout.visibleWidth, m_layout.visibleHeight));
}

}  // namespace caravan::widgets
