// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the Routing page measures and compares: analyses, saturation, experts alike, another step or run
// beside the shown one.
#include <QComboBox>
#include <QMenu>
#include <QPushButton>
#include <QSpinBox>
#include <QTableView>
#include <QTest>
#include <QToolButton>

#include "engine/api/routing_figures.h"
#include "engine/api/routing_view.h"
#include "tests/support/routing_bench.h"
#include "ui/analysis_source.h"
#include "ui/pages/routing/analysis_bar.h"
#include "ui/pages/routing/analysis_panes.h"
#include "ui/pages/routing/cell_inspector.h"
#include "ui/pages/routing/compare_bar.h"
#include "ui/pages/routing/routing_filters.h"
#include "ui/pages/routing/saturation_plot.h"
#include "ui/pages/routing/statistic_tiles.h"
#include "ui/pages/routing/token_list.h"
#include "ui/theme/theme.h"
#include "widgets/chart_pane.h"
#include "widgets/expert_bars.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"

using namespace caravan;
using namespace caravan::ui;
using Bench = test::RoutingBench;
using test::analysisOf, test::writeAnalysis, test::writeCheckpointFolder, test::expectedLoad;
using test::RunStory;

namespace {

// Two checkpoints against the last one; the first layer settles last.
void writeCurve(const QString& run, const RunStory& story) {
    for (const int step : {10, 20}) {
        engine::RoutingAnalysis analysis = analysisOf(story, step);
        analysis.reference = run.toStdString() + "@20";
        for (engine::LayerAnalysis& layer : analysis.layers)
            layer.saturation = step == 20 ? 1.0 : 0.5 + 0.1 * static_cast<double>(layer.layer);
        writeAnalysis(run, analysis);
    }
}

// Experts 1 and 2 of layer 2 do the same.
engine::RoutingAnalysis copiesAt(const RunStory& story, int step) {
    engine::RoutingAnalysis analysis = analysisOf(story, step);
    analysis.layers[2].cka[1 * 4 + 2] = analysis.layers[2].cka[2 * 4 + 1] = 0.9961;
    return analysis;
}

void readAgain(Bench& bench) {
    bench.page->analysis()->setRun({});
    bench.page->analysis()->setRun(bench.run);
}

}  // namespace

class TestRoutingAnalysis : public QObject {
    Q_OBJECT
  public:
    explicit TestRoutingAnalysis(test::Sandbox&) {}

