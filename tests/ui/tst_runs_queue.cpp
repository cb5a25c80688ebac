// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What becomes of runs: the queue, what follows its end, what the desktop is told, reports and imports.
#include <qfloat16.h>  // what is compared may be JSON, which asks about it

#include <QFileInfo>
#include <QPushButton>
#include <QTableView>
#include <QTest>

#include "tests/support/runs_bench.h"
#include "ui/bridge/run_notifier.h"
#include "ui/pages/runs/queue_bar.h"
#include "widgets/message_bar.h"

using namespace caravan;
using namespace caravan::ui;
using test::RunStory;
using Bench = test::RunsBench;

class TestRunsQueue : public QObject {
    Q_OBJECT
  public:
    explicit TestRunsQueue(test::Sandbox&) {}

  private Q_SLOTS:
    // Two created runs wait; their order is changed by keys and by dragging; it is the project's, not the
    // page's.
    void theQueueIsOrderedAndStarted() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        for (const char* name : {"a", "b"})
            bench.create(name);
        QTRY_COMPARE(bench.rows(), 5);
        QVERIFY(bench.page->queueBar()->isHidden());
        for (const char* name : {"a", "b"}) {
            bench.page->showRun(QString::fromLatin1(name));
            QAction* queue = bench.actions.find(QStringLiteral("runs.queue"));
            QVERIFY(queue->isEnabled());
            queue->trigger();
            QTRY_VERIFY(bench.project->run(QString::fromLatin1(name))->queuePlace >= 0);
        }
        QCOMPARE(bench.waiting(), (QStringList{QStringLiteral("a"), QStringLiteral("b")}));
        QCOMPARE(bench.cell(QStringLiteral("a"), RunsModel::State), QStringLiteral("Queued"));
        QCOMPARE(bench.cell(QStringLiteral("a"), RunsModel::Started), QStringLiteral("next"));
        QVERIFY(!bench.page->queueBar()->isHidden());
        bench.page->showRun(QStringLiteral("b"));
        bench.actions.find(QStringLiteral("runs.up"))->trigger();
        QTRY_COMPARE(bench.waiting(), (QStringList{QStringLiteral("b"), QStringLiteral("a")}));
        // Drag the last row onto the one before it.
        const auto center = [&](const char* id) {
            for (int row = 0; row < bench.rows(); ++row) {
                const QModelIndex index = bench.page->table()->model()->index(row, RunsModel::Name);
                if (index.data(RunsModel::IdRole).toString() == QLatin1String(id))
                    return bench.page->table()->visualRect(index).center();
            }
            return QPoint();
        };
        bench.page->table()->scrollToBottom();
        QWidget* rows = bench.page->table()->viewport();
        QTest::mousePress(rows, Qt::LeftButton, {}, center("a"));
        QTest::mouseMove(rows, center("b"));
        QTest::mouseRelease(rows, Qt::LeftButton, {}, center("b"));
        QTRY_COMPARE(bench.waiting(), (QStringList{QStringLiteral("a"), QStringLiteral("b")}));
        // Another reader of the same folder sees the same order.
        ProjectContext again(bench.path(), &bench.engine, bench.runs.get());
        QTRY_VERIFY(again.run(QStringLiteral("b")) != nullptr);
        QCOMPARE(again.run(QStringLiteral("b"))->queuePlace, 1);
        QVERIFY(bench.page->queueBar()->startButton()->isVisible());
        bench.page->queueBar()->startButton()->click();
        QTRY_COMPARE(bench.engine.count("queue.start"), 1);
        QCOMPARE(bench.engine.last("queue.start")->body["project"], bench.path().toStdString());
        bench.page->showRun(QStringLiteral("a"));
        bench.actions.find(QStringLiteral("runs.unqueue"))->trigger();
        QTRY_COMPARE(bench.waiting(), QStringList{QStringLiteral("b")});
        QCOMPARE(bench.cell(QStringLiteral("a"), RunsModel::State), QStringLiteral("Created"));
    }

    void theEndActionWaitsForTheLastRun() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        bench.create("a");
        QTRY_COMPARE(bench.rows(), 4);
        bench.project->queueRun(QStringLiteral("a"));
        QTRY_COMPARE(bench.waiting(), QStringList{QStringLiteral("a")});
        QStringList done;
        bench.page->setEndDelay(0);
        bench.page->setEndHandler([&](QueueBar::EndAction action, const QString& command) {
            done << QStringLiteral("%1 %2").arg(static_cast<int>(action)).arg(command);
        });
        bench.page->queueBar()->setEndAction(QueueBar::EndAction::Command, QStringLiteral("true"));
        const QString first = bench.project->run(QStringLiteral("0001"))->folder;
        const auto tell = [&](const QString& run, engine::RunState from, engine::RunState to) {
            bench.engine.tellRun(run, engine::StateChange{from, to, run.toStdString(), 3, {}});
        };
        tell(first, engine::RunState::Loading, engine::RunState::Running);
        tell(first, engine::RunState::Running, engine::RunState::Finished);
        QTest::qWait(600);
        QVERIFY(done.isEmpty());  // one waits
        bench.project->unqueueRun(QStringLiteral("a"));
        QTRY_COMPARE(done, QStringList{QStringLiteral("2 true")});
        QCOMPARE(bench.page->queueBar()->endAction(), QueueBar::EndAction::Nothing);  // once
    }

    void theDesktopIsToldWhenARunEnds() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        QStringList notes;
        QVector<double> progress;
        bench.page->notifier()->setSenders(
            [&](const RunNotifier::Note& note) { notes << note.title; },
            [&](double fraction, bool visible) { progress << (visible ? fraction : -1); });
        const QString run = bench.project->run(QStringLiteral("0001"))->folder;
        const auto tell = [&](engine::RunState to, std::optional<engine::Error> reason = {}) {
            bench.engine.tellRun(
                run, engine::StateChange{engine::RunState::Running, to, run.toStdString(), 20, reason});
        };
        tell(engine::RunState::Running);
        bench.runs->setSteps(run, 40);
        QTRY_COMPARE(progress.value(progress.size() - 1), 0.5);
        bench.engine.tellRun(
            run, engine::StateChange{
                     engine::RunState::Running, engine::RunState::Paused, run.toStdString(), 20, {}});
        QTRY_COMPARE(progress.last(), -1.0);  // a bar that stands still would say that it moves
        tell(engine::RunState::Running);
        LiveRun live = bench.runs->live();
        QCOMPARE(RunNotifier::noteOf(live, QStringLiteral("x")).title, QString());
        QTRY_COMPARE(progress.value(progress.size() - 1), 0.5);
        live.state = engine::RunState::Paused;
        QCOMPARE(RunNotifier::noteOf(live, QStringLiteral("x")).title, QString());  // the user did it
        live.reason =
            engine::Error{engine::ErrorCode::LossDiverged, {{"step", "20"}, {"loss", "9"}, {"before", "1"}}};
        QCOMPARE(RunNotifier::noteOf(live, QStringLiteral("x")).title,
                 QStringLiteral("x paused itself at step 20"));
        const bool looked = QApplication::activeWindow() != nullptr;
        tell(engine::RunState::Finished);
        QTRY_COMPARE(progress.last(), -1.0);
        QCOMPARE(notes, looked ? QStringList() : QStringList{QStringLiteral("base-pesc-4x2 has finished")});
    }

    void aReportIsWrittenAsPageAndAsDocument() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        bench.page->showRun(QStringLiteral("0001"));
        const QString html = bench.folder.filePath(QStringLiteral("r.html"));
        const QString pdf = bench.folder.filePath(QStringLiteral("r.pdf"));
        bench.page->exportReport(html);
        bench.page->exportReport(pdf);
        QTRY_VERIFY(QFileInfo::exists(html) && QFileInfo::exists(pdf));
        QFile page(html);
        QVERIFY(page.open(QIODevice::ReadOnly));
        const QByteArray text = page.readAll();
        for (const char* part :
             {"<svg", "base-pesc-4x2", "Ana has 18 apples", "general", "layer 3, expert 3"})
            QVERIFY2(text.contains(part), part);
        QFile document(pdf);
        QVERIFY(document.open(QIODevice::ReadOnly));
        const QByteArray bytes = document.readAll();
        QVERIFY(bytes.startsWith("%PDF-"));
        QVERIFY(bytes.contains("/Subtype /Image"));  // its figures
        QVERIFY(bytes.size() > 5000);
        auto* message = bench.page->findChild<widgets::MessageBar*>();
        QTRY_COMPARE(message->kind(), widgets::MessageBar::Kind::Success);
        bench.page->exportReport(bench.folder.filePath(QStringLiteral("r.doc")));
        QTRY_COMPARE(message->kind(), widgets::MessageBar::Kind::Error);
    }

    void aDroppedRunFolderIsImported() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        QVERIFY(!bench.page->takeDrop({bench.folder.path()}));
        const QString other = test::writeRun(bench.folder.filePath(QStringLiteral("q")), "far", RunStory(),
                                             engine::RunState::Finished);
        QVERIFY(bench.page->takeDrop({other}));
        QTRY_COMPARE(bench.rows(), 4);
        QTRY_COMPARE(bench.cell(QStringLiteral("far"), RunsModel::Steps), QStringLiteral("20 of 40"));
        QVERIFY(QFileInfo::exists(other));
    }
};

CARAVAN_UI_TEST_MAIN(TestRunsQueue)
#include "tst_runs_queue.moc"
