// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What a run warns of and what can be looked at then: remedies, earlier runs behind it, a step's batch.
#include <QAbstractItemModelTester>
#include <QClipboard>
#include <QComboBox>
#include <QDir>
#include <QDockWidget>
#include <QFile>
#include <QLabel>
#include <QListView>
#include <QMenu>
#include <QMessageBox>
#include <QPushButton>
#include <QSignalSpy>
#include <QSlider>
#include <QSpinBox>
#include <QTest>
#include <QToolButton>

#include "engine/api/event_json.h"
#include "engine/api/step_batch.h"
#include "tests/support/data_fixture.h"
#include "tests/support/tune_bench.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/data/batch_view.h"
#include "ui/pages/tune/alarm_text.h"
#include "ui/pages/tune/live_routing.h"
#include "ui/pages/tune/run_progress.h"
#include "ui/pages/tune/samples_table.h"
#include "ui/pages/tune/samples_view.h"
#include "ui/pages/tune/step_batch_dialog.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/project_context.h"
#include "ui/run_history.h"
#include "widgets/curve_plot.h"
#include "widgets/heat_map.h"
#include "widgets/message_bar.h"
#include "widgets/token_strip.h"

using namespace caravan;
using namespace caravan::ui;
using test::RunStory;
using Bench = test::TuneBench;

class TestTuneAlarms : public QObject {
    Q_OBJECT
  public:
    explicit TestTuneAlarms(test::Sandbox&) {}

  private Q_SLOTS:
    void alarmNamesTheExpertAndOffersRemedies() {
        QTemporaryDir other;
        RunStory story;
        story.leaningLayer = 3;
        story.leaningExpert = 2;
        const QString projectFolder = other.filePath(QStringLiteral("p"));
        const QString run = test::writeRun(projectFolder, "0001", story, engine::RunState::Running);
        Bench bench(run, QStringLiteral("running"), 20, 40);
        bench.openAt(projectFolder);
        QTRY_COMPARE(bench.page->history().lastStep(), 20);
        QTRY_COMPARE(bench.page->stateTag(), QStringLiteral("Running"));
        bench.engine.tellRun(run, story.record(20, 20));
        bench.engine.tellRun(
            run, engine::Alarm{.step = 20, .kind = "imbalance", .layer = 3, .value = 2.4, .since = 11});
        QTRY_VERIFY(!bench.page->alarmBar()->isHidden());
        QCOMPARE(bench.page->alarmBar()->title(), QStringLiteral("Layer 3 leans on one expert."));
        QVERIFY2(bench.page->alarmBar()->text().contains(QStringLiteral("Expert 2")),
                 qPrintable(bench.page->alarmBar()->text()));
        QSignalSpy links(bench.page.get(), &Page::linkActivated);
        const QString words = QStringLiteral("Raise balance weight to 0.02");
        QTRY_VERIFY(bench.button(words) != nullptr);  // also if the run was listed after the alarm
        QPushButton* raise = bench.button(words);
        QPushButton* show = bench.button(QStringLiteral("Show in Routing"));
        QVERIFY(show != nullptr);
        raise->click();
        QTRY_COMPARE(bench.engine.count("run.change"), 1);
        QCOMPARE(bench.engine.last("run.change")->body["key"], "tune.balance");
        show->click();
        QCOMPARE(links[0][1].toMap().value(QStringLiteral("layer")).toInt(), 3);
        QCOMPARE(links[0][1].toMap().value(QStringLiteral("expert")).toInt(), 2);
    }

    void notANumberIsWorded() {
        const AlarmWords words = alarmWords({.step = 209, .kind = "not_a_number", .value = 0, .since = 207},
                                            {.experts = 8, .step = 209, .back = 206});
        QCOMPARE(words.title + QLatin1Char(' ') + words.text,
                 QStringLiteral("Tuning paused itself at step 209: the loss was not a number in 3 steps in a "
                                "row. Weights are those of step 206."));
        QCOMPARE(words.kind, widgets::MessageBar::Kind::Error);
    }

