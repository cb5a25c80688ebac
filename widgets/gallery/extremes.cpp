// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Every widget with data as it must not be, and yet one day is.
#include <QScrollArea>
#include <cmath>
#include <limits>

#include "widgets/chip.h"
#include "widgets/curve_plot.h"
#include "widgets/expert_bars.h"
#include "widgets/gallery/pictures.h"
#include "widgets/heat_map.h"
#include "widgets/layer_strip.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"
#include "widgets/sparkline.h"
#include "widgets/stack_bar.h"
#include "widgets/timeline_scrubber.h"
#include "widgets/token_strip.h"

namespace caravan::gallery {

using namespace widgets;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::unique_ptr<QWidget> map(int rows, int columns, std::function<float(int)> value, bool bars = true) {
    auto map = std::make_unique<HeatMap>();
    HeatMapData data;
    data.rows = rows;
    data.columns = columns;
    for (int i = 0; i < rows * columns; ++i)
        data.values.push_back(value(i));
    if (bars) data.bars.assign(static_cast<std::size_t>(rows), rows * columns > 0 ? value(0) : 0);
    map->setEmptyText(QStringLiteral("Routing appears after the first logged step."));
    map->setBarTitle(QStringLiteral("MaxVio"), 1.0);
    map->setData(data);
    if (rows * columns > 0) map->setCurrentCell(rows - 1, columns - 1);
    return map;
}

std::unique_ptr<QWidget> bars(int domains, int experts, std::function<double(int)> share) {
    auto bars = std::make_unique<ExpertBars>();
    QStringList names;
    QVector<QVector<double>> shares;
    for (int d = 0; d < domains; ++d) {
        names << QStringLiteral("domain %1").arg(d);
        QVector<double> row;
        for (int e = 0; e < experts; ++e)
            row << share(d * experts + e);
        shares << row;
    }
    bars->setEmptyText(QStringLiteral("No shares yet."));
    bars->setShares(names, shares);
    bars->setCurrentExpert(experts - 1);
    return bars;
}

std::unique_ptr<QWidget> plot(const std::vector<std::pair<double, double>>& points, bool logarithmic) {
    auto plot = std::make_unique<CurvePlot>();
    LaneStyle lane;
    lane.name = QStringLiteral("Loss");
    lane.main = true;
    plot->addLane(lane);
    LaneStyle thin;
    thin.name = QStringLiteral("Memory");
    thin.fromZero = true;
    plot->addLane(thin);
    CurveStyle style;
    style.band = style.smoothed = true;
    const int main = plot->addCurve(0, QStringLiteral("Train"), style),
              low = plot->addCurve(1, QStringLiteral("Memory"), style);
    for (const auto& [x, y] : points) {
        plot->append(main, x, y);
        plot->append(low, x, y);
    }
    plot->setSmoothing(0.9);
    plot->setLogScale(logarithmic);
    return plot;
}

std::unique_ptr<QWidget> scrubber(const QVector<TimelineScrubber::Point>& points, int total) {
    auto scrubber = std::make_unique<TimelineScrubber>();
    scrubber->setPoints(points, QStringLiteral("MaxVio"));
    scrubber->setTotal(total);
    return scrubber;
}

std::unique_ptr<QWidget> spark(const QVector<double>& values) {
    auto spark = std::make_unique<Sparkline>();
    spark->setValues(values);
    return spark;
}

std::unique_ptr<QWidget> stack(const QVector<double>& values, double capacity) {
    auto bar = std::make_unique<StackBar>();
    QVector<StackBar::Part> parts;
    for (const double value : values)
        parts << StackBar::Part{QStringLiteral("part"), value, QStringLiteral("%1 GiB").arg(value)};
    bar->setNamed(true);
    bar->setParts(parts);
    bar->setCapacity(capacity);
    return bar;
}

// In a scroll area, as in a chat.
std::unique_ptr<QWidget> tokens(int count, const QString& text) {
    auto area = std::make_unique<QScrollArea>();
    auto* strip = new TokenStrip;
    std::vector<StripToken> all;
    std::vector<std::pair<int, double>> experts;
    for (int i = 0; i < count; ++i) {
        StripToken token;
        token.text = text;
        all.push_back(token);
        experts.emplace_back(i % 256, 0.5 + 0.5 * (i % 7) / 6.0);
    }
    area->setWidgetResizable(true);
    area->setWidget(strip);
    strip->setTokens(all);
    strip->setColored(true);
    strip->setExperts(experts);
    return area;
}

std::unique_ptr<QWidget> layers(int count) {
    auto strip = std::make_unique<LayerStrip>();
    strip->setCells(QVector<bool>(count, true));
    return strip;
}

std::unique_ptr<QWidget> segments(int count) {
    QStringList names;
    for (int i = 0; i < count; ++i)
        names << QStringLiteral("domain %1").arg(i);
    return std::make_unique<Segmented>(names);
}

std::unique_ptr<QWidget> message(int sentences) {
    auto bar = std::make_unique<MessageBar>();
    QString text;
    for (int i = 0; i < sentences; ++i)
        text +=
            QStringLiteral("The GPU reported an illegal memory access and nothing that was saved is lost. ");
    bar->showMessage(MessageBar::Kind::Error, QStringLiteral("The engine stopped."), text);
    bar->addButton(QStringLiteral("Resume from step 1,200"));
    return bar;
}

QVector<Picture> mapPictures() {
    return {{"map_nothing", {300, 200}, [] { return map(0, 0, [](int) { return 1.F; }); }},
            {"map_no_experts", {300, 200}, [] { return map(8, 0, [](int) { return 1.F; }); }},
            {"map_one_cell", {300, 200}, [] { return map(1, 1, [](int) { return 4.F; }); }},
            {"map_256_experts",
             {900, 560},
             [] {
                 return map(80, 256,
                            [](int i) { return std::exp2(2 * std::sin(0.37F * static_cast<float>(i))); });
             }},
            {"map_not_numbers", {300, 200}, [] { return map(8, 8, [](int) { return kNan; }); }},
            {"map_no_room", {40, 30}, [] { return map(32, 8, [](int) { return 1.F; }); }},
            {"bars_nothing", {300, 200}, [] { return bars(0, 0, [](int) { return 0.; }); }},
            {"bars_no_experts", {300, 200}, [] { return bars(3, 0, [](int) { return 0.; }); }},
            {"bars_256_experts",
             {480, 280},
             [] { return bars(3, 256, [](int i) { return (1 + std::sin(i)) / 256.; }); }},
            {"bars_12_domains", {480, 280}, [] { return bars(12, 8, [](int i) { return (i % 9) / 36.; }); }},
            {"bars_not_numbers", {480, 280}, [] { return bars(3, 8, [](int) { return double(kNan); }); }}};
}

QVector<Picture> plotPictures() {
    const auto curve = [](std::vector<std::pair<double, double>> points, bool log = false) {
        return [=] { return plot(points, log); };
    };
    return {{"plot_nothing", {480, 300}, curve({})},
            {"plot_one_point", {480, 300}, curve({{5, 2.5}})},
            {"plot_not_numbers", {480, 300}, curve({{1, kNan}, {2, kNan}, {3, kNan}})},
            {"plot_gap", {480, 300}, curve({{1, 3}, {2, kNan}, {3, 2}, {4, kInfinity}, {5, 1}})},
            {"plot_huge", {480, 300}, curve({{1, 1e-300}, {2, 1e300}, {1e12, -1e300}})},
            {"plot_zero_log", {480, 300}, curve({{1, 0}, {2, 0}, {3, -1}}, true)},
            {"scrubber_nothing", {400, 52}, [] { return scrubber({}, 0); }},
            {"scrubber_one",
             {400, 52},
             [] {
                 return scrubber({{7, 0.5}}, 7);
             }},
            {"scrubber_not_numbers",
             {400, 52},
             [] {
                 return scrubber({{0, kNan}, {5, kNan}}, 10);
             }},
            {"spark_nothing", {80, 20}, [] { return spark({}); }, true},
            {"spark_one", {80, 20}, [] { return spark({3}); }},
            {"spark_not_numbers",
             {80, 20},
             [] {
                 return spark({kNan, kNan});
             },
             true},
            {"spark_flat", {80, 20}, [] { return spark(QVector<double>(4000, 1)); }}};
}

}  // namespace

