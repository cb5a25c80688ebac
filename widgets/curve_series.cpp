// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/curve_series.h"

#include <algorithm>
#include <array>
#include <utility>

namespace caravan::widgets {

namespace {

// f(values, count) over [first, last), in parts that fit a small buffer.
template <class F>
void eachPart(const Column& column, std::size_t first, std::size_t last, F&& f) {
    std::array<double, 512> part;
    while (first < last) {
        const std::size_t count = std::min(part.size(), last - first);
        column.read(first, count, part.data());
        f(part.data(), count);
        first += count;
    }
}

}  // namespace

void BlockExtents::append(double value) {
    m_open.include(value);
    if (++m_size % kFactor != 0) return;
    Extent block = std::exchange(m_open, Extent());
    for (std::size_t level = 0;; ++level) {
        if (level == m_levels.size()) m_levels.emplace_back();
        std::vector<Extent>& blocks = m_levels[level];
        blocks.push_back(block);
        if (blocks.size() % kFactor != 0) return;
        for (std::size_t i = blocks.size() - kFactor; i < blocks.size(); ++i)
            block.include(blocks[i]);
    }
}

void BlockExtents::clear() {
    *this = BlockExtents();
}

template <class F>
Extent BlockExtents::extent(std::size_t first, std::size_t last, F&& valueAt) const {
    last = std::min(last, m_size);
    Extent result;
    if (first >= last) return result;
    const std::size_t head = std::min(last, (first + kFactor - 1) / kFactor * kFactor);
    for (std::size_t i = first; i < head; ++i)
        result.include(valueAt(i));
    const std::size_t tail = std::max(head, last / kFactor * kFactor);
    for (std::size_t i = tail; i < last; ++i)
        result.include(valueAt(i));
    if (head < tail) result.include(extentAt(0, head / kFactor, tail / kFactor));
    return result;
}

Extent BlockExtents::extentAt(std::size_t level, std::size_t first, std::size_t last) const {
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

void MinMaxPyramid::append(double value) {
    m_values.append(value);
    m_blocks.append(value);
}

void MinMaxPyramid::extend(const Column& values, std::size_t upTo) {
    m_values.extend(values, upTo);
    eachPart(m_values, m_blocks.size(), m_values.size(), [&](const double* part, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            m_blocks.append(part[i]);
    });
}

void MinMaxPyramid::clear() {
    m_values.clear();
    m_blocks.clear();
}

Extent MinMaxPyramid::extent(std::size_t first, std::size_t last) const {
    return m_blocks.extent(first, last, [this](std::size_t i) { return m_values[i]; });
}

double SmoothedValues::State::add(double value, double weight) {
    if (std::isfinite(value)) {
        sum = weight * sum + (1 - weight) * value;
        norm = weight * norm + (1 - weight);
    }
    return norm > 0 ? sum / norm : NAN;
}

void SmoothedValues::reset(double weight) {
    *this = SmoothedValues();
    m_weight = weight;
}

void SmoothedValues::extend(const MinMaxPyramid& raw, std::size_t upTo) {
    eachPart(raw.values(), m_blocks.size(), std::min(upTo, raw.size()),
             [&](const double* part, std::size_t count) {
                 for (std::size_t i = 0; i < count; ++i) {
                     if (m_blocks.size() % BlockExtents::kFactor == 0) m_states.push_back(m_now);
                     m_blocks.append(m_now.add(part[i], m_weight));
                 }
             });
}

double SmoothedValues::at(const MinMaxPyramid& raw, std::size_t index) const {
    State state = m_states[index / BlockExtents::kFactor];
    for (std::size_t i = index - index % BlockExtents::kFactor; i < index; ++i)
        state.add(raw[i], m_weight);
    return state.add(raw[index], m_weight);
}

Extent SmoothedValues::extent(const MinMaxPyramid& raw, std::size_t first, std::size_t last) const {
    State state;
    std::size_t next = SIZE_MAX;  // value that the state stands before
    return m_blocks.extent(first, last, [&](std::size_t i) {
        if (i != next) {
            state = m_states[i / BlockExtents::kFactor];
            for (std::size_t j = i - i % BlockExtents::kFactor; j < i; ++j)
                state.add(raw[j], m_weight);
        }
        next = i + 1;
        return state.add(raw[i], m_weight);
    });
}

void CurveSeries::append(double x, double y) {
    m_x.append(x);
    m_y.append(y);
    if (m_weight > 0) m_smooth.extend(m_y);
}

void CurveSeries::extend(const Column& x, const Column& y, std::size_t upTo) {
    m_x.extend(x, upTo);
    m_y.extend(y, upTo);
    if (m_weight > 0) m_smooth.extend(m_y);
}

void CurveSeries::clear() {
    m_x.clear();
    m_y.clear();
    m_smooth.reset(m_weight);
    m_next.reset(0);
}

void CurveSeries::setSmoothing(double weight) {
    weight = std::clamp(weight, 0.0, 0.9999);
    if (weight == m_weight) return;
    m_weight = weight;
    m_smooth.reset(weight);
    if (weight > 0) m_smooth.extend(m_y);
}

bool CurveSeries::smoothTowards(double weight, std::size_t& values) {
    weight = std::clamp(weight, 0.0, 0.9999);
    if (weight == m_weight) return true;
    if (weight == 0) {
        setSmoothing(0);
        return true;
    }
    if (m_next.weight() != weight) m_next.reset(weight);
    const std::size_t before = m_next.size();
    m_next.extend(m_y, before + values);
    values -= m_next.size() - before;
    if (m_next.size() < m_y.size()) return false;
    m_smooth = std::exchange(m_next, SmoothedValues());
    m_weight = weight;
    return true;
}

Extent CurveSeries::extent(std::size_t first, std::size_t last, bool smoothed) const {
    return smoothed && m_weight > 0 ? m_smooth.extent(m_y, first, last) : m_y.extent(first, last);
}

std::size_t CurveSeries::lowerIndex(double x) const {
    return m_x.lowerBound(x);
}

std::size_t CurveSeries::nearestIndex(double x) const {
    if (m_x.isEmpty()) return 0;
    const std::size_t above = std::min(lowerIndex(x), m_x.size() - 1);
    return above > 0 && x - m_x[above - 1] <= m_x[above] - x ? above - 1 : above;
}

std::size_t CurveSeries::atOrBefore(double x) const {
    const std::size_t above = m_x.upperBound(x);
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
    const auto valueAt = [&](std::size_t i) { return series.value(i, smoothed); };
    const double scale = (pixelHigh - pixelLow) / (xHigh - xLow);
    const auto add = [&](double pixel, double value) {
        if (std::isfinite(value)) line.append(QPointF(pixel, toPixelY(value)));
    };
    const auto pixelOf = [&](std::size_t i) { return pixelLow + (series.x(i) - xLow) * scale; };
    // The neighbour on either side keeps the line joined to the border.
    const std::size_t begin = series.lowerIndex(xLow);
    if (begin > 0 && begin <= series.size() && series.size() > 0) add(pixelOf(begin - 1), valueAt(begin - 1));
    eachColumn(
        series, xLow, xHigh, pixelLow, pixelHigh, [&](double pixel, std::size_t first, std::size_t last) {
            if (last - first <= 3) {
                for (std::size_t i = first; i < last; ++i)
                    add(pixelOf(i), valueAt(i));
                return;
            }
            const Extent extent = series.extent(first, last, smoothed);
            const double from = valueAt(first), to = valueAt(last - 1);
            const double y0 = toPixelY(from), y1 = toPixelY(to);
            const auto peak = [&](double value) {  // only what the line between first and last does not reach
                const double y = toPixelY(value);
                if (!(y >= std::min(y0, y1) - 0.5 && y <= std::max(y0, y1) + 0.5)) add(pixel + 0.5, value);
            };
            if (!(std::abs(y0 - y1) <= 0.5)) add(pixel + 0.5, from);
            if (!extent.isEmpty()) {
                peak(extent.low);
                peak(extent.high);
            }
            add(pixel + 0.5, to);
        });
    const std::size_t end = series.lowerIndex(std::nextafter(xHigh, INFINITY));
    if (end < series.size()) add(pixelOf(end), valueAt(end));
    return line;
}

std::vector<BandColumn> bandColumns(const CurveSeries& series, bool smoothed, double xLow, double xHigh,
                                    double pixelLow, double pixelHigh,
                                    const std::function<double(double)>& toPixelY) {
    std::vector<BandColumn> columns;
    double before = NAN;  // last value of the column before: the band has no holes
    eachColumn(series, xLow, xHigh, pixelLow, pixelHigh,
               [&](double pixel, std::size_t first, std::size_t last) {
                   Extent extent = series.extent(first, last, smoothed);
                   extent.include(before);
                   before = series.value(last - 1, smoothed);
                   if (!extent.isEmpty())
                       columns.push_back({pixel, toPixelY(extent.high), toPixelY(extent.low)});
               });
    return columns;
}

}  // namespace caravan::widgets
