// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Answers of other weights and under other routers: side by side, steered.
#include <QAction>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTest>
#include <QToolButton>
#include "tests/support/chat_bench.h"
#include "ui/pages/chat/chat_controls.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/compare_column.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/markdown_view.h"
#include "ui/pages/chat/message_view.h"
#include "widgets/delta_strip.h"
#include "widgets/token_strip.h"

using namespace caravan;
using namespace caravan::ui;

using test::Bench;
using test::token;

class TestChatAnswers : public QObject {
    Q_OBJECT
  public:
    explicit TestChatAnswers(test::Sandbox&) {}

  private Q_SLOTS:
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
    // A model that gave no word has no answer that could be equal to another's.
    void whereAModelFailedNothingIsSaidToBeEqual_data() {
        QTest::addColumn<int>("failing");
        QTest::addColumn<QString>("means");
        QTest::newRow("the first") << 1 << QStringLiteral("Mean log-probability: -0.25");
        QTest::newRow("the second") << 2 << QStringLiteral("Mean log-probability: -0.25");
        QTest::newRow("both") << 3 << QString();
    }
    void whereAModelFailedNothingIsSaidToBeEqual() {
        QFETCH(int, failing);
        QFETCH(QString, means);
        Bench bench;
        const QString other = bench.folder.filePath(QStringLiteral("other"));
        QDir().mkpath(other);
        bench.project->addModelFolder(other);
        auto* compare = bench.page->findChild<CompareView*>();
        QTRY_VERIFY_WITH_TIMEOUT(compare->column(0)->box()->count() >= 2, 5000);
        bench.actions.find(QStringLiteral("chat.side_by_side"))->trigger();
        bench.say(QStringLiteral("Hello"));
        for (int column = 0; column < 2; ++column) {
            QCOMPARE(bench.engine.count("generate"), column + 1);  // a failure ends no other column
            if ((failing >> column & 1) != 0) {
                bench.engine.finish(
                    bench.engine.last("generate")->id,
                    engine::fail(engine::ErrorCode::DeviceError, {{"device", "CPU"}, {"detail", "x"}}));
                continue;
            }
            bench.engine.tellTokens(bench.engine.last("generate")->id, {token("Two", 1, 2)});
            bench.finish();
        }
        QVERIFY(!bench.session()->isStreaming());
        QCOMPARE(compare->summaryText(), QLatin1Char('\n') + means);
        QCOMPARE(compare->firstDifferent(), -1);
        // The next round, in which both answer, is compared.
        bench.say(QStringLiteral("Again"));
        for (int column = 0; column < 2; ++column) {
            bench.engine.tellTokens(bench.engine.last("generate")->id, {token("Two", 1, 2)});
            bench.finish();
        }
        QVERIFY2(compare->summaryText().startsWith(QStringLiteral("All answers are equal")),
                 qPrintable(compare->summaryText()));
    }
    void oneTokenIsNotSeveral() {
        Bench bench;
        bench.talk(QStringLiteral("Hello"), {token("Yes", 1, 2)});
        const auto shows = [&](const QString& text) {
            for (const QLabel* label : bench.page->findChildren<QLabel*>())
                if (label->text().startsWith(text)) return true;
            return false;
        };
        QVERIFY(shows(QStringLiteral("1 token · 512.5 tokens/s")));
        bench.talk(QStringLiteral("Hello"), {token("Yes", 1, 2), token(" no", 1, 2)});
        QVERIFY(shows(QStringLiteral("2 tokens · 512.5 tokens/s")));
    }
};

CARAVAN_UI_TEST_MAIN(TestChatAnswers)
#include "tst_chat_answers.moc"
