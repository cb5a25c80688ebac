// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/curve_series.h"

#include <algorithm>

namespace caravan::widgets {

void MinMaxPyramid::append(double value) {
    std::size_t index = m_values.size();
    m_values.push_back(value);
    for (std::size_t level = 0;; ++level) {
        index /= kFactor;
        if (level == m_levels.size()) m_levels.emplace_back();
        std::vector<Extent>& blocks = m_levels[level];
        if (blocks.size() <= index) {
            // A new top level starts with all that came before it.
            if (level > 0 && index == 0 && blocks.empty())
                for (blocks.emplace_back(); const Extent& below : m_levels[level - 1])
                    blocks[0].include(below);
            while (blocks.size() <= index)
                blocks.emplace_back();
        }
        blocks[index].include(value);
        if (index == 0) return;
    }
}

void MinMaxPyramid::clear() {
    m_values.clear();
    m_levels.clear();
}

Extent MinMaxPyramid::extent(std::size_t first, std::size_t last) const {
    last = std::min(last, m_values.size());
    Extent result;
    if (first >= last) return result;
    const std::size_t head = std::min(last, (first + kFactor - 1) / kFactor * kFactor);
    for (std::size_t i = first; i < head; ++i)
        result.include(m_values[i]);
    const std::size_t tail = std::max(head, last / kFactor * kFactor);
    for (std::size_t i = tail; i < last; ++i)
        result.include(m_values[i]);
    if (head < tail) result.include(extentAt(0, head / kFactor, tail / kFactor));
    return result;
}

Extent MinMaxPyramid::extentAt(std::size_t level, std::size_t first, std::size_t last) const {
    Extent result;
    const std::vector<Extent>& blocks = m_levels[level];
    if (level + 1 >= m_levels.size() || last - first <= 2 * kFactor) {
        for (std::size_t i = first; i < last; ++i)
            result.include(blocks[i]);
        return result;
    }
    const std::size_t head = std::min(last, (first + kFactor - 1) / kFactor * kFactor);
    for (std::size_t i = first; i < head; ++i)
        result.include(blocks[i]);
    const std::size_t tail = std::max(head, last / kFactor * kFactor);
    for (std::size_t i = tail; i < last; ++i)
        result.include(blocks[i]);
    if (head < tail) result.include(extentAt(level + 1, head / kFactor, tail / kFactor));
    return result;
}

void CurveSeries::append(double x, double y) {
    m_x.push_back(x);
    m_y.append(y);
    if (m_weight > 0) appendSmooth(y);
}

void CurveSeries::appendSmooth(double y) {
    if (std::isfinite(y)) {
        m_state = m_weight * m_state + (1 - m_weight) * y;
        m_norm = m_weight * m_norm + (1 - m_weight);
    }
    m_smooth.append(m_norm > 0 ? m_state / m_norm : NAN);
}

void CurveSeries::clear() {
    m_x.clear();
    m_y.clear();
    m_smooth.clear();
    m_state = m_norm = 0;
}

void CurveSeries::setSmoothing(double weight) {
    weight = std::clamp(weight, 0.0, 0.9999);
    if (weight == m_weight) return;
    m_weight = weight;
    m_smooth.clear();
    m_state = m_norm = 0;
    if (weight > 0)
        for (std::size_t i = 0; i < m_y.size(); ++i)
            appendSmooth(m_y[i]);
}

std::size_t CurveSeries::lowerIndex(double x) const {
    return static_cast<std::size_t>(std::lower_bound(m_x.begin(), m_x.end(), x) - m_x.begin());
}

std::size_t CurveSeries::nearestIndex(double x) const {
    if (m_x.empty()) return 0;
    const std::size_t above = std::min(lowerIndex(x), m_x.size() - 1);
    return above > 0 && x - m_x[above - 1] <= m_x[above] - x ? above - 1 : above;
}

std::size_t CurveSeries::atOrBefore(double x) const {
    const auto above = static_cast<std::size_t>(std::upper_bound(m_x.begin(), m_x.end(), x) - m_x.begin());
    return above > 0 ? above - 1 : m_x.size();
}

namespace {

// Visits the samples of each pixel column: f(pixel, first, last).
template <class F>
void eachColumn(const CurveSeries& series, double xLow, double xHigh, double pixelLow, double pixelHigh,
                F&& f) {
    if (series.isEmpty() || !(xHigh > xLow) || !(pixelHigh > pixelLow)) return;
    const int columns = static_cast<int>(std::ceil(pixelHigh - pixelLow));
    const double perPixel = (xHigh - xLow) / (pixelHigh - pixelLow);
    std::size_t first = series.lowerIndex(xLow);
    for (int column = 0; column < columns && first < series.size(); ++column) {
        const std::size_t last = column + 1 == columns ? series.lowerIndex(std::nextafter(xHigh, INFINITY))
                                                       : series.lowerIndex(xLow + (column + 1) * perPixel);
        if (last > first) f(pixelLow + column, first, last);
        first = std::max(first, last);
    }
}

}  // namespace

QVector<QPointF> decimatedLine(const CurveSeries& series, bool smoothed, double xLow, double xHigh,
                               double pixelLow, double pixelHigh,
                               const std::function<double(double)>& toPixelY) {
    QVector<QPointF> line;
    const MinMaxPyramid& values = smoothed ? series.smoothed() : series.raw();
    const double scale = (pixelHigh - pixelLow) / (xHigh - xLow);
    const auto add = [&](double pixel, double value) {
        if (std::isfinite(value)) line.append(QPointF(pixel, toPixelY(value)));
    };
    const auto pixelOf = [&](std::size_t i) { return pixelLow + (series.x(i) - xLow) * scale; };
    // The neighbour on either side keeps the line joined to the border.
    const std::size_t begin = series.lowerIndex(xLow);
    if (begin > 0 && begin <= series.size() && series.size() > 0) add(pixelOf(begin - 1), values[begin - 1]);
    eachColumn(
        series, xLow, xHigh, pixelLow, pixelHigh, [&](double pixel, std::size_t first, std::size_t last) {
            if (last - first <= 3) {
                for (std::size_t i = first; i < last; ++i)
                    add(pixelOf(i), values[i]);
                return;
            }
            const Extent extent = values.extent(first, last);
            const double y0 = toPixelY(values[first]), y1 = toPixelY(values[last - 1]);
            const auto peak = [&](double value) {  // only what the line between first and last does not reach
                const double y = toPixelY(value);
                if (!(y >= std::min(y0, y1) - 0.5 && y <= std::max(y0, y1) + 0.5)) add(pixel + 0.5, value);
            };
            if (!(std::abs(y0 - y1) <= 0.5)) add(pixel + 0.5, values[first]);
            if (!extent.isEmpty()) {
                peak(extent.low);
                peak(extent.high);
            }
            add(pixel + 0.5, values[last - 1]);
        });
    const std::size_t end = series.lowerIndex(std::nextafter(xHigh, INFINITY));
    if (end < series.size()) add(pixelOf(end), values[end]);
    return line;
}

std::vector<BandColumn> bandColumns(const CurveSeries& series, double xLow, double xHigh, double pixelLow,
                                    double pixelHigh, const std::function<double(double)>& toPixelY) {
    std::vector<BandColumn> columns;
    double before = NAN;  // last value of the column before: the band has no holes
    eachColumn(series, xLow, xHigh, pixelLow, pixelHigh,
               [&](double pixel, std::size_t first, std::size_t last) {
                   Extent extent = series.raw().extent(first, last);
                   extent.include(before);
                   before = series.y(last - 1);
                   if (!extent.isEmpty())
                       columns.push_back({pixel, toPixelY(extent.high), toPixelY(extent.low)});
               });
    return columns;
}

}  // namespace caravan::widgets