QVector<Picture> extremePictures() {
    return mapPictures() + plotPictures() +
           QVector<Picture>{
               {"stack_nothing", {240, 20}, [] { return stack({}, 0); }},
               {"stack_zero",
                {240, 20},
                [] {
                    return stack({0, 0, 0}, 0);
                }},
               {"stack_not_numbers",
                {240, 20},
                [] {
                    return stack({kNan, 2}, 10);
                }},
               {"stack_over",
                {240, 20},
                [] {
                    return stack({5, 1e9}, 10);
                }},
               {"stack_many", {240, 20}, [] { return stack(QVector<double>(300, 1), 0); }},
               {"tokens_nothing", {480, 120}, [] { return tokens(0, {}); }, true},
               {"tokens_40000", {480, 300}, [] { return tokens(40000, QStringLiteral(" token")); }},
               {"tokens_one_word", {480, 120}, [] { return tokens(1, QString(5000, QLatin1Char('m'))); }},
               {"tokens_no_text", {480, 120}, [] { return tokens(50, {}); }, true},
               {"layers_none", {240, 28}, [] { return layers(0); }, true},
               {"layers_256", {240, 28}, [] { return layers(256); }},
               {"segments_none", {240, 28}, [] { return segments(0); }, true},
               {"segments_40", {480, 28}, [] { return segments(40); }},
               {"message_long", {860, 120}, [] { return message(12); }},
               {"chip_255", {40, 24}, [] { return std::make_unique<ExpertChip>(255); }}};
}

}  // namespace caravan::gallery