  private Q_SLOTS:
    void aMeasuredStepShowsPairsSimilarityAndTokens() {
        RunStory story;
        Bench bench(story);
        writeAnalysis(bench.run, analysisOf(story, 10));
        engine::RoutingAnalysis measured = analysisOf(story, 20);
        measured.layers[2].toDense = {0.5, 0.9375, 1.0, 0.8125};
        writeAnalysis(bench.run, measured);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        bench.page->analysis()->setRun({});
        bench.page->analysis()->setRun(bench.run);
        AnalysisPanes* panes = bench.page->analysisPanes();
        QTRY_COMPARE(panes->togetherMap()->gridRows(), 4);
        bench.page->map()->setCurrentCell(2, 1);
        const QString note = bench.page->findChild<CellInspector*>()->facts().note;
        QVERIFY2(note.contains(QStringLiteral("0.9375")), qPrintable(note));
        QCOMPARE(panes->togetherMap()->value(1, 3), float(0.01 * (4 + (5 + 9 + 2) % 23)));
        QVERIFY(std::isnan(panes->togetherMap()->value(1, 1)));
        QCOMPARE(panes->togetherMap()->currentRow(), 1);
        QCOMPARE(panes->similarityMap()->value(0, 3), 0.11F);
        panes->measure()->setCurrent(1);
        QCOMPARE(panes->similarityMap()->value(2, 3), 0.48F);
        // The cell's tokens; another cell, other tokens.
        QAbstractItemModel* contexts = bench.page->tokens()->contexts()->model();
        QCOMPARE(contexts->rowCount(), 3);
        QCOMPARE(contexts->index(0, 1).data().toString(),
                 QString(QChar(0x21B5)) + QStringLiteral("   ") + QChar(0x2423));
        QCOMPARE(contexts->index(1, 4).data().toString(), QStringLiteral("code"));
        QCOMPARE(contexts->index(2, 1).data().toString(), QStringLiteral("t1"));
        QVERIFY(bench.page->tokens()->words().contains(QStringLiteral("64")));
        panes->togetherMap()->setFocus();
        QTest::keyClick(panes->togetherMap(), Qt::Key_Down);  // expert 2 of the same layer
        QCOMPARE(bench.page->map()->currentColumn(), 2);
        QCOMPARE(bench.page->tokens()->contexts()->model()->index(2, 1).data().toString(),
                 QStringLiteral("t2"));
        // All layers side by side; a click goes to the layer.
        panes->measure()->setCurrent(2);
        QCOMPARE(panes->layers()->model()->rowCount(), 4);
        QCOMPARE(panes->layers()->model()->index(3, 1).data().toString(), QStringLiteral("0.530"));
        const auto figure = [&](int layer, const char* head) {
            const QAbstractItemModel* model = panes->layers()->model();
            for (int column = 0; column < model->columnCount(); ++column)
                if (model->headerData(column, Qt::Horizontal).toString() == QLatin1String(head))
                    return model->index(layer, column).data().toString();
            return QString();
        };
        QCOMPARE(figure(2, "To dense"), QStringLiteral("0.8125"));
        QCOMPARE(figure(3, "To dense"), QStringLiteral("–"));
        QCOMPARE(figure(0, "Variation"),
                 QString::number(engine::variationOf(engine::layerShares(measured.statistics.record, 0, {})),
                                 'f', 3));
        QTest::mouseClick(panes->layers()->viewport(), Qt::LeftButton, {},
                          panes->layers()->visualRect(panes->layers()->model()->index(3, 0)).center());
        QCOMPARE(bench.page->map()->currentRow(), 3);
        QCOMPARE(bench.page->tiles()->value(QStringLiteral("Expert–domain information")),
                 QStringLiteral("0.021"));
        // Of step 12 the last one before it is shown.
        bench.page->openLink({{QStringLiteral("step"), 12}});
        QTRY_COMPARE(bench.page->shownStep(), 12);
        QTRY_COMPARE(bench.page->analysis()->current()->step, 10);
    }

    void analysesOnDemandWithProgressAndCancel() {
        RunStory story;
        Bench bench(story);
        writeCheckpointFolder(bench.run, 10);
        writeCheckpointFolder(bench.run, 20);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        QTRY_VERIFY(!bench.page->analyseMenu()->actions().isEmpty() &&
                    bench.page->analyseMenu()->actions()[0]->isEnabled());
        bench.page->map()->setCurrentCell(2, 1);
        QList<QAction*> actions = bench.page->analyseMenu()->actions();
        QCOMPARE(actions[0]->text(), QStringLiteral("Checkpoint of step 20"));
        QCOMPARE(actions[1]->text(), QStringLiteral("All 2 checkpoints"));
        QCOMPARE(actions[3]->text(), QStringLiteral("Mute each expert of layer 2, step 20"));
        actions[3]->trigger();
        const FakeEngineLink::Asked* asked = bench.engine.last("routing.analyse");
        QVERIFY(asked != nullptr);
        const auto request = asked->body.get<engine::RoutingAnalysisRequest>();
        QCOMPARE(request.source.path, (bench.run + QStringLiteral("@20")).toStdString());
        QCOMPARE(request.reference->path, (bench.run + QStringLiteral("@20")).toStdString());
        QCOMPARE(request.mute, std::vector<std::int64_t>{2});
        QVERIFY(bench.page->analysisBar()->isVisible());
        bench.engine.tellProgress(asked->id, {"muting experts", 3, 9});
        QCOMPARE(bench.page->analysisBar()->words(),
                 QStringLiteral("Analysing step 20: muting experts, 3 of 9"));
        engine::RoutingAnalysis answer = analysisOf(story, 20);
        answer.muted = {{2, 1, {0.01, -0.002, 0.03}, 0.0127}};
        writeAnalysis(bench.run, answer);  // as the engine does
        bench.engine.finish(asked->id, nlohmann::json(answer));
        QVERIFY(!bench.page->analysisBar()->isVisible());
        QTRY_COMPARE(bench.page->tokens()->muted(),
                     QStringLiteral("Muted alone: loss +0.0127 nats per answer token "
                                    "(general +0.0100, code −0.0020, math +0.0300)."));
        // Cancelled: the bar goes, no error is shown, the queue is empty.
        bench.page->analyseMenu()->actions()[1]->trigger();
        asked = bench.engine.last("routing.analyse");
        QCOMPARE(bench.engine.count("routing.analyse"), 2);
        bench.page->analysisBar()->cancelButton()->click();
        QCOMPARE(bench.engine.count("cancel"), 1);
        bench.engine.finish(asked->id, engine::fail(engine::ErrorCode::Interrupted, {}));
        QVERIFY(!bench.page->analysis()->isBusy());
        QCOMPARE(bench.engine.count("routing.analyse"), 2);
    }

