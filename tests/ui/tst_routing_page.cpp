// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QTableView>
#include <QTest>

#include "tests/support/approximation_fixture.h"
#include "tests/support/routing_bench.h"
#include "ui/analysis_source.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/pages/routing/analysis_panes.h"
#include "ui/pages/routing/approximation_dialog.h"
#include "ui/pages/routing/approximation_plot.h"
#include "ui/pages/routing/load_map.h"
#include "ui/pages/routing/routing_filters.h"
#include "ui/pages/routing/statistic_tiles.h"
#include "widgets/chart_grid.h"
#include "widgets/chart_pane.h"
#include "widgets/expert_bars.h"
#include "widgets/segmented.h"
#include "widgets/timeline_scrubber.h"

using namespace caravan;
using namespace caravan::ui;
using Bench = test::RoutingBench;
using test::analysisOf, test::expectedLoad, test::writeAnalysis;
using test::RunStory;

namespace {

ApproximationDialog* openApproximation(Bench& bench) {
    bench.actions.find(QStringLiteral("routing.approximation"))->trigger();
    return bench.page->approximation();
}

}  // namespace

class TestRoutingPage : public QObject {
    Q_OBJECT
  public:
    explicit TestRoutingPage(test::Sandbox&) {}

  private Q_SLOTS:
    void theMapHasTheFilesNumbers() {
        RunStory story;
        Bench bench(story);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        for (int layer = 0; layer < 4; ++layer)
            for (int expert = 0; expert < 4; ++expert)
                QCOMPARE(bench.mapValue(layer, expert), expectedLoad(story, 20, {}, layer, expert));
        QCOMPARE(bench.page->liveTag(), QStringLiteral("Step 20"));
        const RoutingView view = viewOf(story.record(20, 20), {});
        QCOMPARE(bench.page->tiles()->value(QStringLiteral("MaxVio, mean over layers")),
                 QString::number(view.maxVioMean, 'f', 2));
        QCOMPARE(bench.page->tiles()->value(QStringLiteral("Effective experts")),
                 QString::number(view.effectiveMean, 'f', 2));
        QTRY_COMPARE(bench.page->tiles()->value(QStringLiteral("Router confidence")), QStringLiteral("0.31"));
        QTRY_COMPARE(bench.page->timeline()->points().size(), 20);
    }

