// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QClipboard>
#include <QComboBox>
#include <QDockWidget>
#include <QListView>
#include <QMenu>
#include <QPushButton>
#include <QSignalSpy>
#include <QSlider>
#include <QTest>
#include <QToolButton>

#include "projects/power_file.h"
#include "tests/support/tune_bench.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/tune/alarm_text.h"
#include "ui/pages/tune/live_routing.h"
#include "ui/pages/tune/run_progress.h"
#include "ui/pages/tune/samples_table.h"
#include "ui/pages/tune/samples_view.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/project_context.h"
#include "ui/run_history.h"
#include "widgets/curve_plot.h"
#include "widgets/heat_map.h"
#include "widgets/message_bar.h"

using namespace caravan;
using namespace caravan::ui;
using test::RunStory;
using Bench = test::TuneBench;

class TestTunePage : public QObject {
    Q_OBJECT
  public:
    explicit TestTunePage(test::Sandbox&) {}

  private Q_SLOTS:
    void emptyOffersARun() {
        Bench bench;
        bench.open();
        QSignalSpy links(bench.page.get(), &Page::linkActivated);
        QPushButton* fresh = bench.button(QStringLiteral("New run"));
        QVERIFY(fresh != nullptr && fresh->isVisible());
        fresh->click();
        QCOMPARE(links.size(), 1);
        QCOMPARE(links[0][0].toString(), QStringLiteral("upcycle"));
        QVERIFY(bench.button(QStringLiteral("Pause")) == nullptr);
        QVERIFY(bench.page->keyHints().isEmpty());
    }

    void anEarlierRunShowsItsNumbers() {
        Bench bench;
        RunStory story;
        test::writeRun(bench.path(), "0001", story, engine::RunState::Finished);
        bench.open();
        QTRY_COMPARE(bench.page->history().lastStep(), 20);
        const RunHistory& history = bench.page->history();
        QCOMPARE(bench.page->stateTag(), QStringLiteral("Finished"));
        widgets::CurvePlot* plot = bench.page->plots()->plot();
        QTRY_COMPARE(plot->series(0).size(), std::size_t(20));
        for (std::int64_t step = 1; step <= 20; ++step) {
            QCOMPARE(plot->series(0).y(static_cast<std::size_t>(step - 1)), story.step(step).loss);
            QCOMPARE(plot->series(3).y(static_cast<std::size_t>(step - 1)), story.step(step).gradientNorm);
        }
        QCOMPARE(plot->curveCount(), 6 + 3);
        QCOMPARE(plot->curveName(7), QStringLiteral("code"));
        QCOMPARE(plot->series(7).y(1), story.evaluation(10).heldoutLoss[1].second);
        QCOMPARE(bench.page->progress()->fact(QStringLiteral("Step")), QStringLiteral("20 of 40"));
        QCOMPARE(bench.page->progress()->fact(QStringLiteral("Last checkpoint")),
                 QStringLiteral("step 20, verified"));
        QVERIFY(bench.page->stateBar()->text().contains(realText(history.bestEvaluation()->mean)));
        QSignalSpy chat(bench.page.get(), &Page::linkActivated);  // from a tuned model to an answer
        QCOMPARE(bench.page->stateBar()->buttons().size(), 1);
        QTest::mouseClick(bench.page->stateBar()->buttons().first(), Qt::LeftButton);
        QCOMPARE(chat.value(0).value(0).toString(), QStringLiteral("chat"));
        QCOMPARE(chat.value(0).value(1).toMap().value(QStringLiteral("run")).toString(),
                 QStringLiteral("0001"));
        // The map has the numbers of routing.bin.
        QTRY_COMPARE(bench.page->liveRouting()->map()->gridRows(), 4);
        const RoutingView view = viewOf(story.record(20, 20), {});
        for (int layer = 0; layer < 4; ++layer)
            for (int expert = 0; expert < 4; ++expert)
                QCOMPARE(bench.page->liveRouting()->map()->value(layer, expert),
                         view.load[static_cast<std::size_t>(layer * 4 + expert)]);
        QCOMPARE(bench.page->liveRouting()->statistic(0), QString::number(view.maxVioMean, 'f', 2));
        // Samples: newest first.
        QAbstractItemModelTester tester(bench.page->samples()->model(),
                                        QAbstractItemModelTester::FailureReportingMode::QtTest);
        QCOMPARE(bench.page->samples()->model()->rowCount(), 2);
        QCOMPARE(bench.page->samples()->model()->index(0, 0).data(SamplesModel::StepRole).toInt(), 20);
        QVERIFY(bench.page->commandLine().startsWith(QStringLiteral("caravan-cli tune --recipe ")));
    }

