// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/data/length_chart.h"

#include <QPicture>
#include <algorithm>

#include "ui/format/format.h"
#include "widgets/stack_bar.h"

namespace caravan::ui {

LengthChart::LengthChart(QWidget* parent) : QCustomPlot(parent) {
    widgets::installChartAccessibility();
    setFocusPolicy(Qt::StrongFocus);  // for the keys of its pane
}

void LengthChart::setDomains(std::vector<Domain> domains, std::int64_t binWidth) {
    m_domains = std::move(domains);
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

}  // namespace caravan::ui
