// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QLabel>
#include <QPushButton>
#include <QTableView>
#include <QTest>

#include "tests/support/routing_bench.h"
#include "ui/analysis_source.h"
#include "ui/pages/routing/analysis_panes.h"
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
    }
};

CARAVAN_UI_TEST_MAIN(TestRoutingPage)
#include "tst_routing_page.moc"
