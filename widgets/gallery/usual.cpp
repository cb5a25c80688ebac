// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Every widget with data as it usually is.
#include <QGridLayout>
#include <QPushButton>
#include <cmath>
#include <random>

#include "widgets/chip.h"
#include "widgets/curve_plot.h"
#include "widgets/expert_bars.h"
#include "widgets/gallery/pictures.h"
#include "widgets/heat_map.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"
#include "widgets/sparkline.h"
#include "widgets/stack_bar.h"
#include "widgets/timeline_scrubber.h"

namespace caravan::gallery {

using namespace widgets;

namespace {

HeatMapData loads(int rows, int columns) {
    std::mt19937 random(7);
    std::normal_distribution<double> spread(0, 0.35);
    HeatMapData data;
    data.rows = rows;
    data.columns = columns;
    data.dead.resize(static_cast<std::size_t>(rows * columns));
    for (int row = 0; row < rows; ++row) {
        double most = 0;
        for (int column = 0; column < columns; ++column) {
            const double load = std::exp2(spread(random));
            data.values.push_back(static_cast<float>(load));
            most = std::max(most, load);
        }
        data.bars.push_back(static_cast<float>(most - 1));
    }
    const auto at = [&](int row, int column) { return static_cast<std::size_t>(row * columns + column); };
    data.values[at(std::min(3, rows - 1), 5)] = 3.14F;
    data.bars[static_cast<std::size_t>(std::min(3, rows - 1))] = 2.14F;
    data.values[at(rows - 2, 6)] = 0.05F;
    data.dead[at(rows - 2, 6)] = 1;
    return data;
}

void fillCurves(CurvePlot& plot, int steps) {
    std::mt19937 random(3);
    std::normal_distribution<double> noise(0, 0.03);
    CurveStyle train;
    train.ink = CurveInk::Accent;
    train.width = 2;
    train.band = train.smoothed = true;
    CurveStyle plain;
    plain.smoothed = plain.band = true;
    plain.ink = CurveInk::Text;
    LaneStyle loss;
    loss.name = QStringLiteral("Loss");
    loss.main = true;
    plot.addLane(loss);
    const char* names[] = {"Balance", "Learning rate", "Grad norm", "Tokens/s", "GPU memory"};
    for (const char* name : names) {
        LaneStyle lane;
        lane.name = QString::fromLatin1(name);
        if (lane.name == QLatin1String("Grad norm")) lane.reference = 0.3;
        plot.addLane(lane);
    }
    const int trainCurve = plot.addCurve(0, QStringLiteral("Train"), train);
    const QStringList domains{QStringLiteral("General"), QStringLiteral("Code"), QStringLiteral("Math")};
    for (int d = 0; d < 3; ++d) {
        CurveStyle style;
        style.ink = CurveInk::Text2;
        style.dash = d;
        style.marker = domainMarker(d);
        style.step = true;
        const int curve = plot.addCurve(0, domains[d], style);
        for (int step = 0; step <= steps; step += std::max(1, steps / 18))
            plot.append(curve, step, 0.85 - 0.2 * d + 0.45 * std::exp(-step * 6.0 / steps));
    }
    for (int lane = 1; lane < 6; ++lane)
        plot.addCurve(lane, QString::fromLatin1(names[lane - 1]), plain);
    plot.setSmoothing(0.95);
    for (int step = 0; step <= steps; ++step) {
        const double t = static_cast<double>(step) / steps;
        plot.append(trainCurve, step, 0.76 + 0.5 * std::exp(-t * 7) + noise(random));
        plot.append(4, step, 1.05 + 0.05 * std::sin(t * 5) + noise(random) * 0.1);
        plot.append(5, step, 2e-4 * std::min(1.0, t * 30));
        plot.append(6, step, 0.2 + 0.4 * std::exp(-t * 9) + std::abs(noise(random)));
        plot.append(7, step, 15400 + 2000 * noise(random));
        plot.append(8, step, 64.1);
    }
    plot.setPlannedEnd(steps * 1.6);
    plot.setNow(steps);
    plot.setMarks({{steps * 0.77, QStringLiteral("718: alarm"), true}});
}

std::unique_ptr<QWidget> heatMap(int rows, int columns, QPoint current, int plainRow = -1) {
    auto map = std::make_unique<HeatMap>();
    HeatMapData data = loads(rows, columns);
    if (plainRow >= 0) {
        data.plainRows.assign(static_cast<std::size_t>(rows), 0);
        data.plainRows[static_cast<std::size_t>(plainRow)] = 1;
    }
    map->setData(data);
    map->setBarTitle(QStringLiteral("MaxVio"), 1.0);
    if (current.x() >= 0) map->setCurrentCell(current.x(), current.y());
    return map;
}

std::unique_ptr<QWidget> curves(int steps, bool logarithmic) {
    auto plot = std::make_unique<CurvePlot>();
    fillCurves(*plot, steps);
    if (logarithmic)
        plot->setLogScale(true);
    else
        plot->setCursorX(412);
    return plot;
}

std::unique_ptr<QWidget> bars() {
    auto bars = std::make_unique<ExpertBars>();
    bars->setShares({QStringLiteral("General"), QStringLiteral("Code"), QStringLiteral("Math")},
                    {{.138, .141, .182, .125, .058, .171, .102, .089},
                     {.055, .102, .125, .27, .063, .118, .059, .214},
                     {.125, .197, .168, .103, .086, .156, .121, .055}});
    bars->setCurrentExpert(3);
    return bars;
}

std::unique_ptr<QWidget> scrubber() {
    auto scrubber = std::make_unique<TimelineScrubber>();
    QVector<TimelineScrubber::Point> points;
    for (int step = 0; step <= 932; step += 4)
        points.append({step, 0.6 * (1 - std::exp(-step / 80.0))});
    scrubber->setPoints(points, QStringLiteral("MaxVio, mean over layers"));
    scrubber->setTotal(1504);
    scrubber->setCheckpoints({100, 200, 300, 400, 500, 600, 700, 800, 900});
    scrubber->setMarks({{718, QStringLiteral("alarm, layer 3")}});
    scrubber->setValue(932);
    return scrubber;
}

std::unique_ptr<QWidget> small() {
    auto page = std::make_unique<QWidget>();
    auto* grid = new QGridLayout(page.get());
    auto* segments = new Segmented(
        {QStringLiteral("All"), QStringLiteral("General"), QStringLiteral("Code"), QStringLiteral("Math")});
    auto* compact = new Segmented(segments->segments());
    compact->setCompact(true);
    auto* spark = new Sparkline;
    spark->setValues({1, 3, 2, 4, 5, 4.5, 4.6, 4.4});
    auto* bar = new StackBar;
    bar->setParts({{QStringLiteral("base"), 4, {}},
                   {QStringLiteral("adapters"), 3, {}},
                   {QStringLiteral("activations"), 5, {}}});
    bar->setCapacity(10);
    auto* message = new MessageBar;
    message->showMessage(
        MessageBar::Kind::Warning, QStringLiteral("Layer 3 leans on one expert."),
        QStringLiteral("Expert 5 has carried over 3× its share for 214 steps; the other seven learn less."));
    message->addButton(QStringLiteral("Show in Routing"));
    auto* load = new LoadBars;
    load->setRows({{QStringLiteral("All"), 1.25}, {QStringLiteral("Code"), 2.15}}, 3);
    grid->addWidget(segments, 0, 0);
    grid->addWidget(compact, 0, 1);
    grid->addWidget(spark, 1, 0);
    grid->addWidget(bar, 1, 1);
    grid->addWidget(message, 2, 0, 1, 2);
    grid->addWidget(load, 3, 0);
    grid->addWidget(new ColorScale, 3, 1);
    for (int e = 0; e < 10; ++e)
        grid->addWidget(new ExpertChip(e), 4 + e / 5, 2 + e % 5);
    grid->addWidget(new Chip(QStringLiteral("Running"), Chip::Tone::Accent), 4, 0);
    grid->addWidget(new Chip(QStringLiteral("Paused"), Chip::Tone::Plain), 4, 1);
    return page;
}

}  // namespace

QVector<Picture> usualPictures() {
    return {{"heat_map_32x8",
             {400, 540},
             [] {
                 return heatMap(32, 8, {12, 3});
             }},
            {"heat_map_8x8",
             {460, 330},
             [] {
                 return heatMap(8, 8, {-1, -1}, 1);
             }},
            {"heat_map_80x128",
             {900, 560},
             [] {
                 return heatMap(80, 128, {40, 77});
             }},
            {"curve_plot", {860, 600}, [] { return curves(932, false); }},
            {"curve_plot_million", {860, 600}, [] { return curves(1000000, true); }},
            {"expert_bars", {480, 280}, bars},
            {"timeline_scrubber", {900, 52}, scrubber},
            {"small", {860, 320}, small}};
}

}  // namespace caravan::gallery