    void theApproximationErrorIsMeasuredAndDrawn() {
        RunStory story;
        Bench bench(story);
        test::writeCheckpointFolder(bench.run, 20);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        QTRY_COMPARE(bench.page->analyseMenu()->actions().last()->text(),
                     QStringLiteral("Approximation error…"));
        bench.page->analyseMenu()->actions().last()->trigger();
        ApproximationDialog* dialog = bench.page->approximation();
        QVERIFY(dialog != nullptr && dialog->isVisible());
        // Nothing is asked of the engine before everything is said.
        const auto refused = [&](const char* why) {
            dialog->measureButton()->click();
            return !dialog->measureButton()->isEnabled() &&
                   dialog->measureButton()->toolTip().contains(QLatin1String(why));
        };
        QVERIFY(refused("tuned in full"));
        dialog->tunedBox()->setEditText(QStringLiteral("/models/tuned/"));
        dialog->widthsEdit()->setText(QStringLiteral("16, many"));
        QVERIFY(refused("whole numbers"));
        dialog->widthsEdit()->setText(QStringLiteral("16, 64, 256"));
        dialog->layersEdit()->setText(QStringLiteral("0;4"));
        QVERIFY(refused("indices"));
        dialog->layersEdit()->setText(QStringLiteral("0, 4, last"));
        QCOMPARE(bench.engine.count("approximation"), 0);
        QVERIFY(dialog->measureButton()->isEnabled());
        dialog->measureButton()->click();
        const FakeEngineLink::Asked* asked = bench.engine.last("approximation");
        QVERIFY(asked != nullptr);
        const auto request = asked->body.get<engine::ApproximationRequest>();
        QCOMPARE(request.base.path, bench.run.toStdString());
        QCOMPARE(request.tuned.path, std::string("/models/tuned"));
        QCOMPARE(request.widths, (std::vector<std::int64_t>{16, 64, 256}));
        QCOMPARE(request.layers, (std::vector<std::int64_t>{0, 4, engine::kLastLayer}));
        QVERIFY(!dialog->measureButton()->isEnabled());
        bench.engine.tellProgress(asked->id, {"fitting adapters", 300, 9000});
        QCOMPARE(dialog->progressWords(), QStringLiteral("fitting adapters, 300 of 9,000"));
        bench.engine.finish(asked->id, nlohmann::json(test::someApproximation()));
        QVERIFY(!dialog->isWorking());
        const ApproximationPlot* plot = dialog->plot();
        QCOMPARE(plot->curveCount(), 3);
        QCOMPARE(plot->curveName(1), QStringLiteral("Layer 4"));
        QCOMPARE(plot->series(1).x(2), 4.0);  // 256 = 2^4 times the narrowest
        QVERIFY(std::abs(plot->series(1).y(2) - 0.28) < 1e-9);
        QVERIFY(dialog->sentence().contains(QStringLiteral("2,048 tokens")));
        // A fit that was not at its best is no limit of the form.
        QVERIFY(dialog->verdict()->isVisible());
        QVERIFY(dialog->verdict()->tone() == VerdictBox::Tone::Caution);
        dialog->chart()->setTableShown(true);
        const QAbstractItemModel* table = dialog->chart()->tableView()->model();
        QCOMPARE(table->rowCount(), 3);
        QCOMPARE(table->columnCount(), 12);
        QCOMPARE(table->index(0, 0).data().toString(), QStringLiteral("0.600"));
        QCOMPARE(table->index(0, 1).data().toString(), QStringLiteral("0.550"));
        QVERIFY(table->index(2, 3).data().toString().contains(QStringLiteral("still falling")));
        QVERIFY(plot->gridSentence(1, 4).contains(QStringLiteral("Layer 4: 0.480")));
        // Esc ends the work and leaves the dialog; what was measured stays.
        dialog->measureButton()->click();
        QTest::keyClick(dialog, Qt::Key_Escape);
        QCOMPARE(bench.engine.count("cancel"), 1);
        bench.engine.finish(bench.engine.last("approximation")->id,
                            engine::fail(engine::ErrorCode::Interrupted, {}));
        QVERIFY(dialog->isVisible());
        QCOMPARE(dialog->verdict()->title(), QStringLiteral("Cancelled: nothing was measured"));
        QCOMPARE(plot->curveCount(), 3);
        dialog->measureButton()->click();
        bench.engine.finish(bench.engine.last("approximation")->id,
                            engine::fail(engine::ErrorCode::ModelUnsupported,
                                         {{"file", "/models/tuned"}, {"detail", "it has 4 layers"}}));
        QVERIFY(dialog->verdict()->tone() == VerdictBox::Tone::Bad);
        QVERIFY(dialog->verdict()->texts().join(QLatin1Char(' ')).contains(QStringLiteral("4 layers")));
    }

    void theLastApproximationOfARunIsShownAgain() {
        RunStory story;
        Bench bench(story);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        QDir(bench.run).mkpath(QStringLiteral("routing"));
        QFile file(bench.run + QLatin1Char('/') + QLatin1String(engine::kApproximationFile));
        QVERIFY(file.open(QIODevice::WriteOnly));
        engine::Approximation last = test::someApproximation();
        last.layers[0].fits.clear();  // of equal FFNs
        for (engine::LayerApproximation& layer : last.layers)
            for (engine::AdapterFit& fit : layer.fits)
                fit.settled = true;
        file.write(QByteArray::fromStdString(nlohmann::json(last).dump()));
        file.close();
        ApproximationDialog* dialog = openApproximation(bench);
        QTRY_COMPARE(dialog->plot()->gridRows(), 3);
        QCOMPARE(dialog->plot()->curveCount(), 2);
        QCOMPARE(dialog->tunedBox()->currentText(), QStringLiteral("/m/base-16m-tuned"));
        QVERIFY(dialog->verdict()->tone() == VerdictBox::Tone::Good);
        QVERIFY(dialog->verdict()->texts().join(QLatin1Char(' ')).contains(QStringLiteral("equal")));
        QTest::keyClick(dialog, Qt::Key_Escape);
        QTRY_VERIFY(bench.page->approximation() == nullptr);
    }

