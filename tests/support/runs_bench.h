// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTableView>
#include <QTest>

#include "projects/run_catalogue.h"
#include "tests/support/run_fixture.h"
#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/pages/runs/run_differences.h"
#include "ui/pages/runs/runs_page.h"
#include "ui/project_context.h"

namespace caravan::test {

using namespace caravan::ui;

// A Runs page over three ended runs: four experts, none, eight.
struct RunsBench {
    QTemporaryDir folder;
    FakeEngineLink engine;
    std::unique_ptr<RunController> runs;
    ActionRegistry actions;
    std::unique_ptr<ProjectContext> project;
    std::unique_ptr<RunsPage> page;

    RunsBench() {
        RunStory sparse, dense, wide;
        dense.sparse = false;
        wide.experts = 8;
        writeRun(path(), "0001", sparse, engine::RunState::Finished);
        writeRun(path(), "0002", dense, engine::RunState::Stopped);
        writeRun(path(), "0003", wide, engine::RunState::Finished);
        answerNoRuns(engine);
        answerModels(engine);
        answerPlans(engine);
        runs = std::make_unique<RunController>(&engine);
        engine.start();
        project = std::make_unique<ProjectContext>(path(), &engine, runs.get());
        page = std::make_unique<RunsPage>(Services{&engine, runs.get(), &actions}, nullptr);
        page->resize(1364, 810);
        page->setProject(project.get());
        page->setActive(true);
        actions.setActivePage(QStringLiteral("runs"));
        page->show();
    }
    ~RunsBench() {
        page->setProject(nullptr);
        page.reset();
        project.reset();
    }
    [[nodiscard]] QString path() const { return folder.filePath(QStringLiteral("p")); }
    [[nodiscard]] int rows() const { return page->table()->model()->rowCount(); }
    [[nodiscard]] QString cell(const QString& id, int column) const {
        return page->model()->indexOf(id).siblingAtColumn(column).data().toString();
    }
    void create(const std::string& name) const {
        auto project = projects::Project::open(path().toStdString());
        QVERIFY(project.has_value());
        QVERIFY((*project)->reserveRun(name).has_value());
        engine::Recipe recipe = RunStory().recipe();
        recipe.data.files = {{"/rows.jsonl", "", 1}};
        projects::putCreatedRun(**project, name, engine::recipeToJson(recipe).dump(), 40);
        projects::setRunTitle(**project, name, name);
        QVERIFY((*project)->store().flush().has_value());
        this->project->refreshRuns();
    }
    // Ids in the order in which they will start.
    [[nodiscard]] QStringList waiting() const {
        QStringList ids;
        for (const RunEntry& run : page->model()->runs())
            if (run.queuePlace >= 0) ids << run.id;
        return ids;
    }
    [[nodiscard]] QStringList differing() const {
        QStringList names;
        for (int row = 0; row < page->differences()->rowCount(); ++row)
            names << page->differences()->index(row, 0).data().toString();
        return names;
    }
};

}  // namespace caravan::test
