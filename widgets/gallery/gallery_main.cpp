// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// caravan-gallery FOLDER: a picture of every widget, light and dark, for the eye and for reviews.
#include <QApplication>
#include <QDir>
#include <QFile>
#include <QGridLayout>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLabel>
#include <QPushButton>
#include <QTextStream>
#include <cmath>
#include <random>

#include "widgets/chip.h"
#include "widgets/curve_legend.h"
#include "widgets/curve_plot.h"
#include "widgets/expert_bars.h"
#include "widgets/heat_map.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"
#include "widgets/sparkline.h"
#include "widgets/stack_bar.h"
#include "widgets/theme_colors.h"
#include "widgets/timeline_scrubber.h"

namespace {

using namespace caravan::widgets;

ThemeColors readTheme(const QString& path) {
    QFile file(path);
    ThemeColors colors;
    if (!file.open(QIODevice::ReadOnly)) return colors;
    const QJsonObject json = QJsonDocument::fromJson(file.readAll()).object();
    const auto color = [&](const char* key, QColor& target) {
        target = QColor(json[QLatin1String(key)].toString());
    };
    colors.dark = json[QLatin1String("name")].toString() == QLatin1String("dark");
    color("window", colors.window), color("base", colors.base), color("alt", colors.alt),
        color("raised", colors.raised);
    color("hover", colors.hover), color("line", colors.line), color("grid", colors.grid),
        color("btnline", colors.btnline);
    color("ctl", colors.ctl), color("text", colors.text), color("text2", colors.text2),
        color("text3", colors.text3);
    color("accent", colors.accent), color("accenth", colors.accentHover), color("onacc", colors.onAccent),
        color("soft", colors.soft);
    color("ok", colors.ok), color("okbg", colors.okBg), color("warn", colors.warn),
        color("warnbg", colors.warnBg);
    color("warnl", colors.warnLine), color("err", colors.err), color("errbg", colors.errBg);
    for (std::size_t i = 0; i < 8; ++i) {
        colors.experts[i] = QColor(json[QLatin1String("ex")][static_cast<int>(i)].toString());
        colors.expertInk[i] = QColor(json[QLatin1String("expert_ink")][static_cast<int>(i)].toString());
    }
    colors.loadMap.clear();
    for (const auto& stop : json[QLatin1String("load_map")].toArray())
        colors.loadMap.emplace_back(stop.toString());
    colors.shareMap.clear();
    for (const auto& stop : json[QLatin1String("share_map")].toArray())
        colors.shareMap.emplace_back(stop.toString());
    return colors;
}

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

int save(QWidget& widget, QSize size, const QString& path) {
    widget.resize(size);
    QPalette palette = widget.palette();
    palette.setColor(QPalette::Base, themeColors().base);
    palette.setColor(QPalette::Window, themeColors().base);
    palette.setColor(QPalette::WindowText, themeColors().text);
    widget.setPalette(palette);
    widget.setAutoFillBackground(true);
    widget.show();
    for (CurvePlot* plot : widget.findChildren<CurvePlot*>())
        plot->flush();
    QApplication::sendPostedEvents();
    return widget.grab().save(path) ? 0 : 1;
}

int drawAll(const QString& folder, const QString& theme) {
    const auto path = [&](const char* name) {
        return QStringLiteral("%1/%2-%3.png").arg(folder, QLatin1String(name), theme);
    };
    int failed = 0;
    {
        HeatMap map;
        map.setData(loads(32, 8));
        map.setBarTitle(QStringLiteral("MaxVio"), 1.0);
        map.setCurrentCell(12, 3);
        failed += save(map, {400, 540}, path("heat_map_32x8"));
    }
    {
        HeatMap map;
        HeatMapData data = loads(8, 8);
        data.plainRows.assign(8, 0);
        data.plainRows[1] = 1;
        map.setData(data);
        map.setBarTitle(QStringLiteral("MaxVio"), 1.0);
        failed += save(map, {460, 330}, path("heat_map_8x8"));
    }
    {
        HeatMap map;
        map.setData(loads(80, 128));
        map.setBarTitle(QStringLiteral("MaxVio"), 1.0);
        map.setCurrentCell(40, 77);
        failed += save(map, {900, 560}, path("heat_map_80x128"));
    }
    {
        CurvePlot plot;
        fillCurves(plot, 932);
        plot.setCursorX(412);
        failed += save(plot, {860, 600}, path("curve_plot"));
    }
    {
        CurvePlot plot;
        fillCurves(plot, 1000000);
        plot.setLogScale(true);
        failed += save(plot, {860, 600}, path("curve_plot_million"));
    }
    {
        ExpertBars bars;
        bars.setShares({QStringLiteral("General"), QStringLiteral("Code"), QStringLiteral("Math")},
                       {{.138, .141, .182, .125, .058, .171, .102, .089},
                        {.055, .102, .125, .27, .063, .118, .059, .214},
                        {.125, .197, .168, .103, .086, .156, .121, .055}});
        bars.setCurrentExpert(3);
        failed += save(bars, {480, 280}, path("expert_bars"));
    }
    {
        TimelineScrubber scrubber;
        QVector<TimelineScrubber::Point> points;
        for (int step = 0; step <= 932; step += 4)
            points.append({step, 0.6 * (1 - std::exp(-step / 80.0))});
        scrubber.setPoints(points, QStringLiteral("MaxVio, mean over layers"));
        scrubber.setTotal(1504);
        scrubber.setCheckpoints({100, 200, 300, 400, 500, 600, 700, 800, 900});
        scrubber.setMarks({{718, QStringLiteral("alarm, layer 3")}});
        scrubber.setValue(932);
        failed += save(scrubber, {900, 52}, path("timeline_scrubber"));
    }
    {
        QWidget page;
        auto* grid = new QGridLayout(&page);
        auto* segments = new Segmented({QStringLiteral("All"), QStringLiteral("General"),
                                        QStringLiteral("Code"), QStringLiteral("Math")});
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
            QStringLiteral(
                "Expert 5 has carried over 3× its share for 214 steps; the other seven learn less."));
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
        failed += save(page, {860, 320}, path("small"));
    }
    return failed;
}

}  // namespace

int main(int argc, char** argv) {
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication app(argc, argv);
    QApplication::setStyle(QStringLiteral("Fusion"));
    if (argc < 2) {
        QTextStream(stderr) << "caravan-gallery FOLDER: writes a picture of every widget\n";
        return 2;
    }
    const QString folder = QString::fromLocal8Bit(argv[1]);
    QDir().mkpath(folder);
    int failed = 0;
    for (const char* theme : {"light", "dark"}) {
        setThemeColors(readTheme(
            QStringLiteral(CARAVAN_SOURCE_DIR "/resources/themes/theme-%1.json").arg(QLatin1String(theme))));
        failed += drawAll(folder, QLatin1String(theme));
    }
    return failed == 0 ? 0 : 1;
}
