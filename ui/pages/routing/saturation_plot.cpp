// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/saturation_plot.h"

#include <cmath>

#include "ui/format/format.h"

namespace caravan::ui {
namespace {

QString percent(double share) {
    return std::isfinite(share) ? QString::number(share * 100, 'f', 1) + kThinSpace + QLatin1Char('%')
                                : QStringLiteral("–");
}

}  // namespace

SaturationPlot::SaturationPlot(QWidget* parent) : CurvePlot(parent) {
    widgets::LaneStyle lane;
    lane.main = true;
    lane.minimumSpan = 0.05;
    lane.format = percent;
    addLane(lane);
    setAccessibleName(tr("Saturation over the checkpoints"));
    setTickFormat([](double x) { return withThousands(std::llround(x)); });
    setReadOutHead([](double x) {
        return qMakePair(SaturationPlot::tr("Step %1").arg(withThousands(std::llround(x))), QString());
    });
}

void SaturationPlot::setCurve(const engine::SaturationCurve& curve) {
    m_curve = curve;
    draw();
}

void SaturationPlot::setLayer(std::int64_t layer) {
    if (layer == m_layer) return;
    m_layer = layer;
    draw();
}

void SaturationPlot::draw() {
    removeCurves(0);
    if (m_curve.points.empty()) return flush();
    const auto add = [this](const QString& name, int column, widgets::CurveInk ink, double width, int dash) {
        widgets::CurveStyle style;
        style.ink = ink;
        style.width = width;
        style.dash = dash;
        style.marker = dash == 0 ? widgets::Marker::Circle : widgets::Marker::None;
        const int curve = addCurve(0, name, style);
        for (int row = 0; row < gridRows(); ++row)
            if (const double y = value(row, column); std::isfinite(y))
                append(curve, static_cast<double>(m_curve.points[static_cast<std::size_t>(row)].step), y);
    };
    // The layers that are most and least like the end at the first checkpoint.
    int chosen = -1, first = -1, last = -1;
    for (int column = 1; column < gridColumns(); ++column) {
        if (m_curve.layers[static_cast<std::size_t>(column) - 1] == m_layer) chosen = column;
        const double y = value(0, column);
        if (!std::isfinite(y)) continue;
        if (first < 0 || y > value(0, first)) first = column;
        if (last < 0 || y < value(0, last)) last = column;
    }
    if (first > 0 && first != chosen) add(gridColumnName(first), first, widgets::CurveInk::Text2, 1.2, 2);
    if (last > 0 && last != chosen && last != first)
        add(gridColumnName(last), last, widgets::CurveInk::Text2, 1.2, 2);
    if (chosen > 0) add(gridColumnName(chosen), chosen, widgets::CurveInk::Text, 1.5, 1);
    add(gridColumnName(0), 0, widgets::CurveInk::Accent, 2, 0);
    fit();
}

double SaturationPlot::value(int row, int column) const {
    const engine::SaturationPoint& point = m_curve.points[static_cast<std::size_t>(row)];
    return column == 0 ? point.mean : point.layers[static_cast<std::size_t>(column) - 1];
}

QString SaturationPlot::gridRowName(int row) const {
    return tr("Step %1").arg(withThousands(m_curve.points[static_cast<std::size_t>(row)].step));
}
QString SaturationPlot::gridColumnName(int column) const {
    return column == 0 ? tr("Mean")
                       : tr("Layer %1").arg(m_curve.layers[static_cast<std::size_t>(column) - 1]);
}
QVariant SaturationPlot::gridValue(int row, int column) const {
    return value(row, column);
}
QString SaturationPlot::gridText(int row, int column) const {
    return percent(value(row, column));
}
QString SaturationPlot::gridSentence(int row, int column) const {
    return tr("%1, %2: %3 of the choices are those of the last checkpoint")
        .arg(gridRowName(row), gridColumnName(column), gridText(row, column));
}

}  // namespace caravan::ui