    void theScrubberGoesToAnyStep() {
        RunStory story;
        Bench bench(story);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        widgets::TimelineScrubber* timeline = bench.page->timeline();
        QTest::mouseClick(timeline, Qt::LeftButton, {},
                          QPoint(static_cast<int>(std::lround(timeline->pixelOf(7))), 12));
        QTRY_COMPARE(bench.page->shownStep(), 7);
        QCOMPARE(bench.mapValue(3, 1), expectedLoad(story, 7, {}, 3, 1));
        QTest::keyClick(timeline, Qt::Key_Right);
        QTRY_COMPARE(bench.page->shownStep(), 8);
        // [ and ] on the map: checkpoints.
        bench.page->map()->setFocus();
        QTest::keyClick(bench.page->map(), Qt::Key_BracketRight);
        QTRY_COMPARE(bench.page->shownStep(), 10);
        QTest::keyClick(bench.page->map(), Qt::Key_Space);
        QVERIFY(bench.page->isPlaying());
        QTRY_VERIFY(bench.page->shownStep() >= 12);
        QTest::keyClick(bench.page->map(), Qt::Key_Space);
        QVERIFY(!bench.page->isPlaying());
    }

    void filtersReachMapBarsAndCell() {
        RunStory story;
        Bench bench(story);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        bench.page->map()->setCurrentCell(2, 3);
        RoutingFilter filter;
        QCOMPARE(bench.page->bars()->gridColumns(), 3);
        const auto shares = sharesByDomain(story.record(20, 20), 2, filter);
        for (int domain = 0; domain < 3; ++domain)
            for (int expert = 0; expert < 4; ++expert)
                QCOMPARE(bench.page->bars()->gridValue(expert, domain).toDouble(),
                         shares[static_cast<std::size_t>(domain)][static_cast<std::size_t>(expert)]);
        QCOMPARE(bench.page->loads()->rows()[0].load, cellLoads(story.record(20, 20), 2, 3, filter)[0]);
        QCOMPARE(bench.page->loads()->rows()[2].name, QStringLiteral("code"));

        widgets::Segmented* domains = bench.page->filters()->domain();
        QTest::mouseClick(domains, Qt::LeftButton, {}, domains->segmentRect(2).center());
        filter.domain = 1;
        QCOMPARE(bench.mapValue(2, 3), expectedLoad(story, 20, filter, 2, 3));
        QCOMPARE(bench.page->bars()->gridColumns(), 1);
        bench.page->map()->setFocus();
        QTest::keyClick(bench.page->map(), Qt::Key_C);
        filter.choice = RoutingChoice::First;
        QCOMPARE(bench.mapValue(2, 3), expectedLoad(story, 20, filter, 2, 3));
        QTest::keyClick(bench.page->map(), Qt::Key_C);
        filter.choice = RoutingChoice::Later;
        QCOMPARE(bench.mapValue(1, 0), expectedLoad(story, 20, filter, 1, 0));
        bench.page->filters()->measure()->setCurrent(1);
        filter.measure = RoutingMeasure::GateWeight;
        bench.page->filters()->role()->setCurrent(2);
        filter.role = RoutingRole::Prompt;
        QCOMPARE(bench.page->filters()->filter(), filter);
        QCOMPARE(bench.mapValue(1, 0), expectedLoad(story, 20, filter, 1, 0));
    }

