// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <QVector>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "widgets/column.h"

namespace caravan::widgets {

struct Extent {
    double low = INFINITY, high = -INFINITY;
    [[nodiscard]] bool isEmpty() const { return !(low <= high); }
    void include(double value) {
        if (!std::isfinite(value)) return;
        low = std::min(low, value);
        high = std::max(high, value);
    }
    void include(const Extent& other) {
        low = std::min(low, other.low);
        high = std::max(high, other.high);
    }
};

// Minimum and maximum of each 16 values of an append-only array, of each 16 such blocks and so on. The values
// themselves stand elsewhere. Those that are not finite count as absent.
class BlockExtents {
  public:
    static constexpr std::size_t kFactor = 16;
    void append(double value);
    void clear();
    [[nodiscard]] std::size_t size() const { return m_size; }
    // Of [first, last) in O(log n); blocks that are cut at either end are read by valueAt(index).
    template <class F>
    [[nodiscard]] Extent extent(std::size_t first, std::size_t last, F&& valueAt) const;

  private:
    [[nodiscard]] Extent extentAt(std::size_t level, std::size_t first, std::size_t last) const;

    std::size_t m_size = 0;
    Extent m_open;  // of the block that is not full
    // m_levels[k][i] covers kFactor^(k+1) values; full blocks only.
    std::vector<std::vector<Extent>> m_levels;
};

// Values with the minimum and maximum of any range of them.
class MinMaxPyramid {
  public:
    static constexpr std::size_t kFactor = BlockExtents::kFactor;
    void append(double value);
    // By what it has beyond size(), until there are `upTo`; shares its full chunks.
    void extend(const Column& values, std::size_t upTo = SIZE_MAX);
    void clear();
    [[nodiscard]] std::size_t size() const { return m_values.size(); }
    [[nodiscard]] double operator[](std::size_t index) const { return m_values[index]; }
    [[nodiscard]] const Column& values() const { return m_values; }
    [[nodiscard]] Extent extent(std::size_t first, std::size_t last) const;  // [first, last)

  private:
    Column m_values;
    BlockExtents m_blocks;
};

// The exponential mean of other values, with its own extents. What it keeps is the state at the begin of each
// block of 16: a value is computed from there, the same bits as in one pass.
class SmoothedValues {
  public:
    // 0 < weight < 1 of the past, debiased; what has no finite value before it is NaN.
    void reset(double weight);
    void extend(const MinMaxPyramid& raw, std::size_t upTo = SIZE_MAX);
    [[nodiscard]] std::size_t size() const { return m_blocks.size(); }
    [[nodiscard]] double weight() const { return m_weight; }
    [[nodiscard]] double at(const MinMaxPyramid& raw, std::size_t index) const;
    [[nodiscard]] Extent extent(const MinMaxPyramid& raw, std::size_t first, std::size_t last) const;

  private:
    struct State {
        double sum = 0, norm = 0;
        double add(double value, double weight);  // the mean after it
    };
    double m_weight = 0;
    State m_now;
    std::vector<State> m_states;  // before value i * kFactor
    BlockExtents m_blocks;
};

// One curve: x never falls; y and its exponential mean (weight 0 = as it is), both with pyramids.
class CurveSeries {
  public:
    void append(double x, double y);
    // By what both columns have beyond size(), until there are `upTo`; full chunks are shared, not copied.
    void extend(const Column& x, const Column& y, std::size_t upTo = SIZE_MAX);
    void clear();
    void setSmoothing(double weight);  // 0 <= weight < 1 of the past, debiased
    // The same with a little work at a time: at most `values`, which falls by what was done. True when the
    // curve is smoothed so; until then it stays as it was.
    bool smoothTowards(double weight, std::size_t& values);
    [[nodiscard]] double smoothing() const { return m_weight; }
    [[nodiscard]] std::size_t size() const { return m_x.size(); }
    [[nodiscard]] bool isEmpty() const { return m_x.isEmpty(); }
    [[nodiscard]] double x(std::size_t i) const { return m_x[i]; }
    [[nodiscard]] double y(std::size_t i) const { return m_y[i]; }
    [[nodiscard]] double smooth(std::size_t i) const { return m_weight > 0 ? m_smooth.at(m_y, i) : m_y[i]; }
    [[nodiscard]] double value(std::size_t i, bool smoothed) const { return smoothed ? smooth(i) : y(i); }
    // Lowest and highest of [first, last).
    [[nodiscard]] Extent extent(std::size_t first, std::size_t last, bool smoothed) const;
    [[nodiscard]] std::size_t sharedChunks(const Column& y) const { return m_y.values().sharedWith(y); }
    [[nodiscard]] std::size_t lowerIndex(double x) const;    // first with x(i) >= x
    [[nodiscard]] std::size_t nearestIndex(double x) const;  // size() when empty
    [[nodiscard]] std::size_t atOrBefore(double x) const;    // size() when there is none

  private:
    Column m_x;
    MinMaxPyramid m_y;
    SmoothedValues m_smooth, m_next;  // m_next: of smoothTowards(), until it is whole
    double m_weight = 0;
};

// What a line through many samples looks like on a screen: per pixel column first, lowest, highest and last
// sample, so the raster is that of the full line. toPixelX and toPixelY map values; x is monotone.
[[nodiscard]] QVector<QPointF> decimatedLine(const CurveSeries& series, bool smoothed, double xLow,
                                             double xHigh, double pixelLow, double pixelHigh,
                                             const std::function<double(double)>& toPixelY);
// Lowest and highest sample per pixel column, down or up to where the column before ended: (x, y of high, y
// of low) in px.
struct BandColumn {
    double x, top, bottom;
};
[[nodiscard]] std::vector<BandColumn> bandColumns(const CurveSeries& series, bool smoothed, double xLow,
                                                  double xHigh, double pixelLow, double pixelHigh,
                                                  const std::function<double(double)>& toPixelY);

}  // namespace caravan::widgets