    void aLiveRunSaysWhyItIsNotAnalysed() {
        RunStory story;
        Bench bench(story, true);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        QTRY_COMPARE(bench.page->analyseMenu()->actions().size(), 1);
        QVERIFY(!bench.page->analyseMenu()->actions()[0]->isEnabled());
    }

    void comparesWithAnotherStepAndAnotherRun() {
        RunStory story;
        Bench bench(story);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        bench.page->compareButton()->click();
        QTRY_VERIFY(bench.page->isComparing());  // the first record of the same run
        QCOMPARE(bench.page->compareBar()->step()->value(), 1);
        QTRY_COMPARE(bench.mapValue(1, 2),
                     expectedLoad(story, 20, {}, 1, 2) / expectedLoad(story, 1, {}, 1, 2));
        bench.page->compareBar()->step()->setValue(20);
        QTRY_COMPARE(bench.mapValue(1, 2), 1.0F);
        QVERIFY(bench.page->compareBar()->note().contains(QStringLiteral("1×")));
        // A filter cuts both sides.
        bench.page->compareBar()->step()->setValue(5);
        bench.page->filters()->domain()->setCurrent(2);
        RoutingFilter filter;
        filter.domain = 1;
        QTRY_COMPARE(bench.mapValue(0, 3),
                     expectedLoad(story, 20, filter, 0, 3) / expectedLoad(story, 5, filter, 0, 3));
        bench.page->filters()->domain()->setCurrent(0);
        // Another shape is refused in words.
        RunStory wider;
        wider.experts = 8;
        const QString other = test::writeRun(bench.path(), "0002", wider, engine::RunState::Finished);
        bench.project->refreshRuns();
        QTRY_COMPARE(bench.project->runs().size(), 2);
        bench.page->compareButton()->click();
        QCOMPARE(bench.mapValue(1, 2), expectedLoad(story, 20, {}, 1, 2));
        bench.page->compareButton()->click();
        QComboBox* runs = bench.page->compareBar()->runs();
        QCOMPARE(runs->count(), 2);
        runs->setCurrentIndex(runs->findData(other));
        Q_EMIT runs->activated(runs->currentIndex());
        QTRY_COMPARE(bench.page->compareBar()->note(),
                     QStringLiteral("Not comparable: 4 layers of 8 experts there, 4 of 4 here."));
    }

