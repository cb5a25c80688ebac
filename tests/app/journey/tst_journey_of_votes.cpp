// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Two models answer side by side without names; votes by mouse and by keyboard, one of them in a new window.
#include <QComboBox>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QSignalSpy>

#include "tests/app/journey/journey_bench.h"
#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/chat_session.h"
#include "ui/pages/chat/compare_column.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/vote_bar.h"
#include "ui/pages/chat/vote_table.h"

using namespace caravan;
using namespace caravan::test;
using namespace caravan::ui;

class TestJourneyOfVotes : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase() { m_bench.close(); }
    void votesByMouseAndKeyboard();

  private:
    [[nodiscard]] ChatPage* page() const { return m_bench.page<ChatPage>("chat"); }
    [[nodiscard]] CompareView* compare() const { return page()->findChild<CompareView*>(); }
    [[nodiscard]] QPlainTextEdit* input() const {
        for (QPlainTextEdit* edit : page()->findChildren<QPlainTextEdit*>())
            if (edit->accessibleName() == QStringLiteral("Message")) return edit;
        return nullptr;
    }
    void ask(const QString& question) {
        input()->setFocus();
        QTest::keyClicks(input(), question);
        QTest::keyClick(input(), Qt::Key_Return);
        QTRY_VERIFY(compare()->hidesNames());
        QTRY_VERIFY_WITH_TIMEOUT(compare()->canVote(), kPatience);
        for (int column = 0; column < 2; ++column)
            QVERIFY(!compare()->column(column)->namesItself());
    }
    JourneyBench m_bench;
};

void TestJourneyOfVotes::initTestCase() {
    if (JourneyBench::engineProgram().isEmpty()) QSKIP("built without an engine; CARAVAN_ENGINE names none");
    m_bench.open();
    QVERIFY(m_bench.engine()->isUsable());
    QStringList models;
    for (const char* name : {"base", "other"}) {
        models << m_bench.path(QLatin1String(name));
        QVERIFY(copyFolder(QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/base-16m"), models.last()));
    }
    m_bench.goTo("models");
    m_bench.drop(models);
    for (const QString& model : models)
        QTRY_VERIFY_WITH_TIMEOUT(m_bench.project()->model(model) != nullptr &&
                                     m_bench.project()->model(model)->status == ModelEntry::Status::Ready,
                                 kPatience);
}

void TestJourneyOfVotes::votesByMouseAndKeyboard() {
    m_bench.goTo("chat");
    m_bench.activate();
    QTest::keyClick(m_bench.window(), Qt::Key_D, Qt::ControlModifier | Qt::ShiftModifier);
    QTRY_VERIFY(compare()->isVisible());
    // The two models of the project, not what was proposed.
    for (int column = 0; column < 2; ++column) {
        QComboBox* box = compare()->column(column)->box();
        const QString wanted = column == 0 ? QStringLiteral("base") : QStringLiteral("other");
        QTRY_VERIFY(box->findText(wanted + QLatin1Char(','), Qt::MatchStartsWith) >= 0);
        box->setFocus();
        for (int tries = 0; tries < box->count() && !box->currentText().startsWith(wanted + QLatin1Char(','));
             ++tries)
            QTest::keyClick(box, tries == 0 ? Qt::Key_Home : Qt::Key_Down);
        QVERIFY2(box->currentText().startsWith(wanted), qPrintable(box->currentText()));
    }
    click(compare()->blindButton());
    QVERIFY(compare()->blindButton()->isChecked());
    QSignalSpy read(page()->session(), &ChatSession::votesRead);
    const auto tally = [](const QSignalSpy& spy) {
        if (spy.isEmpty()) return projects::PairTally{};
        const auto pairs = spy.constLast().at(0).value<std::vector<projects::PairTally>>();
        return pairs.empty() ? projects::PairTally{} : pairs[0];
    };
    ask(QStringLiteral("Add 2 and 3."));
    click(compare()->voteBar()->button(1));
    QTRY_COMPARE_WITH_TIMEOUT(tally(read).votes(), 1, kPatience);
    QCOMPARE(tally(read).firstBetter + tally(read).secondBetter, 1);
    QVERIFY(compare()->column(0)->namesItself());
    ask(QStringLiteral("And 4 more?"));
    QTest::keyClick(input(), Qt::Key_5, Qt::ControlModifier);
    QTRY_COMPARE_WITH_TIMEOUT(tally(read).ties, 1, kPatience);
    ask(QStringLiteral("Write a list."));
    const auto asked = page()->session()->compared();
    const QString chat = page()->session()->currentChat();
    m_bench.openWindow();  // the round was open
    m_bench.goTo("chat");
    QTRY_VERIFY_WITH_TIMEOUT(!page()->session()->chats().empty(), kPatience);
    QListWidget* list = page()->findChild<QListWidget*>();
    QTRY_VERIFY(list != nullptr && list->count() > 0);
    if (page()->session()->currentChat() != chat) {
        for (int row = 0; row < list->count() && page()->session()->currentChat() != chat; ++row)
            QTest::mouseClick(list->viewport(), Qt::LeftButton, {},
                              list->visualItemRect(list->item(row)).center());
    }
    QTRY_VERIFY_WITH_TIMEOUT(compare()->canVote(), kPatience);
    QVERIFY(compare()->isVisible() && !compare()->column(0)->namesItself());
    QCOMPARE(page()->session()->compared(), asked);
    QSignalSpy again(page()->session(), &ChatSession::votesRead);
    m_bench.activate();
    QTest::keyClick(input(), Qt::Key_6, Qt::ControlModifier);
    QTRY_COMPARE_WITH_TIMEOUT(tally(again).votes(), 3, kPatience);
    QCOMPARE(tally(again).bothBad, 1);
    qInfo("Votes: %s", qPrintable(compare()->voteBar()->text()));
    click(compare()->votesButton());
    auto* table = compare()->findChild<VoteTable*>();
    QVERIFY(table != nullptr && table->isVisible());
    QTest::keyClick(table, Qt::Key_Escape);
}

QTEST_MAIN(TestJourneyOfVotes)
#include "tst_journey_of_votes.moc"