    void theMapBecomesATable() {
        RunStory story;
        Bench bench(story);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        auto* pane = qobject_cast<widgets::ChartPane*>(bench.page->map()->parentWidget());
        QVERIFY(pane != nullptr);
        pane->setTableShown(true);
        QAbstractItemModel* model = pane->tableView()->model();
        QAbstractItemModelTester tester(model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QCOMPARE(model->index(1, 2).data(widgets::ChartTableModel::kSortRole).toFloat(),
                 expectedLoad(story, 20, {}, 1, 2));
        bench.page->filters()->domain()->setCurrent(1);
        RoutingFilter filter;
        filter.domain = 0;
        QCOMPARE(model->index(1, 2).data(widgets::ChartTableModel::kSortRole).toFloat(),
                 expectedLoad(story, 20, filter, 1, 2));
    }

    void followsTheLiveRunUntilScrubbed() {
        RunStory story;
        Bench bench(story, true);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        bench.engine.tellRun(bench.run, story.step(21));
        bench.engine.tellRun(bench.run, story.record(21, 21));
        QTRY_COMPARE(bench.page->shownStep(), 21);
        QTRY_COMPARE(bench.mapValue(0, 3), expectedLoad(story, 21, {}, 0, 3));
        QCOMPARE(bench.page->liveTag(), QStringLiteral("Live"));
        QVERIFY(bench.page->followsLive());
        QTest::keyClick(bench.page->timeline(), Qt::Key_Home);
        QTRY_COMPARE(bench.page->shownStep(), 1);
        QVERIFY(!bench.page->followsLive());
        bench.engine.tellRun(bench.run, story.record(22, 22));
        QTest::qWait(200);
        QCOMPARE(bench.page->shownStep(), 1);  // scrubbing left the live mode
        QPushButton* follow = nullptr;
        for (QPushButton* button : bench.page->findChildren<QPushButton*>())
            if (button->text() == QStringLiteral("Follow live")) follow = button;
        QVERIFY(follow != nullptr && !follow->isHidden());
        follow->click();
        QTRY_COMPARE(bench.page->shownStep(), 22);
    }

    void linksChooseACell() {
        RunStory story;
        Bench bench(story);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        bench.page->openLink({{QStringLiteral("run"), QStringLiteral("0001")},
                              {QStringLiteral("layer"), 3},
                              {QStringLiteral("expert"), 2},
                              {QStringLiteral("step"), 9}});
        QTRY_COMPARE(bench.page->shownStep(), 9);
        QCOMPARE(bench.page->map()->currentRow(), 3);
        QCOMPARE(bench.page->map()->currentColumn(), 2);
        QCOMPARE(bench.page->bars()->currentExpert(), 2);
    }

    void aTileIsACurveOverTheRun() {
        RunStory story;
        Bench bench(story);
        QTRY_COMPARE(bench.page->timeline()->points().size(), 20);
        QTRY_VERIFY(!bench.page->tiles()->tiles().isEmpty() &&
                    !bench.page->tiles()->tiles()[2].curve.isEmpty());
        const double vio = bench.page->timeline()->points()[10].value;
        StatisticTiles* tiles = bench.page->tiles();
        QTest::mouseClick(tiles, Qt::LeftButton, {}, tiles->tileRect(2).center());
        QVERIFY(bench.page->timeline()->points()[10].value > 1);  // effective experts
        QVERIFY(bench.page->timeline()->points()[10].value != vio);
        QTest::keyClick(tiles, Qt::Key_Right);
        QCOMPARE(tiles->current(), 3);
        QVERIFY(bench.page->timeline()->points()[10].value <= 1);  // entropy
    }

    void denseRunsSaySo() {
        RunStory story;
        story.sparse = false;
        Bench bench(story);
        QTRY_VERIFY(bench.project->isOpen());
        QTest::qWait(200);
        QVERIFY(bench.page->findChildren<QLabel*>().size() > 0);
        bool said = false;
        for (const QLabel* label : bench.page->findChildren<QLabel*>())
            said =
                said || (label->isVisible() && label->text() == QStringLiteral("This run has no experts."));
        QVERIFY(said);
        QVERIFY(!bench.page->map()->isVisible());
    }

    void aHiddenPageDoesNothing() {
        RunStory story;
        Bench bench(story, true, false);
        QVERIFY(
            bench.project->runs().isEmpty());  // the list is still being read: the record must not be lost
        bench.engine.tellRun(bench.run, story.record(21, 21));
        QTest::qWait(250);
        QCOMPARE(bench.page->refreshCount(), 0);
        QCOMPARE(bench.page->map()->gridRows(), 0);
        bench.page->setActive(true);
        QTRY_COMPARE(bench.page->shownStep(), 21);
    }

    void pictures() {
        const QString folder = qEnvironmentVariable("CARAVAN_GRAB");
        if (folder.isEmpty()) QSKIP("CARAVAN_GRAB names no folder");
        RunStory story;
        story.layers = 32;
        story.experts = 8;
        story.steps = 932;
        story.total = 1504;
        story.evaluateEvery = story.checkpointEvery = 100;
        story.sampleEvery = 300;
        story.routingEvery = 4;
        story.tokensPerStep = 129200;
        story.leaningLayer = 3;
        story.leaningExpert = 5;
        story.deadLayer = 30;
        story.deadExpert = 6;
        Bench bench(story, true);
        QTRY_VERIFY_WITH_TIMEOUT(bench.page->shownStep() > 0, 20000);
        bench.engine.tellRun(bench.run, story.record(932, 932));
        bench.engine.tellRun(
            bench.run,
            engine::Alarm{.step = 718, .kind = "imbalance", .layer = 3, .value = 2.4, .since = 718});
        QTest::qWait(300);
        writeAnalysis(bench.run, analysisOf(story, 900));
        bench.page->analysis()->setRun({});
        bench.page->analysis()->setRun(bench.run);
        QTRY_VERIFY(bench.page->analysisPanes()->togetherMap()->gridRows() == 8);
        bench.page->map()->setCurrentCell(12, 3);
        for (const auto& [name, size] :
             {std::pair("1440", QSize(1364, 810)), std::pair("1366", QSize(1290, 678))})
            for (const Scheme scheme : {Scheme::Light, Scheme::Dark}) {
                Theme::instance().setScheme(scheme);
                bench.page->resize(size);
                QTest::qWait(300);
                bench.page->grab().save(
                    QStringLiteral("%1/routing-%2-%3.png")
                        .arg(folder, QLatin1String(name),
                             scheme == Scheme::Light ? QStringLiteral("light") : QStringLiteral("dark")));
            }
        Theme::instance().setScheme(Scheme::Light);
        bench.engine.answer("approximation", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
            return nlohmann::json(test::someApproximation());
        });
        for (const Scheme scheme : {Scheme::Light, Scheme::Dark}) {
            Theme::instance().setScheme(scheme);
            ApproximationDialog dialog(&bench.engine, nullptr, {bench.run, QStringLiteral("base"), 8, {}},
                                       bench.page.get());
            dialog.setAttribute(Qt::WA_DeleteOnClose, false);
            dialog.show();
            dialog.tunedBox()->setEditText(QStringLiteral("/models/tuned"));
            dialog.measureButton()->click();
            QTest::qWait(300);
            dialog.grab().save(folder + (scheme == Scheme::Light
                                             ? QStringLiteral("/approximation-light.png")
                                             : QStringLiteral("/approximation-dark.png")));
        }
        Theme::instance().setScheme(Scheme::Light);
    }
};

CARAVAN_UI_TEST_MAIN(TestRoutingPage)
#include "tst_routing_page.moc"
