// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <QVector>
#include <cmath>
#include <functional>
#include <vector>

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

// Minimum and maximum of any range of an append-only array in O(log n): blocks of 16, then groups of 16.
// Values that are not finite count as absent.
class MinMaxPyramid {
  public:
    static constexpr std::size_t kFactor = 16;
    void append(double value);
    void clear();
    [[nodiscard]] std::size_t size() const { return m_values.size(); }
    [[nodiscard]] double operator[](std::size_t index) const { return m_values[index]; }
    [[nodiscard]] Extent extent(std::size_t first, std::size_t last) const;  // [first, last)

  private:
    [[nodiscard]] Extent extentAt(std::size_t level, std::size_t first, std::size_t last) const;

    std::vector<double> m_values;
    std::vector<std::vector<Extent>>
        m_levels;  // m_levels[k][i] covers kFactor^(k+1) values; the last may be partial
};

// One curve: x never falls; y and its exponential mean (weight 0 = as it is), both with pyramids.
class CurveSeries {
  public:
    void append(double x, double y);
    void clear();
    void setSmoothing(double weight);  // 0 <= weight < 1 of the past, debiased
    [[nodiscard]] double smoothing() const { return m_weight; }
    [[nodiscard]] std::size_t size() const { return m_x.size(); }
    [[nodiscard]] bool isEmpty() const { return m_x.empty(); }
    [[nodiscard]] double x(std::size_t i) const { return m_x[i]; }
    [[nodiscard]] double y(std::size_t i) const { return m_y[i]; }
    [[nodiscard]] double smooth(std::size_t i) const { return m_weight > 0 ? m_smooth[i] : m_y[i]; }
    [[nodiscard]] const MinMaxPyramid& raw() const { return m_y; }
    [[nodiscard]] const MinMaxPyramid& smoothed() const { return m_weight > 0 ? m_smooth : m_y; }
    [[nodiscard]] std::size_t lowerIndex(double x) const;    // first with x(i) >= x
    [[nodiscard]] std::size_t nearestIndex(double x) const;  // size() when empty
    [[nodiscard]] std::size_t atOrBefore(double x) const;    // size() when there is none

  private:
    void appendSmooth(double y);

    std::vector<double> m_x;
    MinMaxPyramid m_y, m_smooth;
    double m_weight = 0, m_state = 0, m_norm = 0;
};

// What a line through many samples looks like on a screen: per pixel column first, lowest, highest and last
// sample, so the raster is that of the full line. toPixelX and toPixelY map values; x is monotone.
[[nodiscard]] QVector<QPointF> decimatedLine(const CurveSeries& series, bool smoothed, double xLow,
                                             double xHigh, double pixelLow, double pixelHigh,
                                             const std::function<double(double)>& toPixelY);
// Lowest and highest sample per pixel column: (x, y of low, y of high) in px.
struct BandColumn {
    double x, top, bottom;
};
[[nodiscard]] std::vector<BandColumn> bandColumns(const CurveSeries& series, double xLow, double xHigh,
                                                  double pixelLow, double pixelHigh,
                                                  const std::function<double(double)>& toPixelY);

}  // namespace caravan::widgets
