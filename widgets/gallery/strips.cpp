// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Strips, legends and a chart's table, as they usually are and at their worst.
#include <cmath>
#include <limits>

#include "widgets/chart_pane.h"
#include "widgets/curve_legend.h"
#include "widgets/delta_strip.h"
#include "widgets/expert_bars.h"
#include "widgets/gallery/pictures.h"
#include "widgets/heat_map.h"

namespace caravan::gallery {

using namespace widgets;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::unique_ptr<QWidget> deltas(int count, std::function<double(int)> value, int expert) {
    auto strip = std::make_unique<DeltaStrip>();
    std::vector<double> all;
    QStringList names;
    for (int i = 0; i < count; ++i) {
        all.push_back(value(i));
        names << QStringLiteral(" token");
    }
    strip->setDeltas(all, names, expert);
    strip->select(count - 1);
    return strip;
}

std::unique_ptr<QWidget> loads(int domains, double load, int expert) {
    auto bars = std::make_unique<LoadBars>();
    QVector<LoadBars::Row> rows;
    for (int i = 0; i < domains; ++i)
        rows << LoadBars::Row{QStringLiteral("domain %1").arg(i), load};
    bars->setRows(rows, expert);
    return bars;
}

std::unique_ptr<QWidget> lines(int count) {
    auto legend = std::make_unique<CurveLegend>();
    QVector<CurveLegend::Item> items;
    for (int i = 0; i < count; ++i) {
        CurveStyle style;
        style.dash = i % 6;
        style.marker = domainMarker(i);
        items << CurveLegend::Item{QStringLiteral("domain %1").arg(i), style};
    }
    legend->setItems(items);
    return legend;
}

std::unique_ptr<QWidget> fills(int count) {
    auto legend = std::make_unique<FillLegend>();
    QStringList names;
    for (int i = 0; i < count; ++i)
        names << QStringLiteral("domain %1").arg(i);
    legend->setItems(names);
    return legend;
}

// A map of so many experts as the table behind it.
std::unique_ptr<QWidget> table(int rows, int columns) {
    auto* map = new HeatMap;
    HeatMapData data;
    data.rows = rows;
    data.columns = columns;
    data.values.assign(static_cast<std::size_t>(rows * columns), 1.25F);
    map->setData(data);
    auto pane = std::make_unique<ChartPane>(map);
    pane->setTableShown(true);
    return pane;
}

std::unique_ptr<QWidget> scale(double range) {
    auto strip = std::make_unique<ColorScale>();
    strip->setRange(range);
    return strip;
}

}  // namespace

QVector<Picture> stripPictures() {
    const auto wave = [](int i) { return std::sin(i) * (1 + i % 5); };
    return {{"delta_strip", {480, 56}, [=] { return deltas(60, wave, 3); }},
            {"delta_nothing", {480, 56}, [=] { return deltas(0, wave, -1); }, true},
            {"delta_not_numbers",
             {480, 56},
             [] {
                 return deltas(
                     12, [](int) { return kNan; }, 0);
             }},
            {"delta_huge",
             {480, 56},
             [] {
                 return deltas(
                     3, [](int i) { return i - 1e300; }, 255);
             }},
            {"delta_40000", {480, 56}, [=] { return deltas(40000, wave, 7); }},
            {"load_nothing", {240, 60}, [] { return loads(0, 1, 0); }, true},
            {"load_not_numbers", {240, 80}, [] { return loads(3, kNan, 0); }},
            {"load_huge", {240, 80}, [] { return loads(3, 1e12, 255); }},
            {"load_40_domains", {240, 900}, [] { return loads(40, 2.5, 5); }},
            {"lines_nothing", {480, 20}, [] { return lines(0); }, true},
            {"lines_256", {480, 20}, [] { return lines(256); }},
            {"fills_nothing", {480, 18}, [] { return fills(0); }, true},
            {"fills_40", {480, 18}, [] { return fills(40); }},
            {"table_nothing", {480, 200}, [] { return table(0, 0); }, true},
            {"table_256_experts", {480, 200}, [] { return table(80, 256); }},
            {"scale_4", {168, 30}, [] { return scale(4); }},
            {"scale_1", {168, 30}, [] { return scale(1); }}};
}

}  // namespace caravan::gallery
