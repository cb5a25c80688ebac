// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTableWidget>
#include <QTest>
#include <QTextBlock>
#include <QToolButton>
#include <cmath>
#include <set>

#include "tests/support/chat_bench.h"
#include "ui/pages/chat/chat_controls.h"
#include "ui/pages/chat/chat_origin.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/compare_column.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/markdown_view.h"
#include "ui/pages/chat/message_view.h"
#include "ui/pages/chat/next_token_view.h"
#include "ui/pages/chat/token_inspector.h"
#include "ui/pages/chat/vote_bar.h"
#include "ui/pages/chat/vote_table.h"
#include "ui/shell/surface.h"
#include "widgets/delta_strip.h"
#include "widgets/heat_map.h"
#include "widgets/theme_colors.h"
#include "widgets/token_strip.h"

using namespace caravan;
using namespace caravan::ui;

using test::Bench;
using test::token;

// Two models answer "Hello" blindly; which of them is in which column is left to chance.
static void askBlindly(Bench& bench, CompareView* compare) {
    const QString other = bench.folder.filePath(QStringLiteral("other"));
    QDir().mkpath(other);
    bench.project->addModelFolder(other);
    QTRY_VERIFY_WITH_TIMEOUT(compare->column(0)->box()->count() >= 2, 5000);
    bench.actions.find(QStringLiteral("chat.side_by_side"))->trigger();
    compare->blindButton()->setChecked(true);
    bench.say(QStringLiteral("Hello"));
    for (const char* text : {" first", " second"}) {
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("The", 1, 2), token(text, 1, 2)});
        bench.finish();
    }
    QVERIFY(!bench.session()->isStreaming());
}

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
    void aPinnedConversationStaysOnTop() {
        Bench bench;
        bench.talk(QStringLiteral("First"), {token("One", 3, 5)});
        QAction* pin = bench.actions.find(QStringLiteral("chat.pin"));
        pin->trigger();
        QVERIFY(bench.session()->chat().pinned);
        QVERIFY(pin->isChecked());
        bench.session()->newChat();
        QVERIFY(!pin->isEnabled() && !pin->isChecked());
        bench.talk(QStringLiteral("Second"), {token("Two", 3, 5)});
        QVERIFY(!pin->isChecked());
        const auto rows = [&] {
            auto* list = bench.page->findChild<QListWidget*>();
            QStringList texts;
            for (int i = 0; i < list->count(); ++i)
                texts.push_back(list->item(i)->text());
            return texts.join(QLatin1Char('|'));
        };
        QCOMPARE(rows(), QStringLiteral("Pinned|First|Today|Second"));
        bench.close();
        bench.open();
        QTRY_COMPARE_WITH_TIMEOUT(rows(), QStringLiteral("Pinned|First|Today|Second"), 5000);
        bench.page->session()->setPinned(QString::fromStdString(bench.session()->chats().front().id), false);
        QCOMPARE(rows(), QStringLiteral("Today|Second|First"));
    }
    void anyMessageBranchesOffAsANewConversation() {
        Bench bench;
        bench.talk(QStringLiteral("First"), {token("One", 3, 5)});
        bench.talk(QStringLiteral("Second"), {token("Two", 3, 5)});
        const QString old = bench.session()->currentChat();
        auto* origin = bench.page->findChild<ChatOrigin*>();
        QVERIFY(origin->isHidden());
        QTest::mouseClick(bench.view()->message(1)->branchButton(), Qt::LeftButton);
        const QString fresh = bench.session()->currentChat();
        QVERIFY(fresh != old);
        QCOMPARE(bench.session()->path().size(), 2u);
        QCOMPARE(bench.view()->message(1)->strip()->plainText(), QStringLiteral("One"));
        QCOMPARE(origin->text(), QStringLiteral("Branched from First"));
        // It goes on for itself, and its origin is as it was.
        bench.talk(QStringLiteral("Third"), {token("Three", 3, 5)});
        QCOMPARE(bench.engine.last("generate")->body["messages"].size(), 3u);
        bench.close();
        bench.open();
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->chats().size(), 2u, 5000);
        bench.session()->openChat(fresh);
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->path().size(), 4u, 5000);
        QCOMPARE(bench.session()->path()[1].tokens.size(), 1u);
        origin = bench.page->findChild<ChatOrigin*>();
        test::picture(*bench.page, QStringLiteral("chat-branched"));
        QTest::mouseClick(origin->link(), Qt::LeftButton);
        QCOMPARE(bench.session()->currentChat(), old);
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->path().size(), 4u, 5000);
        QCOMPARE(QString::fromStdString(bench.session()->path()[3].message.content), QStringLiteral("Two"));
        // Its origin's name stays when that is deleted.
        bench.session()->openChat(fresh);
        bench.session()->removeChat(old);
        QTRY_VERIFY_WITH_TIMEOUT(origin->text().contains(QStringLiteral("“First”, which was deleted")), 5000);
    }
    void aQuestionThatBranchedOffIsAnswered() {
        Bench bench;
        bench.talk(QStringLiteral("First"), {token("One", 3, 5)});
        bench.talk(QStringLiteral("Second"), {token("Two", 3, 5)});
        bench.session()->branchOff(2);
        QCOMPARE(bench.session()->path().size(), 3u);
        auto* answer = bench.view()->message(2)->regenerateButton();
        QCOMPARE(answer->text(), QStringLiteral("Answer"));
        QTRY_VERIFY(answer->isVisible());
        QTest::mouseClick(answer, Qt::LeftButton);
        const auto messages = bench.engine.last("generate")->body["messages"];
        QCOMPARE(messages.size(), 3u);
        QCOMPARE(messages[2]["content"].get<std::string>(), std::string("Second"));
        bench.finish();
        QCOMPARE(bench.session()->path().size(), 4u);
    }
    void anExpertIsMutedForcedAndBiasedFromThePanel() {
        Bench bench;
        bench.talk(QStringLiteral("Hello"), {token("Two", 3, 5), token(" words", 1, 2)});
        QCOMPARE(bench.steer()->model().experts, 8);
        QCOMPARE(bench.steer()->model().active, 2);
        bench.named<QToolButton>(QStringLiteral("Mute expert 3"))->click();
        bench.named<QDoubleSpinBox>(QStringLiteral("Bias of expert 1"))->setValue(1.5);
        bench.named<QSpinBox>(QStringLiteral("Active experts for each token"))->setValue(3);
        const engine::RouterChange& change = bench.session()->change();
        QCOMPARE(change.steer.size(), 2u);
        QCOMPARE(change.steer[0].layer, 0);
        QCOMPARE(change.steer[0].expert, 3);
        QVERIFY(change.steer[0].use == engine::SteerExpert::Use::Mute);
        QCOMPARE(change.steer[1].bias, 1.5);
        QCOMPARE(change.activeExperts.value_or(0), 3);
        // Regenerate: the same question and seed, with the change; the old answer stays beside the new one.
        const auto before = bench.engine.last("generate")->body;
        bench.page->findChild<SteerPanel*>()->regenerate();
        const auto after = bench.engine.last("generate")->body;
        QVERIFY(before["messages"] == after["messages"]);
        QVERIFY(before["options"]["seed"] == after["options"]["seed"]);
        QCOMPARE(after["options"]["steer"].size(), 2u);
        QCOMPARE(after["options"]["steer"][0]["use"].get<std::string>(), std::string("mute"));
        QCOMPARE(after["options"]["active_experts"].get<int>(), 3);
        engine::TokenEvent two = token("Two", 5, 2);
        two.id = 103;  // the same token, less probable
        two.logprob = -1.25;
        bench.engine.tellTokens(bench.engine.last("generate")->id, {two, token(" others", 6, 2)});
        bench.finish();
        MessageView* view = bench.view()->message(1);
        QCOMPARE(view->branchText(), QStringLiteral("2 of 2"));
        QVERIFY(view->deltas() != nullptr && !view->deltas()->isHidden());
        QCOMPARE(view->deltas()->count(), 1);  // up to the first different token
        QCOMPARE(view->deltas()->delta(0), -1.0);
        // Reset: the next answer is asked without any change.
        bench.steer()->setChange({});
        Q_EMIT bench.steer()->changed();
        QVERIFY(bench.session()->change().none());
    }
    void whatMutingWouldChangeIsMeasured() {
        Bench bench;
        bench.talk(QStringLiteral("Hello"), {token("Two", 3, 5), token(" words", 1, 2)});
        bench.engine.answer("score", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
            const auto request = body.get<engine::ScoreRequest>();
            engine::AnswerScore score;
            for (std::size_t i = 0; i < request.changes.size(); ++i)
                score.logprobs.push_back({-0.25 - 0.5 * static_cast<double>(i), -0.25});
            return nlohmann::json(score);
        });
        bench.named<QToolButton>(QStringLiteral("Mute expert 3"))->click();
        Q_EMIT bench.steer()->measure();
        const auto asked = bench.engine.last("score")->body.get<engine::ScoreRequest>();
        QCOMPARE(asked.answer, (std::vector<std::int32_t>{103, 101}));
        QCOMPARE(asked.changes.size(), 10u);  // as written, as set now, each of 8 experts muted
        QVERIFY(asked.changes[0].none());
        QCOMPARE(asked.changes[1].steer[0].expert, 3);
        QCOMPARE(asked.changes[9].steer[0].expert, 7);
        QCOMPARE(asked.changes[9].steer[0].layer, 0);
        MessageView* view = bench.view()->message(1);
        QTRY_VERIFY(view->deltas() != nullptr);
        QCOMPARE(view->deltas()->delta(0), -0.5);
        QCOMPARE(view->deltas()->delta(1), 0.0);
        QCOMPARE(view->deltas()->largest(), 0);
        auto* strip = view->strip();
        QTRY_VERIFY(strip->width() > 100);
        QTest::mouseClick(strip, Qt::LeftButton, {}, strip->tokenRect(0).center());
        QVERIFY2(bench.steer()->rowText(1).endsWith(QStringLiteral("−1.50 −0.750")),
                 qPrintable(bench.steer()->rowText(1)));
        test::picture(*bench.page, QStringLiteral("chat-steer"));
        // Another change makes what was measured old.
        bench.named<QToolButton>(QStringLiteral("Force expert 2"))->click();
        QVERIFY(view->deltas()->isStale());
    }
    void whatCannotWorkTogetherIsSaidBeforeItIsAsked() {
        Bench bench;
        bench.talk(QStringLiteral("Hello"), {token("Two", 3, 5)});
        bench.input()->setPlainText(QStringLiteral("More"));
        QVERIFY(bench.page->mainAction()->isEnabled());
        for (int expert = 0; expert < 7; ++expert)
            bench.named<QToolButton>(QStringLiteral("Mute expert %1").arg(expert))->click();
        QVERIFY2(bench.steer()->problem().contains(QStringLiteral("7 of 8 experts are muted")),
                 qPrintable(bench.steer()->problem()));
        QVERIFY(!bench.page->mainAction()->isEnabled());
        bench.named<QSpinBox>(QStringLiteral("Active experts for each token"))->setValue(1);
        QVERIFY(bench.steer()->problem().isEmpty());
        QVERIFY(bench.page->mainAction()->isEnabled());
    }
    void anEditedQuestionKeepsTheOldOne() {
        Bench bench;
        bench.talk(QStringLiteral("First"), {token("One", 3, 5)});
        bench.talk(QStringLiteral("Second"), {token("Two", 3, 5)});
        MessageView* question = bench.view()->message(0);
        QTest::mouseClick(question->editButton(), Qt::LeftButton);
        QCOMPARE(question->editor()->toPlainText(), QStringLiteral("First"));
        question->editor()->setPlainText(QStringLiteral("Otherwise"));
        Q_EMIT question->edited(question->editor()->toPlainText());
        QCOMPARE(bench.engine.last("generate")->body["messages"].size(), 1u);
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("Three", 1, 2)});
        bench.finish();
        QCOMPARE(bench.session()->path().size(), 2u);
        QCOMPARE(bench.view()->message(0)->branchText(), QStringLiteral("2 of 2"));
        bench.view()->message(0)->stepBranch(-1);
        QCOMPARE(bench.session()->path().size(), 4u);
        QCOMPARE(QString::fromStdString(bench.session()->path()[3].message.content), QStringLiteral("Two"));
        // The chosen branch is there again in a new window.
        const QString chat = bench.session()->currentChat();
        bench.close();
        bench.open();
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->chats().size(), 1u, 5000);
        bench.session()->openChat(chat);
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->path().size(), 4u, 5000);
        bench.session()->choose(bench.session()->tree().siblings(1)[1]);
        QCOMPARE(QString::fromStdString(bench.session()->path()[1].message.content), QStringLiteral("Three"));
    }
    void withoutColorsAnAnswerIsMarkdown() {
        Bench bench;
        bench.talk(QStringLiteral("Code?"), {token("Use **this**:\n\n```python\n", 3, 5),
                                             token("def f(n):\n    return n\n```\n", 1, 2),
                                             token("<b>no</b> ![x](file:///etc/passwd)", 1, 2)});
        MessageView* view = bench.view()->message(1);
        QVERIFY(view->markdown() == nullptr);
        bench.view()->setColored(false);
        QVERIFY(view->strip()->isHidden());
        QTextDocument* document = view->markdown()->document();
        const QString text = document->toPlainText();
        QVERIFY2(text.contains(QStringLiteral("Use this:")), qPrintable(text));
        QVERIFY(text.contains(QStringLiteral("<b>no</b>")));  // HTML is text
        bool code = false;
        for (QTextBlock block = document->begin(); block.isValid(); block = block.next())
            if (block.text().contains(QStringLiteral("    return n"))) {
                code = block.begin().fragment().charFormat().font().family() ==
                       widgets::textFont(widgets::TextRole::Code).family();
            }
        QVERIFY2(code, qPrintable(text));
        bench.view()->setColored(true);
        QVERIFY(!view->strip()->isHidden());
        QVERIFY(view->markdown()->isHidden());
    }
    void severalModelsAnswerSideBySide() {
        Bench bench;
        const QString other = bench.folder.filePath(QStringLiteral("other"));
        QDir().mkpath(other);
        bench.project->addModelFolder(other);
        auto* compare = bench.page->findChild<CompareView*>();
        QTRY_VERIFY_WITH_TIMEOUT(compare->column(0)->box()->count() >= 2, 5000);
        bench.actions.find(QStringLiteral("chat.side_by_side"))->trigger();
        QVERIFY(bench.page->mode() == ChatPage::Mode::Compare);
        QCOMPARE(compare->columns(), 2);
        const auto sources = compare->chosen();
        QCOMPARE(sources.size(), 2u);
        QVERIFY(!(sources[0] == sources[1]));
        bench.say(QStringLiteral("Hello"));
        const auto first = bench.engine.last("generate")->body;
        bench.engine.tellTokens(bench.engine.last("generate")->id,
                                {token("Same", 1, 2), token(" left", 1, 2)});
        bench.finish();
        QCOMPARE(bench.engine.count("generate"), 2);  // the second column is asked when the first has ended
        const auto second = bench.engine.last("generate")->body;
        QVERIFY(first["messages"] == second["messages"]);
        QVERIFY(first["options"] == second["options"]);
        QVERIFY(first["source"]["path"] != second["source"]["path"]);
        bench.engine.tellTokens(bench.engine.last("generate")->id,
                                {token("Same", 1, 2), token(" right", 1, 2)});
        QCOMPARE(compare->column(1)->view()->strip()->plainText(), QStringLiteral("Same right"));
        bench.finish();
        QVERIFY(!bench.session()->isStreaming());
        QCOMPARE(compare->column(0)->view()->strip()->plainText(), QStringLiteral("Same left"));
        QCOMPARE(compare->firstDifferent(), 1);
        QCOMPARE(compare->column(0)->view()->strip()->mark(), 1);
        QVERIFY2(compare->summaryText().contains(QStringLiteral("-0.25 | -0.25")),
                 qPrintable(compare->summaryText()));
        test::picture(*bench.page, QStringLiteral("chat-compare"));
        // Both are branches of the question; the conversation goes on with the chosen one.
        Q_EMIT compare->column(0)->goOn(compare->column(0)->message());
        bench.actions.find(QStringLiteral("chat.side_by_side"))->trigger();
        QCOMPARE(bench.view()->message(1)->branchText(), QStringLiteral("1 of 2"));
        QCOMPARE(bench.view()->message(1)->strip()->plainText(), QStringLiteral("Same left"));
    }
    void namesAreHiddenUntilTheVote() {
        Bench bench;
        auto* compare = bench.page->findChild<CompareView*>();
        askBlindly(bench, compare);
        QVERIFY(compare->hidesNames() && compare->canVote());
        const auto note = [&] {
            auto* list = bench.page->findChild<QListWidget*>();
            return list->item(1)->data(Qt::UserRole + 1).toString();
        };
        for (int i = 0; i < 2; ++i) {
            QVERIFY(!compare->column(i)->namesItself());
            // Nor do colors or experts tell who answered.
            for (int t = 0; t < compare->column(i)->view()->strip()->count(); ++t)
                QCOMPARE(compare->column(i)->view()->strip()->token(t).expert, -1);
        }
        QVERIFY(!note().contains(QStringLiteral("mixture")));
        QVERIFY(bench.page->findChild<ExpertLegend*>()->isHidden() ||
                !bench.page->findChild<ExpertLegend*>()->isVisible());
        for (QLabel* label : bench.page->findChildren<QLabel*>())
            if (label->isVisible())
                QVERIFY2(!label->text().contains(QStringLiteral("tokens/s")) &&
                             !label->text().contains(QStringLiteral("mixture")),
                         qPrintable(label->text()));
        QCOMPARE(compare->column(0)->view()->markdown()->document()->toPlainText(),
                 QStringLiteral("The first"));
        test::picture(*bench.page, QStringLiteral("chat-blind"));
        const auto asked = bench.session()->compared();
        QTest::mouseClick(compare->voteBar()->button(1), Qt::LeftButton);
        QVERIFY(!compare->hidesNames());
        QVERIFY(compare->column(0)->namesItself());
        QVERIFY(note().contains(QStringLiteral("mixture")));
        QCOMPARE(bench.session()->path().back().message.id, asked[1]);  // it goes on with the better one
        QTRY_VERIFY2_WITH_TIMEOUT(
            compare->voteBar()->text().contains(QStringLiteral("A better 0, B better 1, ties 0, both bad 0")),
            qPrintable(compare->voteBar()->text()), 5000);
        test::picture(*bench.page, QStringLiteral("chat-voted"));
        QVERIFY(compare->votesButton()->isVisible());
        QTest::mouseClick(compare->votesButton(), Qt::LeftButton);
        auto* table = compare->findChild<VoteTable*>();
        QVERIFY(table != nullptr);
        QCOMPARE(table->table()->rowCount(), 1);
        QCOMPARE(table->table()->item(0, 2)->text().toInt() + table->table()->item(0, 3)->text().toInt(), 1);
        QCOMPARE(table->table()->item(0, 0)->text() == compare->column(1)->source().words,
                 table->table()->item(0, 2)->text() == "1");
        test::picture(*table, QStringLiteral("chat-votes"));
        table->reject();
        // It is there again in a new window.
        bench.close();
        bench.open();
        QSignalSpy read(bench.session(), &ChatSession::votesRead);
        bench.session()->readVotes();
        QTRY_COMPARE_WITH_TIMEOUT(read.count(), 1, 5000);
        const auto pairs = read.at(0).at(0).value<std::vector<projects::PairTally>>();
        QCOMPARE(pairs.size(), 1u);
        QCOMPARE(pairs[0].votes(), 1);
    }
    void fourAnswersAreVotedOn() {
        Bench bench;
        for (const char* name : {"second", "third", "fourth"}) {
            QDir().mkpath(bench.folder.filePath(QLatin1String(name)));
            bench.project->addModelFolder(bench.folder.filePath(QLatin1String(name)));
        }
        auto* compare = bench.page->findChild<CompareView*>();
        QTRY_VERIFY_WITH_TIMEOUT(compare->column(0)->box()->count() >= 4, 5000);
        bench.actions.find(QStringLiteral("chat.side_by_side"))->trigger();
        for (QPushButton* more : compare->findChildren<QPushButton*>())
            if (more->text() == QStringLiteral("Add column"))
                for (int i = 0; i < 2; ++i)
                    more->click();
        QCOMPARE(compare->columns(), 4);
        compare->blindButton()->setChecked(true);
        bench.say(QStringLiteral("Hello"));
        for (const char* text : {"One", "Two", "Three", "Four"}) {
            QVERIFY(!compare->canVote());
            bench.engine.tellTokens(bench.engine.last("generate")->id, {token(text, 1, 2)});
            bench.finish();
        }
        QVERIFY(compare->canVote());
        bench.page->resize(1290, 668);
        QCOMPARE(bench.page->width(), 1290);  // columns scroll, the window does not grow
        test::picture(*bench.page, QStringLiteral("chat-blind-four"));
        QSignalSpy read(bench.session(), &ChatSession::votesRead);
        bench.actions.find(QStringLiteral("chat.vote_d"))->trigger();
        const auto pairs = [&] {
            return read.isEmpty() ? std::vector<projects::PairTally>{}
                                  : read.constLast().at(0).value<std::vector<projects::PairTally>>();
        };
        QTRY_COMPARE_WITH_TIMEOUT(pairs().size(), 3u, 5000);  // the fourth against each of the others
        for (const projects::PairTally& pair : pairs())
            QCOMPARE(pair.firstBetter + pair.secondBetter, 1);
        QCOMPARE(bench.page->width(), 1290);
        test::picture(*bench.page, QStringLiteral("chat-voted-four"));
    }
    void aVoteIsGivenByKeyboard() {
        Bench bench;
        auto* compare = bench.page->findChild<CompareView*>();
        QAction* tie = bench.actions.find(QStringLiteral("chat.vote_tie"));
        QVERIFY(!tie->isEnabled());
        askBlindly(bench, compare);
        QVERIFY(tie->isEnabled());
        QVERIFY(!bench.actions.find(QStringLiteral("chat.vote_c"))->isEnabled());  // two answers
        QCOMPARE(tie->shortcut(), QKeySequence(Qt::CTRL | Qt::Key_5));
        QSignalSpy read(bench.session(), &ChatSession::votesRead);
        bench.page->addAction(tie);  // as the window does
        QTest::keyClick(bench.input(), Qt::Key_5, Qt::ControlModifier);
        QVERIFY(!compare->canVote());
        QVERIFY(!tie->isEnabled());
        const auto ties = [&] {
            if (read.isEmpty()) return std::int64_t{0};
            const auto pairs = read.constLast().at(0).value<std::vector<projects::PairTally>>();
            return pairs.empty() ? 0 : pairs[0].ties;
        };
        QTRY_COMPARE_WITH_TIMEOUT(ties(), 1, 5000);
    }
    void aRoundThatWasNotWholeOrWasSeenIsNoVote() {
        Bench bench;
        auto* compare = bench.page->findChild<CompareView*>();
        askBlindly(bench, compare);
        bench.actions.find(QStringLiteral("chat.side_by_side"))->trigger();  // names who answered
        QVERIFY(!compare->canVote());
        bench.actions.find(QStringLiteral("chat.side_by_side"))->trigger();
        QVERIFY(!compare->canVote() && compare->column(0)->namesItself());
        // One of the two cannot answer.
        bench.say(QStringLiteral("Again"));
        QVERIFY(compare->hidesNames());
        bench.engine.finish(bench.engine.last("generate")->id,
                            engine::fail(engine::ErrorCode::Interrupted, {}));
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("Fine", 1, 2)});
        bench.finish();
        QVERIFY(!compare->hidesNames() && !compare->canVote());
        // Another conversation ends a round, and what waited is not asked in that one.
        bench.say(QStringLiteral("Once more"));
        const int count = bench.engine.count("generate");
        bench.session()->newChat();
        bench.engine.finish(bench.engine.last("generate")->id,
                            engine::fail(engine::ErrorCode::Interrupted, {}));
        QVERIFY(!bench.session()->isStreaming() && !compare->hidesNames());
        bench.actions.find(QStringLiteral("chat.side_by_side"))->trigger();
        bench.talk(QStringLiteral("New"), {token("Yes", 1, 2)});
        QCOMPARE(bench.engine.count("generate"), count + 1);
    }
    void whoIsAskedFirstIsLeftToChance() {
        Bench bench;
        auto* compare = bench.page->findChild<CompareView*>();
        askBlindly(bench, compare);
        std::set<std::string> firsts;
        for (int i = 0; i < 60 && firsts.size() < 2; ++i)
            firsts.insert(compare->begin().front().source.path);
        QCOMPARE(firsts.size(), 2u);  // fails once in 2^59 by chance
    }
    void theNextTokenOfAnyTextIsShownAndAppended() {
        Bench bench;
        bench.actions.find(QStringLiteral("chat.next_token"))->trigger();
        auto* next = bench.page->findChild<NextTokenView*>();
        next->input()->setPlainText(QStringLiteral("2 + 3 ="));
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("generate"), 1, 5000);
        const auto body = bench.engine.last("generate")->body;
        QVERIFY(body["options"]["raw"].get<bool>());
        QCOMPARE(body["options"]["max_tokens"].get<int>(), 1);
        QCOMPARE(QString::fromStdString(body["messages"][0]["content"]), QStringLiteral("2 + 3 ="));
        engine::TokenEvent t = token(" 5", 1, 2);
        t.alternatives = {
            {1, " 5", std::log(0.5)}, {2, " 6", std::log(0.25)}, {3, "<0xE2>", std::log(0.125)}};
        bench.engine.tellTokens(bench.engine.last("generate")->id, {t});
        QCOMPARE(next->table()->rowCount(), 3);
        QCOMPARE(next->table()->item(1, 1)->text(), QStringLiteral("25.00 %"));
        next->take(0);
        QCOMPARE(next->input()->toPlainText(), QStringLiteral("2 + 3 = 5"));
        next->take(2);  // a part of a character is no text
        QCOMPARE(next->input()->toPlainText(), QStringLiteral("2 + 3 = 5"));
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("generate"), 2, 5000);
    }
    void aConversationIsWrittenAsMarkdownAndJson() {
        Bench bench;
        QVERIFY(!bench.actions.find(QStringLiteral("chat.export_json"))->isEnabled());
        bench.talk(QStringLiteral("Hello"), {token("Old", 3, 5)});
        bench.session()->regenerate();
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("New", 3, 5)});
        bench.finish();
        QVERIFY(bench.actions.find(QStringLiteral("chat.export_json"))->isEnabled());
        const auto read = [&](const QString& name, bool json) {
            const QString path = bench.folder.filePath(name);
            bench.page->writeExport(path, json);
            [&] { QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(path), 5000); }();
            QFile file(path);
            return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
        };
        const QByteArray markdown = read(QStringLiteral("c.md"), false);
        QVERIFY2(markdown.startsWith("# Hello\n\n## Question\n\nHello\n\n## Answer ("), markdown.constData());
        QVERIFY(markdown.contains("New") && !markdown.contains("Old"));
        const auto json = nlohmann::json::parse(read(QStringLiteral("c.json"), true).toStdString());
        QCOMPARE(json["messages"].size(), 3u);  // the branch that is not shown, too
        QCOMPARE(json["messages"][1]["tokens"][0]["text"].get<std::string>(), std::string("Old"));
        QVERIFY(!json.contains("origin"));
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
