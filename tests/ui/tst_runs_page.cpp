// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QCheckBox>
#include <QComboBox>
#include <QFileInfo>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTableView>
#include <QTest>
#include <QUndoStack>

#include "tests/support/runs_bench.h"
#include "ui/pages/runs/run_differences.h"
#include "ui/pages/runs/run_overlay.h"
#include "widgets/chart_pane.h"
#include "widgets/curve_plot.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"

using namespace caravan;
using namespace caravan::ui;
using test::RunStory;
using Bench = test::RunsBench;

class TestRunsPage : public QObject {
    Q_OBJECT
  public:
    explicit TestRunsPage(test::Sandbox&) {}

  private Q_SLOTS:
    void modelsKeepTheContract() {
        RunsModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        RunsFilter filter;
        filter.setSourceModel(&model);
        QAbstractItemModelTester filterTester(&filter,
                                              QAbstractItemModelTester::FailureReportingMode::QtTest);
        RunDifferences differences;
        QAbstractItemModelTester third(&differences, QAbstractItemModelTester::FailureReportingMode::QtTest);
        RunEntry a, b;
        a.id = QStringLiteral("0001");
        b.id = QStringLiteral("0002");
        a.title = QStringLiteral("narrow");
        b.title = QStringLiteral("zebra");
        a.folder = QStringLiteral("/a");
        b.folder = QStringLiteral("/b");
        model.setRuns({a, b});
        model.setChecked(a.id, true);
        filter.setWords(QStringLiteral("zebra"));
        QCOMPARE(filter.rowCount(), 1);
        differences.setRuns({{a, {}}, {b, {}}});
        model.setRuns({b});
        QVERIFY(model.checked().isEmpty());
        differences.setRuns({});
        model.setRuns({});
    }

    void runsOfOneNameAreToldApart() {
        RunsModel model;
        RunEntry a, b;
        a.id = QStringLiteral("0001");
        b.id = QStringLiteral("0002");
        a.title = b.title = QStringLiteral("narrow");
        a.folder = QStringLiteral("/a");
        b.folder = QStringLiteral("/b");
        model.setRuns({a, b});
        const QModelIndex first = model.index(0, RunsModel::Name), second = model.index(1, RunsModel::Name);
        QCOMPARE(first.data().toString(), QStringLiteral("narrow · 0001"));
        QCOMPARE(second.data().toString(), QStringLiteral("narrow · 0002"));
        QCOMPARE(first.data(Qt::EditRole).toString(), QStringLiteral("narrow"));
        QVERIFY(model.setData(second, QStringLiteral("wide"), Qt::EditRole));
        QCOMPARE(first.data().toString(), QStringLiteral("narrow"));
        QCOMPARE(second.data().toString(), QStringLiteral("wide"));
    }

    // Folders of one name tell themselves by their paths, and names keep their capitals.
    void whatDiffersIsReadable() {
        RunDifferences differences;
        RunEntry a, b;
        a.id = QStringLiteral("0001");
        b.id = QStringLiteral("0002");
        a.recipe.data.files = {{.path = "/here/math.jsonl", .name = "math"}};
        b.recipe.data.files = {{.path = "/there/math.jsonl", .name = "math"}};
        differences.setRuns({{a, {}}, {b, {}}});
        differences.setOnlyDiffering(true);
        QStringList told;
        for (int row = 0; row < differences.rowCount(); ++row)
            told << differences.index(row, 1).data().toString() + QLatin1Char('|') +
                        differences.index(row, 2).data().toString();
        QVERIFY2(told.contains(QStringLiteral("/here/math.jsonl|/there/math.jsonl")),
                 qPrintable(told.join(QLatin1Char('\n'))));
        QVERIFY2(differences.sameWords().contains(QStringLiteral("LoRA rank")),
                 qPrintable(differences.sameWords()));
        QVERIFY(differences.sameWords().contains(QStringLiteral("seed")));
    }

