// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "engine/api/event_json.h"
#include "tests/support/run_fixture.h"
#include "tests/support/window_fixture.h"
#include "ui/bridge/run_controller.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/run_feed.h"
#include "ui/run_history.h"
#include "ui/run_reader.h"
#include "widgets/curve_plot.h"

using namespace caravan;
using namespace caravan::ui;
using test::RunStory;

namespace {

engine::StepMetrics stepOf(std::int64_t step) {
    engine::StepMetrics metrics;
    metrics.step = step;
    metrics.loss = 2 + std::sin(static_cast<double>(step));
    metrics.learningRate = 1e-4 / static_cast<double>(step);
    metrics.gradientNorm = 0.1 * static_cast<double>(step % 7);
    metrics.tokens = 1000 + step % 13;
    metrics.seconds = 0.37 * static_cast<double>(step);
    metrics.tokensPerSecond = step % 100 == 0 ? 0 : 9000 + static_cast<double>(step % 11);
    metrics.memoryBytes = (std::int64_t(5) << 30) + step * 512;
    return metrics;
}

engine::StepMetrics sparse(engine::StepMetrics metrics) {
    metrics.balance = 1.01;
    metrics.maxVio = {0.25F, 0.75F};
    metrics.expertLoad = {{0.5F, 0.5F}, {0.5F, 0.5F}};
    metrics.entropy = {1, 1};
    metrics.confidence = {0.5F, 0.5F};
    return metrics;
}

// Some megabytes of steps; the last hundred of them once more, as by a run that was resumed.
void writeRun(const QTemporaryDir& folder, std::int64_t steps) {
    QFile file(folder.filePath(QStringLiteral("metrics.jsonl")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    const auto write = [&](std::int64_t step) {
        file.write(QByteArray::fromStdString(engine::toJson(engine::RunEvent(stepOf(step))).dump() + "\n"));
    };
    for (std::int64_t step = 1; step <= steps; ++step)
        write(step);
    for (std::int64_t step = steps - 99; step <= steps; ++step)
        write(step);
}

}  // namespace

class TestRunHistory : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void givesBackWhatWasTold() {
        RunHistory history;
        double tokens = 0;
        for (std::int64_t step = 1; step <= 5000; ++step)
            history.apply(stepOf(step));
        QCOMPARE(history.steps().size(), std::size_t(5000));
        for (std::int64_t step = 1; step <= 5000; ++step) {
            const engine::StepMetrics told = stepOf(step);
            tokens += static_cast<double>(told.tokens);
            const auto row = history.rowAt(step);
            QVERIFY(row.has_value());
            QVERIFY(row->step == step && row->loss == told.loss && row->learningRate == told.learningRate);
            QVERIFY(row->gradientNorm == told.gradientNorm && row->tokens == tokens);
            QVERIFY(row->seconds == told.seconds);
            QVERIFY(row->memoryGiB * (1 << 30) == static_cast<double>(told.memoryBytes));
            QVERIFY(std::isnan(row->balance) && std::isnan(row->maxVio));
            QVERIFY(step % 100 == 0 ? std::isnan(row->tokensPerSecond)
                                    : row->tokensPerSecond == told.tokensPerSecond);
        }
        QVERIFY(!history.rowAt(0).has_value());
        QCOMPARE(history.rowAt(9999)->step, engine::StepIndex(5000));
    }

    void clocksOfProcessesAreOneClock() {
        RunHistory history;
        for (std::int64_t step = 1; step <= 3000; ++step)
            history.apply(stepOf(step));
        // Resumed at 2,000 and once more at 2,500, each time by a process whose clock begins at 0.
        for (const auto& [from, to] : {std::pair(2001, 2600), std::pair(2501, 2700)})
            for (std::int64_t step = from; step <= to; ++step) {
                engine::StepMetrics metrics = stepOf(step);
                metrics.seconds = 0.5 * static_cast<double>(step - from + 1);
                history.apply(metrics);
            }
        QCOMPARE(history.steps().size(), std::size_t(2700));
        QCOMPARE(history.secondsAt(2000), 740.0);
        QCOMPARE(history.secondsAt(2500), 740.0 + 250);
        QCOMPARE(history.secondsAt(2700), 740.0 + 250 + 100);
        double tokens = 0;
        for (std::int64_t step = 1; step <= 2700; ++step)
            tokens += static_cast<double>(stepOf(step).tokens);
        QCOMPARE(history.tokensAt(2700), tokens);
    }

    void routingOfAStepIsItsMeanOverLayers() {
        RunHistory history;
        for (std::int64_t step = 1; step <= 100 * 1024; ++step)
            history.apply(sparse(stepOf(step)));
        QCOMPARE(history.steps().back().maxVio, 0.5);
        QCOMPARE(history.steps().back().worstMaxVio, 0.75);
        QCOMPARE(history.steps().back().effectiveExperts, 2.0);
        QCOMPARE(history.rowAt(777)->loss, stepOf(777).loss);
        QVERIFY2(history.steps().bytes() < 100 * 1024 * 60,
                 qPrintable(QString::number(history.steps().bytes())));
    }

    // Two pages that show a run: its file is read once, its events come once, and both see the same values.
    void pagesShareARunsHistory() {
        const QTemporaryDir folder, other;
        writeRun(folder, 3000);
        writeRun(other, 200);
        FakeEngineLink engine;
        test::answerNoRuns(engine);
        engine.start();
        RunController runs(&engine);
        RunFeeds* feeds = RunFeeds::of(&runs);
        QCOMPARE(RunFeeds::of(&runs), feeds);
        engine.tellRun(folder.path(), engine::StateChange{.to = engine::RunState::Running});
        engine.tellRun(folder.path(), stepOf(3001));  // before anybody looks
        auto tune = feeds->feed(folder.path());
        QSignalSpy loaded(tune.get(), &RunFeed::loaded), grown(tune.get(), &RunFeed::grown);
        auto routing = feeds->feed(folder.path());
        QCOMPARE(routing.get(), tune.get());
        QVERIFY(tune->isLoading());
        engine.tellRun(folder.path(), stepOf(3002));  // while the file is read
        QTRY_COMPARE(loaded.count(), 1);
        QCOMPARE(tune->history().lastStep(), engine::StepIndex(3002));
        QCOMPARE(grown.count(), 1);  // what waited
        const double tokens = tune->history().tokensAt(3002);
        engine.tellRun(folder.path(), stepOf(3003));
        QCOMPARE(grown.count(), 2);
        QCOMPARE(routing->history().tokensAt(3003), tokens + static_cast<double>(stepOf(3003).tokens));
        engine.tellRun(other.path(), stepOf(201));  // nobody looks at it
        QCOMPARE(routing->history().lastStep(), engine::StepIndex(3003));
        auto another = feeds->feed(other.path());
        QVERIFY(another.get() != tune.get());
        tune.reset();
        QCOMPARE(feeds->feed(folder.path()).get(), routing.get());  // as long as somebody holds it
        std::weak_ptr<RunFeed> gone = routing;
        routing.reset();
        QVERIFY(gone.expired());
        const auto again = feeds->feed(folder.path());
        QVERIFY(again->isLoading() && again->history().isEmpty());
    }

    void historyReplacesRepeatedSteps() {
        RunStory story;
        RunHistory history;
        for (const auto& event : story.events(0, 20))
            history.apply(event);
        QCOMPARE(history.lastStep(), 20);
        const double seconds = history.secondsAt(15);
        const int generation = history.generation();
        // A resumed run goes on from step 15 in another process: its clock starts anew.
        for (std::int64_t step = 16; step <= 18; ++step) {
            engine::StepMetrics metrics = story.step(step);
            metrics.loss = 9;
            metrics.seconds = static_cast<double>(step - 15);
            history.apply(metrics);
        }
        QVERIFY(history.generation() > generation);
        QCOMPARE(history.lastStep(), 18);
        QCOMPARE(history.steps().size(), std::size_t(18));
        QCOMPARE(history.rowAt(17)->loss, 9.0);
        QCOMPARE(history.secondsAt(18), seconds + 3.0);
        QCOMPARE(history.tokensAt(18), 18000.0);
    }

    void historyTakesTheSameEventsTwice() {
        RunStory story;
        RunHistory history;
        for (int time = 0; time < 2; ++time)
            for (const auto& event : story.events(0, 20))
                history.apply(event);
        QCOMPARE(history.steps().size(), std::size_t(20));
        QCOMPARE(history.evaluations().size(), std::size_t(3));
        QCOMPARE(history.samples().size(), std::size_t(4));
        QCOMPARE(history.secondsAt(20), 8.6 * 20);
        QCOMPARE(history.bestEvaluation()->step, 20);
    }

    void aLongFileIsReadInPieces() {
        const QTemporaryDir folder;
        constexpr std::int64_t kSteps = 60000;
        writeRun(folder, kSteps);
        RunReader reader;
        std::vector<RunHistory> seen;
        std::vector<double> shares;
        connect(&reader, &RunReader::reached, this, [&](const RunHistory& history) {
            QVERIFY(reader.isReading());
            seen.push_back(history);
            shares.push_back(reader.share());
        });
        std::optional<RunHistory> whole;
        connect(&reader, &RunReader::done, this, [&](const RunHistory& history) { whole = history; });
        reader.read(folder.path(), 7);
        QVERIFY(reader.isReading());
        QTRY_VERIFY_WITH_TIMEOUT(whole.has_value(), 60000);
        QVERIFY(!reader.isReading());
        QCOMPARE(whole->steps().size(), std::size_t(kSteps));
        QVERIFY(whole->generation() > 7);  // steps came again
        for (const std::int64_t step : {std::int64_t(1), kSteps / 2, kSteps})
            QCOMPARE(whole->rowAt(step)->loss, stepOf(step).loss);
        QVERIFY2(!seen.empty(), "nothing was shown before the end");
        for (std::size_t i = 0; i < seen.size(); ++i) {
            const bool before = seen[i].generation() == 7;  // the steps that came again are the last
            QVERIFY(before || seen[i].generation() <= whole->generation());
            QVERIFY(i == 0 || !before || seen[i].steps().size() > seen[i - 1].steps().size());
            QVERIFY(shares[i] > 0 && shares[i] <= 1);
            const std::size_t full = seen[i].steps().size() / widgets::Column::kChunk;
            QVERIFY(
                seen[i].steps().column(StepTable::Loss).sharedWith(whole->steps().column(StepTable::Loss)) >=
                full);
        }
    }

    void aReadingThatEndsTellsNothing() {
        const QTemporaryDir folder, other;
        writeRun(folder, 60000);
        writeRun(other, 200);
        RunReader reader;
        QSignalSpy reached(&reader, &RunReader::reached);
        std::vector<std::size_t> sizes;
        connect(&reader, &RunReader::done, this,
                [&](const RunHistory& history) { sizes.push_back(history.steps().size()); });
        reader.read(folder.path(), 0);
        reader.read(other.path(), 0);  // the user has gone on
        QTRY_COMPARE(sizes.size(), std::size_t(1));
        QCOMPARE(sizes[0], std::size_t(200));
        reader.read(folder.path(), 0);
        reader.stop();
        QTest::qWait(300);
        QCOMPARE(sizes.size(), std::size_t(1));
        QCOMPARE(reached.count(), 0);
        reader.read(folder.filePath(QStringLiteral("none")), 0);  // nothing was logged yet
        QTRY_COMPARE(sizes.size(), std::size_t(2));
        QCOMPARE(sizes[1], std::size_t(0));
    }

    void longCurvesAreFilledInPieces() {
        RunHistory history;
        const auto grow = [&](std::int64_t from, std::int64_t to) {
            for (std::int64_t step = from; step <= to; ++step)
                history.apply(stepOf(step));
        };
        grow(1, 50000);
        TunePlots plots;
        plots.update(history, false);
        const widgets::CurveSeries& loss = plots.plot()->series(TunePlots::Loss);
        QVERIFY(!loss.isEmpty() && loss.size() < 50000);  // the window's thread is free in between
        QTRY_COMPARE(loss.size(), std::size_t(50000));
        QCOMPARE(plots.plot()->series(TunePlots::Memory).size(), std::size_t(50000));
        plots.setXAxis(TunePlots::XAxis::Tokens);
        QVERIFY(loss.size() < 50000);
        grow(20001, 20010);  // resumed while the curves are still being filled
        plots.update(history, true);
        QTRY_COMPARE(loss.size(), std::size_t(20010));
        QTest::qWait(50);
        QCOMPARE(loss.size(), std::size_t(20010));
        QCOMPARE(loss.x(20009), history.tokensAt(20010));
        plots.setXAxis(TunePlots::XAxis::Step);
        plots.clear();
        QTest::qWait(50);
        QVERIFY(loss.isEmpty());
    }
};

QTEST_MAIN(TestRunHistory)
#include "tst_run_history.moc"