    void aLiveRunFollowsItsEvents() {
        QTemporaryDir other;
        RunStory story;
        story.steps = 12;
        const QString projectFolder = other.filePath(QStringLiteral("p"));
        const QString run = test::writeRun(projectFolder, "0001", story, engine::RunState::Running);
        Bench bench(run, QStringLiteral("running"), 12, 40);
        QVERIFY(bench.folder.isValid());
        bench.openAt(projectFolder);
        QTRY_COMPARE(bench.page->history().lastStep(), 12);
        QTRY_COMPARE(bench.page->stateTag(), QStringLiteral("Running"));
        for (const auto& event : story.events(13, 20))
            bench.engine.tellRun(run, event);
        bench.engine.tellRun(run, story.record(20, 20));
        QTRY_COMPARE(bench.page->progress()->fact(QStringLiteral("Step")), QStringLiteral("20 of 40"));
        widgets::CurvePlot* plot = bench.page->plots()->plot();
        QTRY_COMPARE(plot->series(0).size(), std::size_t(20));
        QCOMPARE(plot->series(0).y(19), story.step(20).loss);
        const auto lines = plot->readOut(20);
        QVERIFY(lines.size() >= 4);
        QCOMPARE(lines[1].second, QString::number(story.evaluation(20).heldoutLoss[0].second, 'f', 3));
        QCOMPARE(bench.page->liveRouting()->map()->value(1, 2), viewOf(story.record(20, 20), {}).load[6]);

        // Pause, continue, stop: one request each, and the words follow the engine's answer.
        QPushButton* pause = bench.button(QStringLiteral("Pause"));
        QVERIFY(pause != nullptr && pause->isEnabled());
        QTest::mouseClick(pause, Qt::LeftButton);
        QTRY_COMPARE(bench.engine.count("run.pause"), 1);
        QCOMPARE(QString::fromStdString(bench.engine.last("run.pause")->body.value("run", "")), run);
        bench.become(run, engine::RunState::Running, engine::RunState::Paused, 20);
        QTRY_COMPARE(bench.page->stateTag(), QStringLiteral("Paused"));
        QVERIFY(!bench.page->stateBar()->isHidden());
        QCOMPARE(bench.page->stateBar()->title(), QStringLiteral("Paused at step 20."));
        QPushButton* proceed = bench.button(QStringLiteral("Continue"));
        QVERIFY(proceed != nullptr);
        QTest::mouseClick(proceed, Qt::LeftButton);
        QTRY_COMPARE(bench.engine.count("run.continue"), 1);
        bench.become(run, engine::RunState::Paused, engine::RunState::Running, 20);
        QTRY_VERIFY(bench.page->stateBar()->isHidden());
        for (const char* text : {"Sample now", "Save checkpoint", "Stop and save"}) {
            QPushButton* button = bench.button(QLatin1String(text));
            QVERIFY2(button != nullptr && button->isEnabled(), text);
            button->click();
        }
        QTRY_COMPARE(bench.engine.count("run.stop"), 1);
        QCOMPARE(bench.engine.count("run.sample"), 1);
        QCOMPARE(bench.engine.count("run.checkpoint"), 1);
        bench.become(run, engine::RunState::Running, engine::RunState::Stopped, 20);
        QTRY_VERIFY(bench.button(QStringLiteral("Resume")) != nullptr);
        bench.button(QStringLiteral("Resume"))->click();
        QTRY_COMPARE(bench.engine.count("run.resume"), 1);
    }

