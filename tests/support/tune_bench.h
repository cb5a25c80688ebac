// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>
#include <memory>

#include "tests/support/run_fixture.h"
#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/project_context.h"

namespace caravan::test {

using namespace caravan::ui;

// A Tune page with an engine that the test speaks for.
struct TuneBench {
    QTemporaryDir folder;
    FakeEngineLink engine;
    std::unique_ptr<RunController> runs;
    ActionRegistry actions;
    std::unique_ptr<ProjectContext> project;
    std::unique_ptr<TunePage> page;

    // attached: state word of a run that lives in the engine, by folder
    explicit TuneBench(const QString& liveRun = {}, const QString& state = {}, std::int64_t step = 0,
                       std::int64_t steps = 0) {
        engine.answer("run.attach", [=](const nlohmann::json&) -> engine::Result<nlohmann::json> {
            nlohmann::json list = nlohmann::json::array();
            if (!liveRun.isEmpty())
                list.push_back({{"run", liveRun.toStdString()},
                                {"state", state.toStdString()},
                                {"step", step},
                                {"steps", steps}});
            return nlohmann::json{{"runs", list}};
        });
        for (const char* type : {"run.pause", "run.continue", "run.stop", "run.checkpoint", "run.sample",
                                 "run.resume", "run.change"})
            engine.answer(type, [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
                return nlohmann::json::object();
            });
        test::answerModels(engine);
        runs = std::make_unique<RunController>(&engine);
        engine.start();
    }
    [[nodiscard]] QString path() const { return folder.filePath(QStringLiteral("p")); }
    void open(bool active = true) {
        openAt(path(), active);
        QTRY_VERIFY(project->isOpen());
    }
    void become(const QString& run, engine::RunState from, engine::RunState to, engine::StepIndex step) {
        engine.tellRun(run, engine::StateChange{from, to, run.toStdString(), step, {}});
    }
    // Of a run that lives in the engine: the page on the project that holds its folder.
    void openAt(const QString& projectFolder, bool active = true) {
        project = std::make_unique<ProjectContext>(projectFolder, &engine, runs.get());
        page = std::make_unique<TunePage>(Services{&engine, runs.get(), &actions}, nullptr);
        page->resize(1364, 810);
        page->setProject(project.get());
        if (!active) return;
        page->setActive(true);
        page->show();
    }
    [[nodiscard]] QPushButton* button(const QString& text) const {
        for (QPushButton* button : page->findChildren<QPushButton*>())
            if (button->text() == text && !button->isHidden()) return button;
        return nullptr;
    }
};

}  // namespace caravan::test
