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

#include "projects/run_catalogue.h"
#include "tests/support/run_fixture.h"
#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/bridge/run_notifier.h"
#include "ui/pages/runs/run_differences.h"
#include "ui/pages/runs/run_overlay.h"
#include "ui/pages/runs/runs_page.h"
#include "ui/project_context.h"
#include "widgets/chart_pane.h"
#include "widgets/curve_plot.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"

using namespace caravan;
using namespace caravan::ui;
using test::RunStory;

namespace {

struct Bench {
    QTemporaryDir folder;
    FakeEngineLink engine;
    std::unique_ptr<RunController> runs;
    ActionRegistry actions;
    std::unique_ptr<ProjectContext> project;
    std::unique_ptr<RunsPage> page;

    Bench() {
        RunStory sparse, dense, wide;
        dense.sparse = false;
        wide.experts = 8;
        test::writeRun(path(), "0001", sparse, engine::RunState::Finished);
        test::writeRun(path(), "0002", dense, engine::RunState::Stopped);
        test::writeRun(path(), "0003", wide, engine::RunState::Finished);
        test::answerNoRuns(engine);
        test::answerModels(engine);
        test::answerPlans(engine);
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
    ~Bench() {
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

}  // namespace

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
        QCOMPARE(bench.project->run(QStringLiteral("0001"))->title, QStringLiteral("first try"));
        QCOMPARE(bench.project->run(QStringLiteral("0001"))->tags,
                 (QStringList{QStringLiteral("paper"), QStringLiteral("demo")}));
        // A second reader of the same folder finds them too.
        ProjectContext again(bench.path(), &bench.engine, bench.runs.get());
        QTRY_VERIFY(again.run(QStringLiteral("0001")) != nullptr);
        QCOMPARE(again.run(QStringLiteral("0001"))->title, QStringLiteral("first try"));
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