    void afterADeathTheBarOfTheShellHasTheOnePrimaryButton() {
        QTemporaryDir other;
        RunStory story;
        story.steps = 12;
        const QString projectFolder = other.filePath(QStringLiteral("p"));
        const QString run = test::writeRun(projectFolder, "0001", story, engine::RunState::Running);
        Bench bench(run, QStringLiteral("running"), 12, 40);
        bench.openAt(projectFolder);
        QTRY_COMPARE(bench.page->stateTag(), QStringLiteral("Running"));
        QVERIFY(bench.button(QStringLiteral("Pause"))->property("primary").toBool());
        bench.engine.die(QStringLiteral("The process was ended by signal 9"));
        QTRY_VERIFY(bench.button(QStringLiteral("Resume")) != nullptr);
        for (const QPushButton* button : bench.page->findChildren<QPushButton*>())
            QVERIFY2(button->isHidden() || !button->isVisible() || !button->property("primary").toBool(),
                     qPrintable(button->text()));
        bench.engine.become(EngineState::Ready);
        bench.become(run, engine::RunState::Loading, engine::RunState::Running, 13);
        QTRY_VERIFY(bench.button(QStringLiteral("Pause")) != nullptr);
        QVERIFY(bench.button(QStringLiteral("Pause"))->property("primary").toBool());
    }

    // Where a card tells both: power above temperature, and what one does not tell leaves no gap.
    void temperatureHasALaneWhereTheDeviceTellsIt() {
        TunePlots plots;
        widgets::CurvePlot* plot = plots.plot();
        const int lanes = plot->laneCount();
        plots.setPower({{.step = 1, .celsius = 40}, {.step = 2, .celsius = 50}});
        QCOMPARE(plot->laneCount(), lanes + 1);
        QCOMPARE(plot->curveName(TunePlots::Device), QStringLiteral("Temperature"));
        plots.addPower({.step = 3, .watts = 200, .celsius = 60});
        QCOMPARE(plot->laneCount(), lanes + 2);
        QCOMPARE(plot->curveName(TunePlots::Device), QStringLiteral("Power"));
        QCOMPARE(plot->curveName(TunePlots::Device + 1), QStringLiteral("Temperature"));
        plots.setPower({{.step = 1, .watts = 100}});
        QCOMPARE(plot->laneCount(), lanes + 1);
        QCOMPARE(plot->curveName(TunePlots::Device), QStringLiteral("Power"));
        plots.setPower({});
        QCOMPARE(plot->laneCount(), lanes);
    }

    void powerHasALaneWhereTheDeviceTellsIt() {
        QTemporaryDir other;
        RunStory story;
        const QString projectFolder = other.filePath(QStringLiteral("p"));
        const QString earlier = test::writeRun(projectFolder, "0001", story, engine::RunState::Finished);
        const QString run = test::writeRun(projectFolder, "0002", story, engine::RunState::Running);
        for (std::int64_t step = 2; step <= 20; step += 2)
            QVERIFY(projects::appendPower(earlier.toStdString(),
                                          {step, 300.0 + static_cast<double>(step), 1, 55}));
        Bench bench(run, QStringLiteral("running"), 20, 40);
        bench.openAt(projectFolder);
        bench.page->showRun(QStringLiteral("0002"));
        QTRY_COMPARE(bench.page->history().lastStep(), 20);
        QTRY_COMPARE(bench.page->stateTag(), QStringLiteral("Running"));
        widgets::CurvePlot* plot = bench.page->plots()->plot();
        const int lanes = plot->laneCount();
        bench.engine.tellDevice({"CPU, 2 cores", false, 0, 1LL << 30, -1, ""});
        QTest::qWait(150);
        QCOMPARE(plot->laneCount(), lanes);  // nothing where nothing is told
        const auto tell = [&](double watts) {
            bench.engine.tellDevice({"NVIDIA H100", true, 0, 80LL << 30, watts, "", 0.1 * watts, 0.97});
        };
        tell(100);
        QCOMPARE(plot->laneCount(), lanes + 2);
        tell(300);  // of the same step: its mean is drawn when the next one begins
        QCOMPARE(plot->curveName(TunePlots::Device), QStringLiteral("Power"));
        QTRY_COMPARE(plot->series(0).size(), std::size_t(20));
        QCOMPARE(plot->curveName(plot->curveCount() - 1), QStringLiteral("math"));  // held out stays last
        QVERIFY(plot->series(plot->curveCount() - 1).size() >= 2);
        for (const auto& event : story.events(21, 22))
            bench.engine.tellRun(run, event);
        QTRY_COMPARE(bench.page->history().lastStep(), 22);
        tell(400);
        for (const auto& event : story.events(23, 23))
            bench.engine.tellRun(run, event);
        QTRY_COMPARE(bench.page->history().lastStep(), 23);
        tell(500);
        const auto power = [&]() -> const widgets::CurveSeries& { return plot->series(TunePlots::Device); };
        const auto& warmth = plot->series(TunePlots::Device + 1);
        QCOMPARE(warmth.size(), power().size());
        QCOMPARE(warmth.y(warmth.size() - 1), 40.0);
        QCOMPARE(power().x(power().size() - 1), 22.0);
        QCOMPARE(power().y(power().size() - 1), 400.0);
        bench.page->plots()->setXAxis(TunePlots::XAxis::Tokens);  // all of it is drawn anew
        QCOMPARE(power().size(), std::size_t(3));
        QCOMPARE(power().x(1), 22000.0);
        QCOMPARE(power().y(0), 200.0);
        bench.page->plots()->setXAxis(TunePlots::XAxis::Step);
        // Another run: what its folder says, and what the card takes now is none of its own.
        bench.page->showRun(QStringLiteral("0001"));
        QTRY_COMPARE(plot->laneCount(), lanes + 2);
        QTRY_COMPARE(power().size(), std::size_t(10));
        tell(700);
        QCOMPARE(power().y(9), 320.0);
        QTRY_COMPARE(plot->series(0).size(), std::size_t(20));
        plot->flush();
        test::picture(*bench.page, QStringLiteral("tune-power"));
    }

