// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Blind votes: names hidden until the vote, by mouse and key, over windows and without a model of theirs.
#include <QAction>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableWidget>
#include <QTest>
#include <QTextDocument>
#include <set>

#include "tests/support/chat_bench.h"
#include "ui/pages/chat/chat_controls.h"
#include "ui/pages/chat/compare_column.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/markdown_view.h"
#include "ui/pages/chat/message_view.h"
#include "ui/pages/chat/vote_bar.h"
#include "ui/pages/chat/vote_table.h"
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

class TestChatVotes : public QObject {
    Q_OBJECT
  public:
    explicit TestChatVotes(test::Sandbox&) {}

  private Q_SLOTS:
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
    void anOpenRoundGoesOnInTheNextWindow() {
        Bench bench;
        auto* compare = bench.page->findChild<CompareView*>();
        askBlindly(bench, compare);
        QVERIFY(compare->canVote());
        const auto asked = bench.session()->compared();
        const QString chat = bench.session()->currentChat();
        // Another conversation, and back.
        bench.session()->newChat();
        QVERIFY(!compare->canVote() && !compare->hidesNames());
        bench.session()->openChat(chat);
        QTRY_VERIFY_WITH_TIMEOUT(compare->canVote(), 5000);
        QCOMPARE(bench.session()->compared(), asked);
        bench.close();
        bench.open();
        compare = bench.page->findChild<CompareView*>();
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->chats().size(), 1u, 5000);
        bench.session()->openChat(chat);
        QTRY_VERIFY_WITH_TIMEOUT(compare->canVote(), 5000);
        QVERIFY(compare->isVisible() && compare->hidesNames());
        QVERIFY(!compare->column(0)->namesItself() && !compare->column(1)->namesItself());
        QCOMPARE(bench.session()->compared(), asked);  // the same answers under the same letters
        bool told = false;
        for (const QLabel* label : bench.page->findChildren<QLabel*>())
            told = told || label->text().contains(QStringLiteral("blind vote of before"));
        QVERIFY(told);
        test::picture(*bench.page, QStringLiteral("chat-round-restored"));
        QSignalSpy read(bench.session(), &ChatSession::votesRead);
        QTest::mouseClick(compare->voteBar()->button(0), Qt::LeftButton);
        const auto votes = [&] {
            if (read.isEmpty()) return std::int64_t{0};
            const auto pairs = read.constLast().at(0).value<std::vector<projects::PairTally>>();
            return pairs.empty() ? 0 : pairs[0].votes();
        };
        QTRY_COMPARE_WITH_TIMEOUT(votes(), 1, 5000);
        QVERIFY(compare->column(0)->namesItself());
        // It was voted on: once is enough.
        bench.close();
        bench.open();
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->chats().size(), 1u, 5000);
        bench.session()->openChat(chat);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.session()->path().empty(), 5000);
        QVERIFY(!bench.page->findChild<CompareView*>()->canVote());
    }
    void aRoundWhoseModelIsGoneIsVotedOnOrEnded() {
        Bench bench;
        auto* compare = bench.page->findChild<CompareView*>();
        askBlindly(bench, compare);
        const auto asked = bench.session()->compared();
        const QString chat = bench.session()->currentChat(),
                      gone = bench.folder.path();  // one of the two
        const auto asks = [&] {
            const auto chosen = compare->chosen();
            return std::any_of(chosen.begin(), chosen.end(), [&](const ChatSource& source) {
                return QString::fromStdString(source.source.path) == gone;
            });
        };
        QVERIFY(asks());
        QVERIFY(!compare->voteBar()->text().contains(QStringLiteral("project")));
        bench.project->removeModelFolder(gone);
        QTRY_VERIFY2(compare->voteBar()->text().contains(QStringLiteral("Not in the project any more")),
                     qPrintable(compare->voteBar()->text()));
        QVERIFY(compare->canVote() && !compare->column(0)->namesItself());
        // The next window knows of it, too, and does not wait for what never comes.
        bench.close();
        bench.open();
        compare = bench.page->findChild<CompareView*>();
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->chats().size(), 1u, 5000);
        bench.session()->openChat(chat);
        QTRY_VERIFY_WITH_TIMEOUT(compare->canVote(), 5000);
        QCOMPARE(bench.session()->compared(), asked);
        QTRY_VERIFY(compare->voteBar()->text().contains(QStringLiteral("Not in the project any more")));
        QVERIFY(compare->voteBar()->endButton()->isVisible());
        test::picture(*bench.page, QStringLiteral("chat-round-gone"));
        // Its name is still known when names are shown, and what is left can be asked.
        QTest::mouseClick(compare->voteBar()->endButton(), Qt::LeftButton);
        QVERIFY(!compare->canVote() && compare->column(0)->namesItself());
        QStringList shown;
        for (int column = 0; column < 2; ++column)
            shown << compare->column(column)->box()->placeholderText();
        QCOMPARE(shown.filter(QStringLiteral("not in the project")).size(), 1);
        QVERIFY(compare->chosen().size() == 1 && !asks());
        QVERIFY(!bench.actions.find(QStringLiteral("chat.vote_end"))->isEnabled());
        // Ended is ended.
        bench.session()->newChat();
        bench.session()->openChat(chat);
        QTRY_VERIFY_WITH_TIMEOUT(!bench.session()->path().empty(), 5000);
        QVERIFY(!compare->canVote());
        // A model that comes back is asked again.
        bench.project->addModelFolder(gone);
        QTRY_VERIFY_WITH_TIMEOUT(compare->chosen().size() == 2 && asks(), 5000);
    }
};

CARAVAN_UI_TEST_MAIN(TestChatVotes)
#include "tst_chat_votes.moc"
