// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/approximation_plot.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "ui/format/format.h"

namespace caravan::ui {
namespace {

QString share(double xi) {
    return std::isfinite(xi) ? QString::number(xi, 'f', 3) : QStringLiteral("–");
}

}  // namespace

// Widths stand at their powers of two.
double ApproximationPlot::placeOf(std::int64_t width) const {
    return width > 0 ? std::log2(static_cast<double>(width)) - m_origin : 0;
}
QString ApproximationPlot::widthAt(double place) const {
    const bool none = !m_widths.empty() && m_widths.front() == 0 && place < 0.5;
    return none ? QStringLiteral("0") : withThousands(std::llround(std::exp2(place + m_origin)));
}

ApproximationPlot::ApproximationPlot(QWidget* parent) : CurvePlot(parent) {
    widgets::LaneStyle lane;
    lane.main = true;
    lane.fromZero = true;
    lane.minimumSpan = 1.05;
    lane.reference = 1;  // the frozen FFN alone
    lane.format = share;
    addLane(lane);
    setAccessibleName(tr("Approximation error against the adapter's width"));
    setTickFormat([this](double x) { return widthAt(x); });
    setReadOutHead([this](double x) { return qMakePair(tr("Width %1").arg(widthAt(x)), QString()); });
    setEmptyText(tr("Not measured yet."));
}

void ApproximationPlot::setApproximation(const engine::Approximation& approximation) {
    m_shown = approximation;
    m_layers.clear();
    std::set<std::int64_t> widths;
    for (const engine::LayerApproximation& layer : m_shown.layers) {
        if (!layer.fits.empty()) m_layers.push_back(&layer);
        for (const engine::AdapterFit& fit : layer.fits)
            widths.insert(fit.width);
    }
    m_widths.assign(widths.begin(), widths.end());
    const auto first = std::find_if(m_widths.begin(), m_widths.end(), [](std::int64_t w) { return w > 0; });
    m_origin =
        first == m_widths.end() ? 0 : static_cast<int>(std::floor(std::log2(static_cast<double>(*first))));
    if (!m_widths.empty() && m_widths.front() == 0) --m_origin;
    removeCurves(0);
    constexpr widgets::CurveInk kInks[] = {widgets::CurveInk::Accent, widgets::CurveInk::Text,
                                           widgets::CurveInk::Text2};
    for (std::size_t i = 0; i < m_layers.size(); ++i) {
        widgets::CurveStyle style;
        style.ink = kInks[i % 3];
        style.dash = static_cast<int>(i / 3 % 3);
        style.width = 2;
        style.marker = widgets::Marker::Circle;
        const int curve = addCurve(0, tr("Layer %1").arg(m_layers[i]->layer), style);
        for (const engine::AdapterFit& fit : m_layers[i]->fits)
            if (std::isfinite(fit.heldOut)) append(curve, placeOf(fit.width), fit.heldOut);
    }
    fit();
}

const engine::AdapterFit* ApproximationPlot::fitAt(int row, int column) const {
    for (const engine::AdapterFit& fit : m_layers[static_cast<std::size_t>(column / kColumns)]->fits)
        if (fit.width == m_widths[static_cast<std::size_t>(row)]) return &fit;
    return nullptr;
}

QString ApproximationPlot::gridRowName(int row) const {
    return tr("Width %1").arg(withThousands(m_widths[static_cast<std::size_t>(row)]));
}

QString ApproximationPlot::gridColumnName(int column) const {
    const qint64 layer = m_layers[static_cast<std::size_t>(column / kColumns)]->layer;
    switch (column % kColumns) {
        case Fitted:
            return tr("Layer %1, rows of the fit").arg(layer);
        case Linear:
            return tr("Layer %1, linear map").arg(layer);
        case Steps:
            return tr("Layer %1, steps").arg(layer);
        default:
            return tr("Layer %1").arg(layer);
    }
}

QVariant ApproximationPlot::gridValue(int row, int column) const {
    const engine::AdapterFit* fit = fitAt(row, column);
    if (fit == nullptr) return {};
    switch (column % kColumns) {
        case Fitted:
            return fit->fitted;
        case Linear:
            return fit->linear;
        case Steps:
            return static_cast<qint64>(fit->steps);
        default:
            return fit->heldOut;
    }
}

QString ApproximationPlot::gridText(int row, int column) const {
    const engine::AdapterFit* fit = fitAt(row, column);
    if (fit == nullptr) return QStringLiteral("–");
    if (column % kColumns != Steps) return share(gridValue(row, column).toDouble());
    const QString steps = withThousands(fit->steps);
    return fit->settled ? steps : tr("%1, still falling").arg(steps);
}

QString ApproximationPlot::gridSentence(int row, int column) const {
    return tr("%1, %2: %3").arg(gridRowName(row), gridColumnName(column), gridText(row, column));
}

}  // namespace caravan::ui
