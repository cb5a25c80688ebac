// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QComboBox>
#include <QPlainTextEdit>
#include <QTemporaryDir>
#include <QTest>

#include "engine/api/event_json.h"
#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/fake_engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/steer_panel.h"
#include "ui/project_context.h"

namespace caravan::test {

using namespace caravan::ui;

// A token of a mixture of 8 layers and 8 experts; its two experts move on by one from layer to layer.
inline engine::TokenEvent token(const char* text, int first, int second) {
    engine::TokenEvent t;
    t.id = 100 + first;
    t.text = t.bytes = text;
    t.logprob = -0.25;
    t.entropy = 0.6;
    t.alternatives = {{t.id, text, -0.25}, {7, " other", -2.5}};
    for (std::int64_t layer = 0; layer < 8; ++layer) {
        t.layers.push_back(layer);
        const auto a = static_cast<std::int32_t>((first + layer) % 8),
                   b = static_cast<std::int32_t>((second + layer) % 8);
        t.experts.push_back({a, b});
        t.weights.push_back({0.75F, 0.25F});
        std::vector<float> p(8, 0.05F);
        p[static_cast<std::size_t>(a)] = 0.45F;
        p[static_cast<std::size_t>(b)] = 0.25F;
        t.probabilities.push_back(p);
    }
    return t;
}

// A chat page with one model and an engine that the test speaks for.
struct Bench {
    QTemporaryDir folder;
    FakeEngineLink engine;
    RunController runs{&engine};
    ActionRegistry actions;
    std::unique_ptr<ProjectContext> project;
    std::unique_ptr<ChatPage> page;

    Bench() {
        test::answerNoRuns(engine);
        engine.answer("inspect", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
            engine::ModelInspection found;
            found.folder = body["path"];
            found.name = "tiny";
            found.kind = "moe";
            return found;
        });
        engine.start();
        open();
    }
    void open() {
        project = std::make_unique<ProjectContext>(folder.filePath(QStringLiteral("p")), &engine, &runs);
        page = std::make_unique<ChatPage>(Services{&engine, &runs, &actions}, nullptr);
        actions.setActivePage(QStringLiteral("chat"));
        page->setProject(project.get());
        page->setActive(true);
        page->resize(1364, 800);
        page->show();
        QTRY_VERIFY(project->isOpen());
        if (project->models().isEmpty() || project->models().constLast().bundled)
            project->addModelFolder(folder.path());
        QTRY_VERIFY_WITH_TIMEOUT(page->findChildren<QComboBox*>().at(0)->count() > 0, 5000);
    }
    void close() {
        page.reset();
        project.reset();
    }
    ~Bench() { close(); }
    QPlainTextEdit* input() const {
        for (QPlainTextEdit* edit : page->findChildren<QPlainTextEdit*>())
            if (edit->accessibleName() == QStringLiteral("Message")) return edit;
        return nullptr;
    }
    void say(const QString& text) {
        input()->setPlainText(text);
        QTest::keyClick(input(), Qt::Key_Return);
    }
    void finish(const char* how = "eos") {
        engine::GenerateSummary summary;
        for (const auto& t : page->session()->path().back().tokens)
            summary.text += t.text;
        summary.tokens = static_cast<std::int64_t>(page->session()->path().back().tokens.size());
        summary.tokensPerSecond = 512.5;
        summary.secondsToFirstToken = 0.041;
        summary.finish = how;
        engine.finish(engine.last("generate")->id, nlohmann::json(summary));
    }
    ChatView* view() const { return page->findChild<ChatView*>(); }
    SteerPanel* steer() const { return page->findChild<SteerPanel*>(); }
    ChatSession* session() const { return page->session(); }
    // A question and its answer.
    void talk(const QString& text, const QVector<engine::TokenEvent>& tokens) {
        say(text);
        engine.tellTokens(engine.last("generate")->id, tokens);
        finish();
    }
    template <class W>
    W* named(const QString& name) const {
        for (W* widget : page->findChildren<W*>())
            if (widget->accessibleName() == name) return widget;
        return nullptr;
    }
};

}  // namespace caravan::test