    void memoryThatRanShortIsToldAndTheRunGoesOnSmaller() {
        QTemporaryDir other;
        const QString projectFolder = other.filePath(QStringLiteral("p"));
        const QString run = test::writeRun(projectFolder, "0001", RunStory(), engine::RunState::Running);
        Bench bench(run, QStringLiteral("running"), 20, 40);
        bench.openAt(projectFolder);
        QTRY_COMPARE(bench.page->stateTag(), QStringLiteral("Running"));
        engine::StateChange paused{engine::RunState::Running, engine::RunState::Paused, run.toStdString(), 20,
                                   engine::Error{engine::ErrorCode::MemoryShort,
                                                 {{"needed", "2147483648"},
                                                  {"available", "536870912"},
                                                  {"micro_batch_tokens", "4096"},
                                                  {"longest_row", "2048"}}}};
        bench.engine.tellRun(run, paused);
        QTRY_COMPARE(bench.page->stateTag(), QStringLiteral("Paused"));
        const widgets::MessageBar* bar = bench.page->stateBar();
        QTRY_COMPARE(bar->title(),
                     QStringLiteral("Tuning paused itself at step 20: there is not enough memory."));
        QVERIFY2(bar->text().contains(memoryText(std::int64_t(2) << 30)) &&
                     bar->text().contains(memoryText(std::int64_t(512) << 20)),
                 qPrintable(bar->text()));
        QCOMPARE(bar->kind(), widgets::MessageBar::Kind::Warning);
        test::picture(*bench.page, QStringLiteral("tune-memory-short"));
        QCOMPARE(bar->buttons().size(), 1);
        bar->buttons().first()->click();
        QTRY_COMPARE(bench.engine.count("run.continue"), 1);
        QCOMPARE(bench.engine.last("run.change")->body["key"], "tune.micro_batch_tokens");
        QCOMPARE(bench.engine.last("run.change")->body["value"], "2048");
        bench.become(run, engine::RunState::Paused, engine::RunState::Running, 20);
        QTRY_VERIFY(bar->isHidden());
        // The smallest did not fit either: nothing that could not be done is offered.
        paused.reason->parameters[2].second = "2048";
        bench.engine.tellRun(run, paused);
        QTRY_VERIFY(!bar->isHidden());
        QVERIFY(bar->buttons().isEmpty());
        QVERIFY(bench.button(QStringLiteral("Continue")) != nullptr);
        // A full disk in its words; a pause that was asked for has none.
        bench.become(run, engine::RunState::Paused, engine::RunState::Running, 20);
        paused.reason =
            engine::Error{engine::ErrorCode::DiskShort,
                          {{"needed", "5000000000"}, {"available", "3100000000"}, {"path", "/data/runs"}}};
        bench.engine.tellRun(run, paused);
        QTRY_VERIFY2(bar->text().contains(QStringLiteral("/data/runs")), qPrintable(bar->text()));
        bench.become(run, engine::RunState::Paused, engine::RunState::Running, 20);
        paused.reason.reset();
        bench.engine.tellRun(run, paused);
        QTRY_COMPARE(bar->title(), QStringLiteral("Paused at step 20."));
    }

    // What came after an earlier checkpoint is made again: asked for, and told what goes.
    void anEarlierCheckpointIsResumedAfterAQuestion() {
        Bench bench;
        const QString run = test::writeRun(bench.path(), "0001", RunStory());
        bench.open();
        QTRY_COMPARE(bench.page->history().lastStep(), 20);
        QVERIFY(bench.button(QStringLiteral("Resume from…")) == nullptr);  // no checkpoint is in its folder
        QVERIFY(!bench.actions.find(QStringLiteral("run.resume_from"))->isEnabled());
        for (const char* step : {"000010", "000020"})
            QVERIFY(QDir().mkpath(run + QStringLiteral("/checkpoints/step-") + QLatin1String(step)));
        bench.project->refreshRuns();
        QTRY_VERIFY(bench.button(QStringLiteral("Resume from…")) != nullptr);
        test::picture(*bench.page, QStringLiteral("tune-resume-from"));
        QMenu* menu = bench.button(QStringLiteral("Resume from…"))->findChild<QMenu*>();
        Q_EMIT menu->aboutToShow();
        QCOMPARE(menu->actions().size(), 2);
        QVERIFY2(menu->actions().first()->text().startsWith(QStringLiteral("Step 20, held out")),
                 qPrintable(menu->actions().first()->text()));
        const auto question = [&] { return bench.page->findChild<QMessageBox*>(); };
        menu->actions().last()->trigger();
        QTRY_VERIFY(question() != nullptr && question()->isVisible());
        QVERIFY(question()->informativeText().contains(QStringLiteral("11 to 20")));
        QTest::keyClick(question(), Qt::Key_Escape);
        QTRY_VERIFY(question() == nullptr);
        QCOMPARE(bench.engine.count("run.resume"), 0);
        menu->actions().last()->trigger();
        QTRY_VERIFY(question() != nullptr && question()->isVisible());
        for (QAbstractButton* button : question()->buttons())
            if (button->text().remove(QLatin1Char('&')) == QStringLiteral("Resume from step 10"))
                button->click();
        QTRY_COMPARE(bench.engine.count("run.resume"), 1);
        QCOMPARE(bench.engine.last("run.resume")->body["step"], 10);
    }