    void aPinnedCellStaysBesideOthers() {
        RunStory story;
        Bench bench(story);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        test::writeRun(bench.path(), "0002", story, engine::RunState::Finished);
        writeAnalysis(bench.run, analysisOf(story, 20));
        readAgain(bench);
        QTRY_VERIFY(bench.page->analysis()->current() != nullptr);
        bench.page->map()->setCurrentCell(2, 3);
        QVERIFY(!bench.page->pinned()->isVisible());
        bench.page->map()->setFocus();
        QTest::keyClick(bench.page->map(), Qt::Key_P);
        CellInspector* pinned = bench.page->pinned();
        QVERIFY(pinned->isVisible());
        const double load = cellLoads(story.record(20, 20), 2, 3, {})[0];
        QCOMPARE(pinned->loads()->rows()[0].load, load);
        QCOMPARE(pinned->facts().title, QStringLiteral("Layer 2, expert 3"));
        const QString words = pinned->tokens()->words();
        QVERIFY(words.contains(QStringLiteral("t3")));
        // Another cell, another step, another run: the pinned one stays.
        bench.page->map()->setCurrentCell(1, 0);
        QCOMPARE(bench.page->loads()->rows()[0].load, cellLoads(story.record(20, 20), 1, 0, {})[0]);
        bench.page->openLink({{QStringLiteral("step"), 7}});
        QTRY_COMPARE(bench.page->shownStep(), 7);
        bench.project->refreshRuns();
        QTRY_COMPARE(bench.project->runs().size(), 2);
        bench.page->showRun(QStringLiteral("0002"));
        QTRY_VERIFY(bench.page->cell()->facts().when.startsWith(QStringLiteral("step 20")));
        QVERIFY(pinned->isVisible());
        QCOMPARE(pinned->loads()->rows()[0].load, load);
        QCOMPARE(pinned->tokens()->words(), words);
        QVERIFY(pinned->facts().when.startsWith(QStringLiteral("step 20, ")));
        for (auto* button : bench.page->findChildren<QToolButton*>())
            if (button->accessibleName() == QStringLiteral("Unpin")) button->click();
        QVERIFY(!pinned->isVisible());
        QVERIFY(pinned->facts().expert < 0);
    }

    void saturationIsACurveAndATable() {
        RunStory story;
        Bench bench(story);
        writeCurve(bench.run, story);
        QTRY_COMPARE(bench.page->shownStep(), 20);
        readAgain(bench);
        AnalysisPanes* panes = bench.page->analysisPanes();
        QTRY_COMPARE(panes->saturation()->gridRows(), 2);
        panes->measure()->setCurrent(AnalysisPanes::Saturation);
        QVERIFY(panes->saturation()->isVisible());
        bench.page->map()->setCurrentCell(1, 0);
        // Drawn: the layer that settles first, the one that settles last, the chosen one, the mean.
        SaturationPlot* plot = panes->saturation();
        QCOMPARE(plot->curveCount(), 4);
        QCOMPARE(plot->curveName(2), QStringLiteral("Layer 1"));
        QCOMPARE(plot->series(2).y(0), 0.6);
        QCOMPARE(plot->series(3).y(0), 0.65);
        QCOMPARE(plot->series(3).y(1), 1.0);
        QVERIFY(plot->curveStyle(3).ink == widgets::CurveInk::Accent);
        // The table has every layer.
        panes->saturationChart()->setTableShown(true);
        QAbstractItemModel* table = panes->saturationChart()->tableView()->model();
        QCOMPARE(table->rowCount(), 2);
        QCOMPARE(table->columnCount(), 5);
        QVERIFY(table->index(0, 4).data().toString().startsWith(QStringLiteral("80.0")));
        QVERIFY(plot->gridSentence(0, 1).contains(QStringLiteral("Layer 0: 50.0")));
        bench.page->analysis()->setRun({});
        QTRY_COMPARE(plot->gridRows(), 0);
    }

