// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The plot as rows and columns: read-out, table, screen reader, export.
#include <QLocale>
#include <QPicture>

#include "widgets/curve_plot_parts.h"

namespace caravan::widgets {

int CurvePlot::primaryCurve() const {
    int best = -1;
    for (int i = 0; i < curveCount(); ++i)
        if (best < 0 || series(i).size() > series(best).size()) best = i;
    return best;
}

double CurvePlot::snapped(double x) const {
    const int primary = primaryCurve();
    if (primary < 0 || series(primary).isEmpty()) return x;
    return series(primary).x(series(primary).nearestIndex(x));
}

QVector<QPair<QString, QString>> CurvePlot::readOut(double x, int lane) const {
    QVector<QPair<QString, QString>> lines;
    for (const auto& curve : m_curves) {
        if (curve->lane != lane || curve->series.isEmpty()) continue;
        const CurveSeries& series = curve->series;
        const std::size_t index = curve->style.step ? series.atOrBefore(x) : series.nearestIndex(x);
        if (index >= series.size()) continue;
        QString name = curve->name;
        if (curve->style.smoothed && series.smoothing() > 0) name = tr("%1, smoothed").arg(name);
        if (curve->style.step && series.x(index) != x)
            name = tr("%1 (%2)").arg(name, xName(series.x(index)).toLower());
        lines.append({name, formatted(lane, curve->style.smoothed ? series.smooth(index) : series.y(index))});
    }
    return lines;
}

QString CurvePlot::xName(double x) const {
    return m_head ? m_head(x).first : QLocale().toString(x, 'g', 6);
}

void CurvePlot::paintChart(QPainter& painter, QSize size) {
    // QCustomPlot wants a painter of its own; a picture keeps the drawing a vector one.
    const auto cursor = m_cursor;
    m_cursor.reset();
    applyRanges();
    QPicture picture;
    QCPPainter own;
    own.begin(&picture);
    own.setMode(QCPPainter::pmVectorized);
    own.setMode(QCPPainter::pmNoCaching);
    toPainter(&own, size.width(), size.height());
    own.end();
    painter.drawPicture(0, 0, picture);
    m_cursor = cursor;
    flush();
}

int CurvePlot::gridRows() const {
    const int primary = primaryCurve();
    return primary < 0 ? 0 : static_cast<int>(series(primary).size());
}

QString CurvePlot::gridRowName(int row) const {
    return xName(series(primaryCurve()).x(static_cast<std::size_t>(row)));
}

QVariant CurvePlot::gridValue(int row, int column) const {
    const double x = series(primaryCurve()).x(static_cast<std::size_t>(row));
    const CurveSeries& values = series(column);
    const std::size_t index = values.lowerIndex(x);
    if (index >= values.size() || values.x(index) != x || !std::isfinite(values.y(index))) return {};
    return values.y(index);
}

QString CurvePlot::gridText(int row, int column) const {
    const QVariant value = gridValue(row, column);
    return value.isValid() ? formatted(m_curves[static_cast<std::size_t>(column)]->lane, value.toDouble())
                           : QString();
}

QString CurvePlot::gridSentence(int row, int column) const {
    const QString value = gridText(row, column);
    return tr("%1, %2 %3").arg(gridRowName(row), curveName(column), value.isEmpty() ? tr("no value") : value);
}

QPoint CurvePlot::gridCurrent() const {
    const int primary = primaryCurve();
    if (!m_cursor || primary < 0 || series(primary).isEmpty()) return {-1, -1};
    return {0, static_cast<int>(series(primary).nearestIndex(*m_cursor))};
}

}  // namespace caravan::widgets
