// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <QComboBox>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "engine/api/event_json.h"
#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/fake_engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/pages/chat/chat_controls.h"
#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/token_inspector.h"
#include "ui/project_context.h"
#include "widgets/heat_map.h"
#include "widgets/token_strip.h"

using namespace caravan;
using namespace caravan::ui;

namespace {

engine::TokenEvent token(const char* text, int first, int second) {
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

struct Bench {
    QTemporaryDir folder;
    FakeEngineLink engine;
    RunController runs{&engine};
    ActionRegistry actions;
    std::unique_ptr<ProjectContext> project;
    std::unique_ptr<ChatPage> page;

    Bench() {
        engine.answer("run.attach", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
            return nlohmann::json{{"runs", nlohmann::json::array()}};
        });
        engine.answer("inspect", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
            engine::ModelInspection found;
            found.folder = body["path"];
            found.name = "tiny";
            found.kind = "dense";
            return found;
        });
        engine.start();
        open();
    }
    void open() {
        project = std::make_unique<ProjectContext>(folder.filePath(QStringLiteral("p")), &engine, &runs);
        page = std::make_unique<ChatPage>(Services{&engine, &runs, &actions}, nullptr);
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
};

}  // namespace

class TestChatPage : public QObject {
    Q_OBJECT
  public:
    explicit TestChatPage(test::Sandbox&) {}

  private Q_SLOTS:
    void aMessageIsSentAndItsAnswerStreams() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        QCOMPARE(bench.engine.count("generate"), 1);
        const auto* asked = bench.engine.last("generate");
        QCOMPARE(QString::fromStdString(asked->body["messages"].back()["content"]), QStringLiteral("Hello"));
        QVERIFY(bench.input()->toPlainText().isEmpty());
        bench.engine.tellTokens(asked->id, {token("Two", 3, 5), token(" words", 1, 2)});
        auto* strip = bench.view()->message(1)->strip();
        QCOMPARE(strip->count(), 2);
        QCOMPARE(strip->plainText(), QStringLiteral("Two words"));
        QCOMPARE(strip->token(0).expert, 3);
        bench.engine.tellTokens(asked->id, {token(" more", 4, 2)});
        QCOMPARE(strip->count(), 3);
        bench.finish();
        QVERIFY(!bench.page->session()->isStreaming());
        QCOMPARE(QString::fromStdString(bench.page->session()->path().back().message.content),
                 QStringLiteral("Two words more"));
    }
    void aTokenShowsItsExpertsAndAlternatives() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        bench.engine.tellTokens(bench.engine.last("generate")->id,
                                {token("Two", 3, 5), token(" words", 1, 2)});
        bench.finish();
        auto* strip = bench.view()->message(1)->strip();
        QTRY_VERIFY(strip->width() > 100);
        QTest::mouseClick(strip, Qt::LeftButton, {}, strip->tokenRect(1).center());
        auto* inspector = bench.page->findChild<TokenInspector*>();
        QVERIFY2(inspector->gateText().startsWith(QStringLiteral("expert 1 0.45 gate 0.75")),
                 qPrintable(inspector->gateText()));
        QVERIFY(inspector->alternativesText().contains(QStringLiteral("-2.50")));
        QCOMPARE(inspector->map()->mapData().rows, 8);
        QCOMPARE(inspector->map()->value(2, 3), 0.45F);  // layer 2: expert (1 + 2) % 8
        // another layer: colors and gates follow
        Q_EMIT inspector->layerChosen(2);
        QCOMPARE(strip->token(1).expert, 3);
        QVERIFY(inspector->gateText().startsWith(QStringLiteral("expert 3")));
        QTest::keyClick(strip, Qt::Key_Left);
        QCOMPARE(strip->selected(), 0);
        QVERIFY(inspector->gateText().startsWith(QStringLiteral("expert 5")));
        QVERIFY(bench.page->findChild<ExpertLegend*>()->text().contains(QStringLiteral("expert 3: 50")));
        test::picture(*bench.page, QStringLiteral("chat"));
    }
    void escapeStopsAndTheTextStays() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        const quint64 id = bench.engine.last("generate")->id;
        bench.engine.tellTokens(id, {token("Half", 1, 2)});
        bench.actions.find(QStringLiteral("chat.stop"))->trigger();
        QCOMPARE(bench.engine.count("cancel"), 1);
        bench.engine.finish(id, engine::fail(engine::ErrorCode::Interrupted, {}));
        QVERIFY(!bench.page->session()->isStreaming());
        QCOMPARE(QString::fromStdString(bench.page->session()->path().back().message.content),
                 QStringLiteral("Half"));
        QVERIFY(bench.page->session()->path().back().error.isEmpty());
    }
    void regenerateAsksTheSameAgain() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("One", 1, 2)});
        bench.finish();
        const auto first = bench.engine.last("generate")->body;
        bench.actions.find(QStringLiteral("chat.regenerate"))->trigger();
        QCOMPARE(bench.engine.count("generate"), 2);
        QVERIFY(bench.engine.last("generate")->body == first);  // the same messages, seed, source
        QCOMPARE(bench.page->session()->path().size(), 2u);
    }
    void theEnginesDeathLosesNothing() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("Kept", 1, 2)});
        bench.engine.die(QStringLiteral("signal 9"));
        QVERIFY(!bench.page->session()->isStreaming());
        const ChatTurn& turn = bench.page->session()->path().back();
        QCOMPARE(QString::fromStdString(turn.message.content), QStringLiteral("Kept"));
        QVERIFY(!turn.error.isEmpty());
        bench.engine.become(EngineState::Ready);
        // a new window finds the conversation with its tokens
        const QString chat = bench.page->session()->currentChat();
        bench.close();
        bench.open();
        QTRY_COMPARE_WITH_TIMEOUT(bench.page->session()->chats().size(), 1u, 5000);
        bench.page->session()->openChat(chat);
        QTRY_COMPARE_WITH_TIMEOUT(bench.page->session()->path().size(), 2u, 5000);
        const ChatTurn& again = bench.page->session()->path().back();
        QCOMPARE(QString::fromStdString(again.message.content), QStringLiteral("Kept"));
        QCOMPARE(again.tokens.size(), 1u);
        QCOMPARE(again.tokens[0].experts[0][0], 1);
    }
    void searchFindsWhatWasSaid() {
        Bench bench;
        bench.say(QStringLiteral("Where do caravans rest"));
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("At an oasis", 1, 2)});
        bench.finish();
        bench.page->session()->newChat();
        bench.say(QStringLiteral("Something else"));
        bench.finish();
        auto* list = bench.page->findChild<QListWidget*>();
        QTRY_COMPARE(list->count(), 3);  // the day and two conversations
        QSignalSpy found(bench.page->session(), &ChatSession::searched);
        bench.page->session()->searchChats(QStringLiteral("oasis"));
        QTRY_COMPARE_WITH_TIMEOUT(found.count(), 1, 5000);
        QCOMPARE(found.at(0).at(0).toStringList().size(), 1);
    }
    void withoutAModelItSaysSo() {
        Bench bench;
        bench.page->setProject(nullptr);
        QVERIFY(!bench.page->mainAction()->isEnabled());
        bench.say(QStringLiteral("Hello"));
        QCOMPARE(bench.engine.count("generate"), 0);
    }
};

CARAVAN_UI_TEST_MAIN(TestChatPage)
#include "tst_chat_page.moc"