    void everyAlarmHasWordsAndARemedy() {
        for (const engine::AlarmTemplate& row : engine::alarmTemplates()) {
            const AlarmWords words = alarmWords(
                {.step = 1209, .kind = row.kind, .layer = 3, .expert = 5, .value = 2.5, .since = 1207},
                {.experts = 8, .step = 1300, .back = 1200});
            for (const QString& part : {words.title, words.text, words.remedy}) {
                QVERIFY2(!part.isEmpty(), row.kind);
                QVERIFY2(!part.contains(QLatin1Char('{')), qPrintable(part));
            }
        }
        QVERIFY(alarmWords({.step = 1209, .kind = "diverged", .value = 9.5, .since = 1207},
                           {.step = 1209, .back = 1200})
                    .text.contains(QStringLiteral("Weights are those of step 1,200.")));
    }

    void anEarlierRunLiesBehindTheCurves() {
        Bench bench;
        RunStory shorter;
        shorter.steps = 12;
        test::writeRun(bench.path(), "0001", shorter);
        test::writeRun(bench.path(), "0002", RunStory());
        bench.open();
        QTRY_COMPARE(bench.page->shownRun(), QStringLiteral("0002"));
        QTRY_COMPARE(bench.page->history().lastStep(), 20);
        widgets::CurvePlot* plot = bench.page->plots()->plot();
        const int before = plot->curveCount();
        QMenu* menu = bench.page->plots()->overlayButton()->menu();
        Q_EMIT menu->aboutToShow();
        QCOMPARE(menu->actions().size(), 1);
        menu->actions().first()->setChecked(true);
        QTRY_COMPARE(plot->curveCount(), before + 1);
        QCOMPARE(plot->series(before).size(), std::size_t(12));
        QCOMPARE(plot->series(before).y(11), shorter.step(12).loss);
        bench.page->plots()->setXAxis(TunePlots::XAxis::Tokens);
        QCOMPARE(plot->curveCount(), before + 1);
        QCOMPARE(plot->series(before).x(11), 12000.0);
        Q_EMIT menu->aboutToShow();
        QVERIFY(menu->actions().first()->isChecked());
        menu->actions().first()->setChecked(false);
        QTRY_COMPARE(plot->curveCount(), before);
    }

