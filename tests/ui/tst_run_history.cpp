// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "ui/run_history.h"

using namespace caravan;
using namespace caravan::ui;

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

    void keepsTheColumnsOfItsPageAlone() {
        RunHistory all, progress(StepTable::Keep::Progress), routing(StepTable::Keep::Routing);
        for (std::int64_t step = 1; step <= 100 * 1024; ++step)
            for (RunHistory* history : {&all, &progress, &routing})
                history->apply(sparse(stepOf(step)));
        QCOMPARE(all.steps().back().maxVio, 0.5);
        QCOMPARE(all.steps().back().worstMaxVio, 0.75);
        QCOMPARE(all.steps().back().effectiveExperts, 2.0);
        QCOMPARE(routing.rowAt(777)->maxVio, 0.5);
        QVERIFY(std::isnan(routing.rowAt(777)->loss));
        QCOMPARE(progress.rowAt(777)->loss, stepOf(777).loss);
        QVERIFY(std::isnan(progress.rowAt(777)->maxVio));
        QCOMPARE(progress.secondsPerStep(), all.secondsPerStep());
        routing.clear();
        routing.apply(sparse(stepOf(1)));
        QVERIFY(std::isnan(routing.steps().front().loss));  // clear() forgets steps, not the choice
        QVERIFY(progress.steps().bytes() + routing.steps().bytes() <= all.steps().bytes() + 100000);
        QVERIFY2(all.steps().bytes() < 100 * 1024 * 60, qPrintable(QString::number(all.steps().bytes())));
    }
};

QTEST_MAIN(TestRunHistory)
#include "tst_run_history.moc"
