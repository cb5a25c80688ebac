// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/data/length_chart.h"

#include <QKeyEvent>
#include <QPainter>
#include <QPicture>
#include <algorithm>

#include "ui/format/format.h"
#include "widgets/paint.h"
#include "widgets/stack_bar.h"

namespace caravan::ui {

LengthChart::LengthChart(QWidget* parent) : QCustomPlot(parent) {
    widgets::installChartAccessibility();
    setFocusPolicy(Qt::StrongFocus);
}

void LengthChart::setDomains(std::vector<Domain> domains, std::int64_t binWidth) {
    m_domains = std::move(domains);
    m_bin = std::min(m_bin, gridRows() - 1);
    m_domain = std::clamp(m_domain, 0, std::max(0, gridColumns() - 1));
    m_binWidth = std::max<std::int64_t>(1, binWidth);
    clearPlottables();
    const double width = static_cast<double>(m_binWidth);
    QCPBars* below = nullptr;
    for (std::size_t d = 0; d < m_domains.size(); ++d) {
        auto* bars = new QCPBars(xAxis, yAxis);
        QVector<double> keys, values;
        for (std::size_t i = 0; i < m_domains[d].rows.size(); ++i) {
            keys.push_back((static_cast<double>(i) + 0.5) * width);
            values.push_back(m_domains[d].rows[i]);
        }
        bars->setWidth(width * 0.96);
        bars->setPen(Qt::NoPen);
        bars->setBrush(widgets::StackBar::partColor(static_cast<int>(d), static_cast<int>(m_domains.size())));
        bars->setData(keys, values, true);
        if (below != nullptr) bars->moveAbove(below);
        below = bars;
    }
}

std::vector<double> LengthChart::sums() const {
    std::vector<double> sums(1);
    for (const Domain& domain : m_domains) {
        if (sums.size() < domain.rows.size()) sums.resize(domain.rows.size());
        for (std::size_t i = 0; i < domain.rows.size(); ++i)
            sums[i] += domain.rows[i];
    }
    return sums;
}

void LengthChart::paintChart(QPainter& painter, QSize size) {
    // QCustomPlot wants a painter of its own; a picture keeps the drawing a vector one.
    QPicture picture;
    QCPPainter own;
    own.begin(&picture);
    own.setMode(QCPPainter::pmVectorized);
    own.setMode(QCPPainter::pmNoCaching);
    toPainter(&own, size.width(), size.height());
    own.end();
    painter.drawPicture(0, 0, picture);
    replot(QCustomPlot::rpQueuedReplot);
}

int LengthChart::gridRows() const {
    return m_domains.empty() ? 0 : static_cast<int>(sums().size());
}

QString LengthChart::gridRowName(int row) const {
    return tr("%1 to %2 tokens")
        .arg(withThousands(row * m_binWidth), withThousands((row + 1) * m_binWidth - 1));
}

QString LengthChart::gridColumnName(int column) const {
    return QString::fromStdString(m_domains.at(static_cast<std::size_t>(column)).name);
}

QVariant LengthChart::gridValue(int row, int column) const {
    const auto& rows = m_domains.at(static_cast<std::size_t>(column)).rows;
    const auto bin = static_cast<std::size_t>(row);
    return bin < rows.size() ? rows[bin] : 0.0;
}

QString LengthChart::gridText(int row, int column) const {
    return withThousands(std::llround(gridValue(row, column).toDouble()));
}

QString LengthChart::gridSentence(int row, int column) const {
    return tr("%1, %2: %3 rows").arg(gridRowName(row), gridColumnName(column), gridText(row, column));
}

// The bars of all domains of the bin: a thin part of them would be hard to see.
QRect LengthChart::gridRect(int row, int) const {
    const std::vector<double> rows = sums();
    if (row < 0 || row >= static_cast<int>(rows.size())) return {};
    const auto width = static_cast<double>(m_binWidth);
    const QRectF bars(
        QPointF(xAxis->coordToPixel(row * width), yAxis->coordToPixel(rows[static_cast<std::size_t>(row)])),
        QPointF(xAxis->coordToPixel((row + 1) * width), yAxis->coordToPixel(0)));
    return bars.normalized().toAlignedRect().intersected(axisRect()->rect());
}

void LengthChart::setGridCurrent(int row, int column) {
    if (gridRows() == 0) return;
    m_bin = std::clamp(row, 0, gridRows() - 1);
    m_domain = std::clamp(column, 0, gridColumns() - 1);
    update();
    widgets::announceGridCell(*this, m_bin, m_domain);
}

void LengthChart::keyPressEvent(QKeyEvent* event) {
    const int at = std::max(0, m_bin);
    switch (event->key()) {
        case Qt::Key_Left:
            return setGridCurrent(at - 1, m_domain);
        case Qt::Key_Right:
            return setGridCurrent(at + 1, m_domain);
        case Qt::Key_Up:
            return setGridCurrent(at, m_domain - 1);
        case Qt::Key_Down:
            return setGridCurrent(at, m_domain + 1);
        case Qt::Key_Home:
            return setGridCurrent(0, m_domain);
        case Qt::Key_End:
            return setGridCurrent(gridRows() - 1, m_domain);
        default:
            QCustomPlot::keyPressEvent(event);
    }
}

void LengthChart::focusInEvent(QFocusEvent* event) {
    QCustomPlot::focusInEvent(event);
    setGridCurrent(std::max(0, m_bin), m_domain);
}

void LengthChart::focusOutEvent(QFocusEvent* event) {
    QCustomPlot::focusOutEvent(event);
    update();
}

void LengthChart::paintEvent(QPaintEvent* event) {
    QCustomPlot::paintEvent(event);
    const QRect current = hasFocus() ? gridRect(m_bin, m_domain) : QRect();
    if (current.isEmpty()) return;
    QPainter painter(this);
    widgets::drawCellSelection(painter, current);
}

}  // namespace caravan::ui