    void samplesAreATableToScrub() {
        SamplesView view;
        std::vector<engine::Sample> samples;
        for (const engine::StepIndex step : {100, 200, 300})
            for (const char* prompt : {"one", "two"})
                samples.push_back({step, prompt, std::string(prompt) + " at " + std::to_string(step)});
        view.setSamples(samples);
        view.showTable(true);
        SamplesTable* table = view.table();
        QAbstractItemModelTester tester(table->model(),
                                        QAbstractItemModelTester::FailureReportingMode::QtTest);
        QCOMPARE(table->step(), engine::StepIndex(300));  // the newest
        QCOMPARE(table->model()->rowCount(), 2);
        QCOMPARE(table->model()->index(1, 1).data().toString(), QStringLiteral("two at 300"));
        table->slider()->setValue(0);
        QCOMPARE(table->model()->index(0, 1).data().toString(), QStringLiteral("one at 100"));
        samples.push_back({400, "one", "one at 400"});
        view.setSamples(samples);
        QCOMPARE(table->step(), engine::StepIndex(100));  // looking back is not disturbed
        view.showStep(250);                               // the cursor of the curves
        QCOMPARE(table->step(), engine::StepIndex(200));
        view.setWindow(300, 400);
        QCOMPARE(table->steps().size(), std::size_t(2));
        table->slider()->setValue(table->slider()->maximum());
        QCOMPARE(table->step(), engine::StepIndex(400));
        QCOMPARE(table->model()->rowCount(), 1);
        view.setSamples({});
        QCOMPARE(table->step(), engine::StepIndex(-1));
    }

    void denseRunsSayThatTheyHaveNoExperts() {
        Bench bench;
        RunStory story;
        story.sparse = false;
        test::writeRun(bench.path(), "0001", story);
        bench.open();
        QTRY_COMPARE(bench.page->history().lastStep(), 20);
        QCOMPARE(bench.page->liveRouting()->map()->gridRows(), 0);
        QVERIFY(std::isnan(bench.page->plots()->plot()->series(1).y(0)));
    }

    void brushFiltersSamplesAndRouting() {
        Bench bench;
        RunStory story;
        test::writeRun(bench.path(), "0001", story);
        bench.open();
        QTRY_COMPARE(bench.page->samples()->model()->rowCount(), 2);
        bench.page->plots()->plot()->setBrush(qMakePair(5.0, 12.0));
        QCOMPARE(bench.page->samples()->model()->rowCount(), 1);
        const auto sum = [&] {
            engine::RoutingRecord total = story.record(5, 5);
            for (std::int64_t step = 6; step <= 12; ++step) {
                const auto more = story.record(step, step);
                for (std::size_t i = 0; i < total.values.size(); ++i)
                    total.values[i] += more.values[i];
            }
            return viewOf(total, {});
        }();
        QTRY_COMPARE(bench.page->liveRouting()->map()->value(2, 1), sum.load[9]);
        bench.page->plots()->plot()->setBrush(std::nullopt);
        QCOMPARE(bench.page->samples()->model()->rowCount(), 2);
    }