    void aStepsBatchIsShownFromTheCurve() {
        Bench bench;
        RunStory story;
        story.tokensPerStep = 14;  // what the two rows of the made-up batch have
        const QString run = test::writeRun(bench.path(), "0001", story, engine::RunState::Finished);
        bench.engine.answer("step_batch", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
            engine::StepBatch batch;
            batch.step = body["step"];
            batch.steps = 40;
            batch.epoch = 1;
            batch.sequenceLength = 512;
            batch.batch = {
                {{test::previewRow("math.jsonl", 12, "math"), test::previewRow("code.jsonl", 99, "code")},
                 2}};
            if (batch.step == 9) batch.batch[0].rows.pop_back();  // a file was changed since
            return nlohmann::json(batch);
        });
        bench.open();
        QTRY_COMPARE(bench.page->history().lastStep(), 20);
        widgets::CurvePlot* plot = bench.page->plots()->plot();
        QTRY_COMPARE(plot->series(0).size(), std::size_t(20));
        bench.page->activateWindow();
        plot->setFocus();
        plot->setCursorX(7);
        QTest::keyClick(plot, Qt::Key_B);
        auto* dialog = bench.page->findChild<StepBatchDialog*>();
        QVERIFY(dialog != nullptr && dialog->isVisible());
        QTRY_VERIFY(dialog->shown().has_value());
        QCOMPARE(dialog->shown()->step, 7);
        const auto* asked = bench.engine.last("step_batch");
        QCOMPARE(asked->body["step"], 7);
        QCOMPARE(QString::fromStdString(asked->body["folder"]), run);
        QCOMPARE(dialog->factsText(),
                 QStringLiteral("2 rows  ·  14 tokens, 6 of them trained  ·  1 × math  ·  1 × code"));
        QCOMPARE(dialog->view()->strips().size(), 2);
        QVERIFY(dialog->view()->strips()[0]->plainText().contains(QStringLiteral("The sum is 5.")));
        QCOMPARE(dialog->warningText(), QString());
        test::picture(*dialog, QStringLiteral("step-batch"));
        // The next steps by the keyboard; one whose rows are not those that were logged says so.
        dialog->stepBox()->setFocus();
        QTest::keyClick(dialog->stepBox(), Qt::Key_Up);
        QTest::keyClick(dialog->stepBox(), Qt::Key_Up);
        QTRY_VERIFY(dialog->shown() && dialog->shown()->step == 9);
        QVERIFY2(dialog->warningText().contains(QStringLiteral("logged 14 tokens")),
                 qPrintable(dialog->warningText()));
        QCOMPARE(dialog->factsText(), QStringLiteral("1 row  ·  7 tokens, 3 of them trained  ·  1 × math"));
        test::picture(*dialog, QStringLiteral("step-batch-changed"));
        bench.engine.answer("step_batch", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
            return engine::fail(engine::ErrorCode::FileMissing, {{"file", "/data/math.jsonl"}});
        });
        QTest::keyClick(dialog->stepBox(), Qt::Key_Up);
        QTRY_VERIFY(!dialog->shown() && !dialog->view()->isVisible());
        QTRY_VERIFY([&] {
            for (const QLabel* label : dialog->findChildren<QLabel*>())
                if (label->isVisible() && label->text().contains(QStringLiteral("math.jsonl"))) return true;
            return false;
        }());
        QTest::keyClick(dialog, Qt::Key_Escape);
        QTRY_VERIFY(bench.page->findChild<StepBatchDialog*>() == nullptr);
    }

    void aDoubleClickOnAnAlarmShowsItsBatch() {
        Bench bench;
        RunStory story;
        const QString run = test::writeRun(bench.path(), "0001", story, engine::RunState::Finished);
        QFile file(run + QStringLiteral("/metrics.jsonl"));
        QVERIFY(file.open(QIODevice::Append));
        engine::Alarm alarm;
        alarm.step = 20;
        alarm.kind = "spike";
        alarm.value = 9;
        file.write(QByteArray::fromStdString(engine::toJson(engine::RunEvent(alarm)).dump() + "\n"));
        file.close();
        bench.engine.answer("step_batch", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
            engine::StepBatch batch;
            batch.step = body["step"];
            return nlohmann::json(batch);
        });
        bench.open();
        widgets::CurvePlot* plot = bench.page->plots()->plot();
        QTRY_COMPARE(plot->series(0).size(), std::size_t(20));
        QTRY_COMPARE(bench.page->history().alarms().size(), std::size_t(1));
        plot->flush();
        const QRect lane = plot->laneRect(0);
        const auto pixel = [&](double step) {
            const auto [low, high] = plot->xRange();
            return QPoint(lane.left() + static_cast<int>((step - low) / (high - low) * lane.width()),
                          lane.center().y());
        };
        QTest::mouseDClick(plot, Qt::LeftButton, {}, pixel(5));  // no alarm there: the view is fitted
        QVERIFY(bench.page->findChild<StepBatchDialog*>() == nullptr);
        QTest::mouseDClick(plot, Qt::LeftButton, {}, pixel(20) + QPoint(3, 0));
        auto* dialog = bench.page->findChild<StepBatchDialog*>();
        QVERIFY(dialog != nullptr && dialog->isVisible());
        QTRY_VERIFY(dialog->shown() && dialog->shown()->step == 20);
        dialog->close();
        // The menu of the curve.
        plot->setCursorX(11);
        Q_EMIT plot->customContextMenuRequested(pixel(11));
        QMenu* menu = nullptr;
        QTRY_VERIFY((menu = plot->findChild<QMenu*>()) != nullptr && menu->isVisible());
        QCOMPARE(menu->actions().first()->text(), QStringLiteral("Show the &batch of step 11"));
        menu->actions().first()->trigger();
        menu->close();
        QTRY_COMPARE(bench.engine.last("step_batch")->body["step"], 11);
    }
};

CARAVAN_UI_TEST_MAIN(TestTuneAlarms)
#include "tst_tune_alarms.moc"
