// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the axes span and where lanes stand.
#include <algorithm>
#include <cmath>

#include "widgets/curve_plot_parts.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {

double CurvePlot::dataEnd() const {
    double end = 0;
    for (const auto& curve : m_curves)
        if (!curve->series.isEmpty()) end = std::max(end, curve->series.x(curve->series.size() - 1));
    return end;
}

double CurvePlot::fittedEnd() const {
    const double end = std::max(m_plannedEnd, dataEnd());
    return end > 0 ? end : 1;
}

void CurvePlot::fit() {
    m_zoomed = false;
    schedule();
}

void CurvePlot::setXRange(double low, double high) {
    const double end = fittedEnd();
    const double least = std::max(end * 1e-6, 1e-9);
    low = std::clamp(low, 0.0, end);
    high = std::clamp(high, low + least, std::max(end, low + least));
    m_low = low;
    m_high = high;
    m_zoomed = low > 0 || high < end;
    schedule();
}

Extent CurvePlot::valueExtent(const Lane& lane) const {
    Extent extent;
    for (const auto& curve : m_curves) {
        if (m_lanes[static_cast<std::size_t>(curve->lane)].get() != &lane || curve->series.isEmpty())
            continue;
        const std::size_t first = curve->series.lowerIndex(m_low),
                          last = curve->series.lowerIndex(std::nextafter(m_high, INFINITY));
        extent.include(curve->series.extent(first, last, !curve->style.band && curve->style.smoothed));
    }
    if (lane.style.reference) extent.include(*lane.style.reference);
    if (lane.style.fromZero) extent.include(0.0);
    return extent;
}

void CurvePlot::applyRanges() {
    if (!m_zoomed) {
        m_low = 0;
        m_high = fittedEnd();
    }
    for (auto& lane : m_lanes) {
        Extent extent = valueExtent(*lane);
        if (extent.isEmpty()) extent = {0, 1};
        const bool logarithmic = m_log && lane->style.main;
        // A single value says nothing of a scale: its first digits shall stand at the axis, not its last.
        const bool single = lane->style.main && extent.high == extent.low;
        const double span = std::max({extent.high - extent.low, lane->style.minimumSpan,
                                      std::abs(extent.high) * (single ? 0.1 : 1e-6), 1e-12});
        if (logarithmic) {
            const double low = extent.low > 0 ? extent.low : std::max(extent.high, 1e-6) * 1e-3;
            lane->low = low / 1.06;
            lane->high = std::max(extent.high, low * 1.01) * 1.06;
        } else {
            const double middle = (extent.low + extent.high) / 2;
            lane->low = extent.high - extent.low < span ? middle - span / 2 : extent.low;
            lane->high = lane->low + span;
            const double pad = lane->style.main ? span * 0.05 : 0;
            if (!(lane->style.fromZero && extent.low >= 0))
                lane->low -= lane->style.main ? 2 * pad : pad;  // room for the words of marks
            else
                lane->low = 0;
            lane->high += pad;
        }
        lane->x()->setRange(m_low, m_high);
        lane->y()->setRange(lane->low, lane->high);
    }
}

void CurvePlot::applyLaneHeights() {
    const QFontMetrics caption(textFont(TextRole::Caption));
    m_right = 120;
    for (const auto& lane : m_lanes)
        if (!lane->style.main)
            m_right = std::max(m_right, caption.horizontalAdvance(lane->style.name + lane->style.hint) + 34);
    m_right = std::min(m_right, std::max(120, width() / 4));
    const bool onlyMain = std::all_of(m_lanes.begin(), m_lanes.end(),
                                      [](const std::unique_ptr<Lane>& lane) { return lane->style.main; });
    if (onlyMain) {  // nothing but labels at line ends stands there
        const QFontMetrics names(textFont(TextRole::Secondary));
        for (const auto& curve : m_curves)
            m_right = std::max(m_right, names.horizontalAdvance(curve->name) + 80);
        m_right = std::min(m_right, std::max(120, width() / 3));
    }
    int thin = 0;
    for (const auto& lane : m_lanes)
        thin += lane->style.main ? 0 : 1;
    const int mains = laneCount() - thin;
    // Thin lanes give way until the main one has 220 px; then they keep 40.
    const int room = thin > 0 ? (height() - mains * 220) / thin : 0;
    const int thinHeight = mains > 0 ? std::clamp(room, 40, 54) : std::max(40, room);
    for (auto& lane : m_lanes) {
        if (lane->style.main) {
            lane->rect->setMargins(QMargins(kCurvePlotLeft, 12, m_right, 26));
            continue;
        }
        // QCustomPlot counts the margins in by default.
        lane->rect->setSizeConstraintRect(QCPLayoutElement::scrOuterRect);
        lane->rect->setMinimumSize(0, thinHeight);
        lane->rect->setMaximumSize(QWIDGETSIZE_MAX, thinHeight);
        lane->rect->setMargins(
            QMargins(kCurvePlotLeft, thinHeight >= 50 ? 9 : 6, m_right, thinHeight >= 50 ? 9 : 6));
    }
}

QRect CurvePlot::laneRect(int lane) const {
    return m_lanes.at(static_cast<std::size_t>(lane))->rect->rect();
}

int CurvePlot::laneAt(QPoint position) const {
    for (int i = 0; i < laneCount(); ++i)
        if (position.y() <= m_lanes[static_cast<std::size_t>(i)]->rect->outerRect().bottom()) return i;
    return 0;
}

double CurvePlot::toX(double pixel) const {
    if (m_lanes.empty()) return 0;
    const QRect area = laneRect(0);
    return m_low + (pixel - area.left()) / std::max(1, area.width()) * (m_high - m_low);
}

double CurvePlot::toPixel(double x) const {
    if (m_lanes.empty()) return 0;
    const QRect area = laneRect(0);
    return area.left() + (x - m_low) / (m_high - m_low) * area.width();
}

}  // namespace caravan::widgets