    // A view that told the model of its current row in the midst of that row's removal had left the filter
    // with minus three rows.
    void aNoteThatComesWhileItsWordIsSearchedIsFound() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        auto* search = bench.page->findChild<QLineEdit*>();
        bench.page->table()->setFocus();
        QTest::keyClick(bench.page->table(), Qt::Key_Down);
        QTest::keyClicks(search, QStringLiteral("careful"));
        QCOMPARE(bench.rows(), 0);
        QVector<RunEntry> runs = bench.project->runs();
        runs[1].note = QStringLiteral("the careful rate");
        bench.page->model()->setRuns(runs);  // as rows that changed, without another look at all
        QCOMPARE(bench.rows(), 1);
        search->clear();
        QCOMPARE(bench.rows(), 3);
    }

    void keysAreHintedWhereThereIsARun() {
        Bench bench;
        QTRY_COMPARE(bench.page->keyHints().size(), 2);
        RunsPage empty(Services{&bench.engine, bench.runs.get(), &bench.actions}, nullptr);
        QVERIFY(empty.keyHints().isEmpty());
    }
    void theListTellsWhatRunsAre() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        QCOMPARE(bench.cell(QStringLiteral("0001"), RunsModel::Name), QStringLiteral("base-pesc-4x2"));
        QCOMPARE(bench.cell(QStringLiteral("0001"), RunsModel::Experts), QStringLiteral("4"));
        QCOMPARE(bench.cell(QStringLiteral("0002"), RunsModel::Method), QStringLiteral("Dense QLoRA"));
        QCOMPARE(bench.cell(QStringLiteral("0002"), RunsModel::Experts), QStringLiteral("–"));
        QCOMPARE(bench.cell(QStringLiteral("0002"), RunsModel::Steps), QStringLiteral("20 of 40"));
        const RunStory story;
        QCOMPARE(bench.cell(QStringLiteral("0001"), RunsModel::HeldOut),
                 QString::number(story.evaluation(20).mean, 'f', 3));
        double maxVio = 0;
        for (const float value : story.step(20).maxVio)
            maxVio += value;
        QTRY_COMPARE(bench.cell(QStringLiteral("0001"), RunsModel::MaxVio),
                     QString::number(maxVio / 4, 'f', 2));
        const auto curve = bench.page->model()
                               ->indexOf(QStringLiteral("0001"))
                               .siblingAtColumn(RunsModel::Loss)
                               .data(RunsModel::CurveRole)
                               .value<QVector<double>>();
        QCOMPARE(curve.first(), story.step(1).loss);
        QCOMPARE(curve.last(), story.step(20).loss);
        QVERIFY(bench.cell(QStringLiteral("0002"), RunsModel::MaxVio) == QStringLiteral("–"));
    }

    void searchAndKindNarrowTheList() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        auto* search = bench.page->findChild<QLineEdit*>();
        QTest::keyClicks(search, QStringLiteral("qlora"));
        QCOMPARE(bench.rows(), 1);
        search->setText(QStringLiteral("experts 8"));
        QVERIFY(bench.rows() >= 1);
        search->clear();
        auto* kind = bench.page->findChild<widgets::Segmented*>();
        QCOMPARE(kind->segments().first(), QStringLiteral("All 3"));
        kind->setCurrent(1);
        QCOMPARE(bench.rows(), 0);
        kind->setCurrent(3);
        QCOMPARE(bench.rows(), 3);
    }

    void checkedRunsLieOverEachOther() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        QCOMPARE(bench.page->model()->checked().size(), 3);  // what there is is compared at once
        widgets::CurvePlot* plot = bench.page->overlay()->plot();
        QTRY_COMPARE(plot->curveCount(), 3);
        QTRY_COMPARE(plot->series(0).size(), std::size_t(20));
        bench.page->showRun(QStringLiteral("0001"));
        QCOMPARE(bench.page->model()->checked().first(), QStringLiteral("0001"));
        QTRY_COMPARE(plot->series(0).y(0), RunStory().step(1).loss);
        QVERIFY(plot->curveStyle(0).ink == widgets::CurveInk::Accent);
        QVERIFY(plot->curveStyle(1).dash != plot->curveStyle(2).dash);
        bench.page->table()->setFocus();
        QTest::keyClick(bench.page->table(), Qt::Key_Space);
        QCOMPARE(bench.page->model()->checked().size(), 2);
        QTRY_COMPARE(plot->curveCount(), 2);
        bench.page->overlay()->figureBox()->setCurrentIndex(1);  // held out
        QTRY_COMPARE(plot->series(0).size(), std::size_t(3));
    }

    void onlyWhatDiffersIsListed() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        for (const char* id : {"0001", "0002", "0003"})
            bench.page->model()->setChecked(QString::fromLatin1(id), std::string(id) != "0002");
        QTRY_VERIFY(bench.differing().contains(QStringLiteral("Experts")));
        QVERIFY(!bench.differing().contains(QStringLiteral("Learning rate")));
        bench.page->model()->setChecked(QStringLiteral("0002"), true);
        QVERIFY(bench.differing().contains(QStringLiteral("Method")));
        const int few = bench.page->differences()->rowCount();
        bench.page->findChild<QCheckBox*>()->setChecked(false);
        QVERIFY(bench.page->differences()->rowCount() > few);
        QVERIFY(bench.differing().contains(QStringLiteral("Learning rate")));
        QVERIFY(bench.page->differences()->sameWords().contains(QStringLiteral("base")));
    }

    void namesNotesAndTagsAreKept() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        RunsModel* model = bench.page->model();
        const QModelIndex row = model->indexOf(QStringLiteral("0001"));
        QVERIFY(
            model->setData(row.siblingAtColumn(RunsModel::Name), QStringLiteral("first try"), Qt::EditRole));
        QVERIFY(model->setData(row.siblingAtColumn(RunsModel::Tags), QStringLiteral(" paper, , demo "),
                               Qt::EditRole));
        bench.project->setRunNote(QStringLiteral("0001"), QStringLiteral("does half suffice?"));
        QTRY_COMPARE(bench.project->run(QStringLiteral("0001"))->note, QStringLiteral("does half suffice?"));
        QTRY_COMPARE(bench.project->run(QStringLiteral("0001"))->title, QStringLiteral("first try"));
        QTRY_COMPARE(bench.project->run(QStringLiteral("0001"))->tags,
                     (QStringList{QStringLiteral("paper"), QStringLiteral("demo")}));
        // A second reader of the same folder finds them too.
        ProjectContext again(bench.path(), &bench.engine, bench.runs.get());
        QTRY_VERIFY(again.run(QStringLiteral("0001")) != nullptr);
        QTRY_COMPARE(again.run(QStringLiteral("0001"))->title, QStringLiteral("first try"));
    }

    void namesNotesAndTagsAreUndone() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        const QString id = QStringLiteral("0001"), name = QStringLiteral("first try"),
                      note = QStringLiteral("does half suffice?");
        const auto run = [&] { return *bench.project->run(id); };
        const QString before = run().title;
        RunsModel* model = bench.page->model();
        const QModelIndex row = model->indexOf(id);
        QVERIFY(model->setData(row.siblingAtColumn(RunsModel::Name), name, Qt::EditRole));
        QVERIFY(model->setData(row.siblingAtColumn(RunsModel::Tags), QStringLiteral("paper"), Qt::EditRole));
        bench.project->setRunNote(id, note);
        bench.project->setRunNote(id, note);  // nothing new: nothing to undo
        QUndoStack* undo = bench.project->undoStack();
        QCOMPARE(undo->undoText(), QStringLiteral("Note of first try"));
        QTRY_COMPARE(model->run(id)->note, note);
        undo->undo();
        undo->undo();
        undo->undo();
        QVERIFY(!undo->canUndo());
        QTRY_VERIFY(model->run(id)->note.isEmpty() && model->run(id)->tags.isEmpty());
        QTRY_COMPARE(bench.cell(id, RunsModel::Name), before);
        undo->redo();
        QTRY_COMPARE(bench.cell(id, RunsModel::Name), name);
        // A second reader of the same folder finds what was undone and what was done again.
        QTest::qWait(50);
        ProjectContext again(bench.path(), &bench.engine, bench.runs.get());
        QTRY_VERIFY(again.run(id) != nullptr);
        QCOMPARE(again.run(id)->title, name);
        QVERIFY(again.run(id)->note.isEmpty() && again.run(id)->tags.isEmpty());
    }

    // What runs tell meanwhile waits; one look when the page is shown.
    void aHiddenPageDoesNothing() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        const QString live = bench.project->run(QStringLiteral("0002"))->folder;
        for (const char* id : {"0001", "0002", "0003"})  // what it asked for while it was shown has come
            QTRY_VERIFY(bench.page->model()->facts(QString::fromLatin1(id)) != nullptr);
        bench.page->setActive(false);
        QSignalSpy changes(bench.page->model(), &QAbstractItemModel::dataChanged);
        QSignalSpy resets(bench.page->model(), &QAbstractItemModel::modelReset);
        bench.engine.tellRun(
            live, engine::StateChange{
                      engine::RunState::Stopped, engine::RunState::Running, live.toStdString(), 20, {}});
        RunStory story;
        for (int step = 21; step <= 30; ++step)
            bench.engine.tellRun(live, story.step(step));
        bench.create("0004");
        QTRY_COMPARE(bench.project->runs().size(), 4);
        QTest::qWait(1200);  // longer than between two looks at a live run's figures
        QCOMPARE(changes.size() + resets.size(), 0);
        QCOMPARE(bench.rows(), 3);
        bench.page->setActive(true);
        QCOMPARE(bench.rows(), 4);
        QVERIFY2(bench.cell(QStringLiteral("0002"), RunsModel::State).startsWith(QStringLiteral("Running")),
                 qPrintable(bench.cell(QStringLiteral("0002"), RunsModel::State)));
    }

    void deletingIsUndone() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        bench.page->showRun(QStringLiteral("0002"));
        const QString folder = bench.project->run(QStringLiteral("0002"))->folder;
        bench.page->table()->setFocus();
        bench.actions.find(QStringLiteral("runs.delete"))->trigger();
        QTRY_COMPARE(bench.rows(), 2);
        QVERIFY(!QFileInfo::exists(folder));
        QVERIFY(QFileInfo::exists(bench.path() + QStringLiteral("/trash/0002/metrics.jsonl")));
        auto* message = bench.page->findChild<widgets::MessageBar*>();
        QVERIFY(!message->isHidden());
        message->buttons().first()->click();
        QTRY_COMPARE(bench.rows(), 3);
        QVERIFY(QFileInfo::exists(folder));
        QTRY_COMPARE(bench.cell(QStringLiteral("0002"), RunsModel::Steps), QStringLiteral("20 of 40"));
        QCOMPARE(bench.cell(QStringLiteral("0002"), RunsModel::Method), QStringLiteral("Dense QLoRA"));
        bench.project->undoStack()->redo();
        QTRY_COMPARE(bench.rows(), 2);
        // Undone by the key: the bar does not go on to say that it was deleted.
        bench.project->undoStack()->undo();
        QTRY_COMPARE(bench.rows(), 3);
        bench.page->showRun(QStringLiteral("0002"));
        bench.actions.find(QStringLiteral("runs.delete"))->trigger();
        QTRY_COMPARE(bench.rows(), 2);
        QVERIFY(!message->isHidden());
        bench.project->undoStack()->undo();
        QTRY_VERIFY(message->isHidden());
        QTRY_COMPARE(bench.rows(), 3);
    }

    void duplicateTakesTheSettings() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        bench.page->showRun(QStringLiteral("0003"));
        QSignalSpy links(bench.page.get(), &Page::linkActivated);
        bench.actions.find(QStringLiteral("runs.duplicate"))->trigger();
        QCOMPARE(links.size(), 1);
        QCOMPARE(links[0][0].toString(), QStringLiteral("upcycle"));
        QCOMPARE(bench.project->recipe().upcycle.experts, 8);
        bench.project->undoStack()->undo();
        QVERIFY(bench.project->recipe().tune.samples.empty());
    }

    // At the smallest window no column is out of sight.
    void allColumnsFitTheSmallestWindow() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        bench.page->resize(1290, 678);
        QCoreApplication::processEvents();
        QCOMPARE(bench.page->table()->horizontalScrollBar()->maximum(), 0);
        QVERIFY(bench.page->table()->columnWidth(RunsModel::Name) >= 120);
    }

    void everythingHasAName() {
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        for (QWidget* widget : bench.page->findChildren<QWidget*>()) {
            if (!(widget->focusPolicy() & Qt::TabFocus) || !widget->isVisibleTo(bench.page.get())) continue;
            if (widget->objectName().startsWith(QLatin1String("qt_"))) continue;
            const auto* button = qobject_cast<QAbstractButton*>(widget);
            QVERIFY2(!widget->accessibleName().isEmpty() || (button != nullptr && !button->text().isEmpty()),
                     widget->metaObject()->className());
        }
    }

    void pictures() {
        if (qEnvironmentVariableIsEmpty("CARAVAN_TEST_PICTURES"))
            QSKIP("CARAVAN_TEST_PICTURES names no folder");
        Bench bench;
        QTRY_COMPARE(bench.rows(), 3);
        QTest::qWait(500);
        test::picture(*bench.page, QStringLiteral("runs"));
    }
};

CARAVAN_UI_TEST_MAIN(TestRunsPage)
#include "tst_runs_page.moc"