    void axesOfTokensAndTime() {
        Bench bench;
        RunStory story;
        test::writeRun(bench.path(), "0001", story);
        bench.open();
        QTRY_COMPARE(bench.page->plots()->plot()->series(0).size(), std::size_t(20));
        bench.page->plots()->setXAxis(TunePlots::XAxis::Tokens);
        QCOMPARE(bench.page->plots()->plot()->series(0).x(19), 20000.0);
        bench.page->plots()->setXAxis(TunePlots::XAxis::Time);
        QCOMPARE(bench.page->plots()->plot()->series(0).x(9), 86.0);
        QCOMPARE(bench.page->plots()->plot()->series(7).x(1), 86.0);  // held out at step 10
    }

    void aHiddenPageDoesNothing() {
        QTemporaryDir other;
        RunStory story;
        const QString projectFolder = other.filePath(QStringLiteral("p"));
        const QString run = test::writeRun(projectFolder, "0001", story, engine::RunState::Running);
        Bench bench(run, QStringLiteral("running"), 20, 40);
        bench.openAt(projectFolder, false);
        QTRY_COMPARE(bench.page->history().lastStep(), 20);
        for (const auto& event : story.events(21, 30))
            bench.engine.tellRun(run, event);
        QTest::qWait(250);
        QCOMPARE(bench.page->refreshCount(), 0);
        QCOMPARE(bench.page->plots()->plot()->series(0).size(), std::size_t(0));
        QCOMPARE(bench.page->plots()->plot()->replotCount(), 0);
        bench.page->setActive(true);  // one refresh brings all
        QCOMPARE(bench.page->plots()->plot()->series(0).size(), std::size_t(30));
        QCOMPARE(bench.page->refreshCount(), 1);
    }

    void pictures() {
        const QString folder = qEnvironmentVariable("CARAVAN_GRAB");
        if (folder.isEmpty()) QSKIP("CARAVAN_GRAB names no folder");
        QTemporaryDir other;
        RunStory story;
        story.layers = 32;
        story.experts = 8;
        story.steps = 932;
        story.total = 1504;
        story.evaluateEvery = story.checkpointEvery = 100;
        story.sampleEvery = 300;
        story.routingEvery = 50;
        story.tokensPerStep = 129200;
        story.memoryGiB = 64.1;
        story.leaningLayer = 3;
        story.leaningExpert = 5;
        story.deadLayer = 30;
        story.deadExpert = 6;
        const QString projectFolder = other.filePath(QStringLiteral("p"));
        const QString run = test::writeRun(projectFolder, "0001", story, engine::RunState::Running);
        Bench bench(run, QStringLiteral("running"), 932, 1504);
        bench.openAt(projectFolder);
        QTRY_COMPARE_WITH_TIMEOUT(bench.page->history().lastStep(), 932, 20000);
        bench.engine.tellRun(run, story.record(932, 932));
        bench.engine.tellRun(
            run, engine::Alarm{.step = 718, .kind = "imbalance", .layer = 3, .value = 2.4, .since = 718});
        bench.page->plots()->plot()->setCursorX(412.0);
        QTest::qWait(400);
        const auto grab = [&](const QString& name, QSize size) {
            for (const Scheme scheme : {Scheme::Light, Scheme::Dark}) {
                Theme::instance().setScheme(scheme);
                bench.page->resize(size);
                QTest::qWait(300);
                bench.page->grab().save(
                    QStringLiteral("%1/tune-%2-%3.png")
                        .arg(folder, name,
                             scheme == Scheme::Light ? QStringLiteral("light") : QStringLiteral("dark")));
            }
            Theme::instance().setScheme(Scheme::Light);
        };
        grab(QStringLiteral("1440"), {1364, 810});
        grab(QStringLiteral("1366"), {1290, 678});
        bench.become(run, engine::RunState::Running, engine::RunState::Paused, 932);
        QTest::qWait(300);
        grab(QStringLiteral("paused"), {1364, 810});
    }
};

CARAVAN_UI_TEST_MAIN(TestTunePage)
#include "tst_tune_page.moc"
