// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTest>

#include "engine/api/routing_analysis.h"
#include "tests/support/run_fixture.h"
#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/pages/routing/load_map.h"
#include "ui/pages/routing/routing_page.h"
#include "ui/project_context.h"
#include "widgets/heat_map.h"

namespace caravan::test {

using namespace caravan::ui;

// A Routing page over one run, finished or (as the engine says) live.
struct RoutingBench {
    QTemporaryDir folder;
    FakeEngineLink engine;
    std::unique_ptr<RunController> runs;
    ActionRegistry actions;
    std::unique_ptr<ProjectContext> project;
    std::unique_ptr<RoutingPage> page;
    QString run;

    explicit RoutingBench(const RunStory& story, bool live = false, bool active = true) {
        run = writeRun(path(), "0001", story, live ? engine::RunState::Running : engine::RunState::Finished);
        engine.answer("run.attach", [=, this](const nlohmann::json&) -> engine::Result<nlohmann::json> {
            nlohmann::json list = nlohmann::json::array();
            if (live)
                list.push_back({{"run", run.toStdString()},
                                {"state", "running"},
                                {"step", story.steps},
                                {"steps", story.total}});
            return nlohmann::json{{"runs", list}};
        });
        answerModels(engine);
        runs = std::make_unique<RunController>(&engine);
        engine.start();
        project = std::make_unique<ProjectContext>(path(), &engine, runs.get());
        page = std::make_unique<RoutingPage>(Services{&engine, runs.get(), &actions}, nullptr);
        page->resize(1364, 810);
        page->setProject(project.get());
        page->setActive(active);
        if (active) page->show();
    }
    [[nodiscard]] QString path() const { return folder.filePath(QStringLiteral("p")); }
    [[nodiscard]] float mapValue(int layer, int expert) const { return page->map()->value(layer, expert); }
};

// The load over ideal that a story's record of a step holds.
inline float expectedLoad(const RunStory& story, std::int64_t step, const RoutingFilter& filter, int layer,
                          int expert) {
    return viewOf(story.record(step, step), filter)
        .load[static_cast<std::size_t>(layer) * static_cast<std::size_t>(story.experts) +
              static_cast<std::size_t>(expert)];
}

// What the engine would say of a checkpoint: figures by formula, so that each cell differs.
inline engine::RoutingAnalysis analysisOf(const RunStory& story, std::int64_t step) {
    engine::RoutingAnalysis a;
    a.step = step;
    a.probe = "held-out";
    a.tokens = 4118;
    a.statistics.record = story.record(step, step);
    const auto experts = static_cast<std::size_t>(story.experts);
    for (const std::int64_t index : a.statistics.record.layers) {
        engine::LayerAnalysis layer;
        layer.layer = index;
        for (std::size_t r = 0; r < experts; ++r)
            for (std::size_t c = 0; c < experts; ++c) {
                layer.together.push_back(
                    r == c ? NAN
                           : 0.01 * static_cast<double>(
                                        4 + (5 * r + 3 * c + static_cast<std::size_t>(index)) % 23));
                layer.cosine.push_back(r == c ? 1 : 0.05 + 0.02 * static_cast<double>((r + c) % 12));
                layer.cka.push_back(r == c ? 1 : 0.3 + 0.03 * static_cast<double>((r * c) % 12));
            }
        layer.saturation = 0.5 + 0.01 * static_cast<double>(index);
        layer.vocabulary = 0.4;
        layer.repeatRate = 0.3;
        layer.information = 0.021;
        layer.informationShuffled = 0.0004;
        for (std::size_t e = 0; e < experts; ++e) {
            const std::string name = "t" + std::to_string(e);
            layer.tokens.push_back(
                {{1, "\n    ", 0.71, 40}, {2, "self", 0.64, 31}, {3, " " + name, 0.31, 12}});
            layer.contexts.push_back({{"for x in xs:", "\n    ", "total += x", 0.81, 1},
                                      {"def area(", "self", ", w, h):", 0.78, 1},
                                      {"= 18 - 9", name, "So there are", 0.66, 2}});
        }
        a.layers.push_back(std::move(layer));
    }
    return a;
}

inline void writeAnalysis(const QString& run, const engine::RoutingAnalysis& analysis) {
    const QString path = run + QLatin1Char('/') + QString::fromStdString(engine::analysisFile(analysis.step));
    QDir().mkpath(QFileInfo(path).path());
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(QByteArray::fromStdString(nlohmann::json(analysis).dump()));
}

inline void writeCheckpointFolder(const QString& run, int step) {
    QDir().mkpath(run + QStringLiteral("/checkpoints/step-%1").arg(step, 6, 10, QLatin1Char('0')));
}

}  // namespace caravan::test
