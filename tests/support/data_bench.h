// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPushButton>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>

#include "engine/api/event_json.h"
#include "tests/support/data_fixture.h"
#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/fake_engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/pages/data/data_page.h"
#include "ui/project_context.h"

namespace caravan::test {

using namespace caravan::ui;

// A Data page of a new project, whose engine answers previews at once until it holds them.
struct DataBench {
    QTemporaryDir folder;
    FakeEngineLink engine;
    RunController runs{&engine};
    ActionRegistry actions;
    std::unique_ptr<ProjectContext> project;
    std::unique_ptr<DataPage> page;

    DataBench() {
        engine.answer("preview", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
            return dataPreview(body["recipe"]);
        });
        answerNoRuns(engine);
        engine.answer("run.start", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
            return nlohmann::json{{"run", body["run"]}};
        });
        engine.start();
        project = std::make_unique<ProjectContext>(folder.filePath(QStringLiteral("p")), &engine, &runs);
        page = std::make_unique<DataPage>(Services{&engine, &runs, &actions}, nullptr);
        page->setProject(project.get());
        page->setActive(true);
        actions.setActivePage(QStringLiteral("data"));
        page->resize(1364, 800);
        page->show();
    }
    ~DataBench() {
        page.reset();
        project.reset();
    }
    void chooseModel() {
        engine::Recipe recipe = project->recipe();
        recipe.model.path = "/models/base";
        project->setRecipe(recipe, QStringLiteral("Base"));
    }
    QTableView* table() const {
        for (QTableView* view : page->findChildren<QTableView*>())
            if (view->accessibleName() == QStringLiteral("Data files")) return view;
        return nullptr;
    }
    QPushButton* button(const QString& text) const {
        for (QPushButton* b : page->findChildren<QPushButton*>())
            if (b->text() == text) return b;
        return nullptr;
    }
};

}  // namespace caravan::test