    void expertsThatDoTheSameAreAnAlarmWithARemedy() {
        RunStory story;
        Bench bench(story);
        writeCheckpointFolder(bench.run, 20);
        writeAnalysis(bench.run, analysisOf(story, 10));
        writeAnalysis(bench.run, copiesAt(story, 20));
        QTRY_COMPARE(bench.page->shownStep(), 20);
        QTRY_VERIFY(!bench.page->analyseMenu()->actions().isEmpty() &&
                    bench.page->analyseMenu()->actions()[0]->isEnabled());
        readAgain(bench);
        widgets::MessageBar* bar = bench.page->copiesBar();
        QTRY_VERIFY(bar->isVisible());
        QCOMPARE(bar->title(), QStringLiteral("Layer 2 has experts that do the same."));
        QVERIFY2(bar->text().contains(QStringLiteral("experts 1 and 2")), qPrintable(bar->text()));
        QVERIFY(bar->text().contains(QStringLiteral("0.996")));
        QCOMPARE(bar->buttons().size(), 2);
        bar->buttons()[0]->click();
        QCOMPARE(bench.page->map()->currentRow(), 2);
        QCOMPARE(bench.page->map()->currentColumn(), 1);
        QCOMPARE(bench.page->analysisPanes()->measure()->current(), int(AnalysisPanes::Cka));
        bar->buttons()[1]->click();  // what muting each of them costs
        const auto* asked = bench.engine.last("routing.analyse");
        QVERIFY(asked != nullptr);
        QCOMPARE(asked->body.get<engine::RoutingAnalysisRequest>().mute, std::vector<std::int64_t>{2});
        // A checkpoint without them has no alarm.
        bench.page->openLink({{QStringLiteral("step"), 12}});
        QTRY_COMPARE(bench.page->shownStep(), 12);
        QTRY_VERIFY(!bar->isVisible());
    }

    // Measured, pinned, with the alarm: switched to the other theme the page looks as one that never knew
    // another.
    void aSwitchedThemeLeavesNoOldColors() {
        RunStory story;
        const auto shown = [&story](Scheme first, Scheme then, int measure) {
            Theme::instance().setScheme(first);
            Bench bench(story);
            writeCurve(bench.run, story);
            auto copies = copiesAt(story, 20);
            copies.reference = bench.run.toStdString() + "@20";
            writeAnalysis(bench.run, copies);
            const auto wait = [&] { return bench.page->analysis()->current() != nullptr; };
            [&] {
                QTRY_COMPARE(bench.page->shownStep(), 20);
                readAgain(bench);
                QTRY_VERIFY(wait());
                QTRY_COMPARE(bench.page->analysisPanes()->saturation()->gridRows(), 2);
                QTRY_VERIFY(!bench.page->tiles()->tiles()[2].curve.isEmpty());
            }();
            bench.page->map()->setCurrentCell(1, 2);
            bench.page->pinCell(true);
            bench.page->map()->setCurrentCell(2, 1);
            bench.page->analysisPanes()->measure()->setCurrent(measure);
            QTest::qWait(150);
            bench.page->grab();  // painted in the first theme
            Theme::instance().setScheme(then);
            QTest::qWait(150);
            if (QWidget* focused = QApplication::focusWidget()) focused->clearFocus();
            bench.page->analysisPanes()->saturation()->flush();
            QCoreApplication::processEvents();
            return bench.page->grab().toImage();
        };
        for (const int measure :
             {int(AnalysisPanes::Cosine), int(AnalysisPanes::Layers), int(AnalysisPanes::Saturation)}) {
            const QImage switched = shown(Scheme::Light, Scheme::Dark, measure);
            const QImage fresh = shown(Scheme::Dark, Scheme::Dark, measure);
            const QImage light = shown(Scheme::Light, Scheme::Light, measure);
            if (const QString folder = qEnvironmentVariable("CARAVAN_TEST_PICTURES"); !folder.isEmpty()) {
                switched.save(QStringLiteral("%1/switched-%2.png").arg(folder).arg(measure));
                fresh.save(QStringLiteral("%1/fresh-%2.png").arg(folder).arg(measure));
                light.save(QStringLiteral("%1/light-%2.png").arg(folder).arg(measure));
            }
            QCOMPARE(switched.size(), fresh.size());
            int differing = 0;
            for (int y = 0; y < fresh.height(); ++y)
                for (int x = 0; x < fresh.width(); ++x)
                    if (switched.pixel(x, y) != fresh.pixel(x, y)) ++differing;
            QCOMPARE(differing, 0);
            QVERIFY(light != fresh);
        }
        Theme::instance().setScheme(Scheme::Light);
    }
};

CARAVAN_UI_TEST_MAIN(TestRoutingAnalysis)
#include "tst_routing_analysis.moc"
