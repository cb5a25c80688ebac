// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// bench_window_long_run [STEPS]: opens a finished run of a million steps in Tune, then drags the smoothing
// slider and changes the x axis. Prints how late the event loop was in each part.
#include <sys/resource.h>

#include <QComboBox>
#include <QSlider>
#include <cmath>

#include "engine/api/event_json.h"
#include "tests/bench/window/bench_window.h"
#include "tests/bench/window/stall_watch.h"
#include "tests/support/run_fixture.h"
#include "ui/page.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/tune/tune_plots.h"
#include "widgets/curve_plot.h"

using namespace caravan;

namespace {

// metrics.jsonl of `steps` steps; what a step tells of 4 layers x 4 experts is a story's.
double writeMetrics(const QString& file, std::int64_t steps) {
    test::RunStory story;
    nlohmann::json line = engine::toJson(engine::RunEvent(story.step(7)));
    std::FILE* out = std::fopen(qPrintable(file), "w");
    for (std::int64_t step = 1; step <= steps; ++step) {
        const auto i = static_cast<double>(step);
        line["step"] = step;
        line["loss"] = 1 + std::exp(-i * 1e-5) + 0.1 * std::sin(i * 0.7);
        line["gradient_norm"] = 0.2 + 0.05 * std::sin(i);
        line["tokens_per_second"] = 15000 + 300 * std::sin(i * 2.1);
        line["balance"] = 1.02 + 0.003 * std::sin(i * 1.3);
        line["seconds"] = 0.02 * i + 0.004 * std::sin(i * 0.3);
        std::fputs(line.dump().c_str(), out);
        std::fputc('\n', out);
    }
    const auto bytes = static_cast<double>(std::ftell(out));
    std::fclose(out);
    return bytes / 1e6;
}

double peakMib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

void tell(const char* what, double ms, const bench::LoopDelay& delay) {
    std::printf(
        "%-28s %7.0f ms: event loop late by p99 %5.1f, at most %5.1f ms; own work at most %5.1f ms; %.0f MiB "
        "resident, %.0f at its peak\n",
        what, ms, delay.quantile(0.99), delay.quantile(1), delay.workQuantile(1), bench::residentMib(),
        peakMib());
    std::fflush(stdout);
}

// Calls act(i) every 16 ms, `count` times, and runs the loop half a second longer.
double drive(int count, const std::function<void(int)>& act) {
    int done = 0;
    QTimer timer;
    timer.setTimerType(Qt::PreciseTimer);
    QElapsedTimer time;
    time.start();
    QObject::connect(&timer, &QTimer::timeout, [&] {
        if (done < count) act(done++);
    });
    timer.start(16);
    bench::waitFor([&] { return done >= count; }, 60000);
    const auto took = static_cast<double>(time.elapsed());
    bench::waitFor([] { return false; }, 500);
    return took;
}

}  // namespace

int main(int argc, char** argv) {
    const std::int64_t steps = argc > 1 ? atoll(argv[1]) : 1000000;
    bench::BenchWindow window(argc, argv);
    const QString folder = window.sandbox.path(QStringLiteral("long"));
    const QString run = test::writeRun(folder, "0001", test::RunStory(), engine::RunState::Finished);
    const double mb = writeMetrics(run + QStringLiteral("/metrics.jsonl"), steps);
    window.show();
    bench::waitFor([] { return false; }, 500);
    std::printf("%lld steps, %.0f MB; %.0f MiB resident before\n", static_cast<long long>(steps), mb,
                bench::residentMib());
    std::fflush(stdout);
    const bench::StallWatch watch(qEnvironmentVariableIntValue("CARAVAN_STALLS"));
    bench::LoopDelay open, smooth, axis;
    open.start();
    window.open(folder, 1);
    window->showPage(QStringLiteral("tune"));
    auto* page = static_cast<ui::TunePage*>(window->page(QStringLiteral("tune")));
    auto* plot = page->plots()->plot();
    const double first = bench::waitFor([&] { return plot->series(0).size() > 1000; }, 120000);
    std::printf("first curves after %.0f ms\n", first);
    const double rest =
        bench::waitFor([&] { return plot->series(0).size() == static_cast<std::size_t>(steps); }, 300000);
    tell("read and drawn in", first + rest, open);
    for (auto* slider : page->findChildren<QSlider*>()) {
        if (slider->accessibleName() != QStringLiteral("Smoothing")) continue;
        smooth.start();
        const double took = drive(100, [&](int i) { slider->setValue(i); });
        tell("smoothing dragged over 100", took, smooth);
    }
    axis.start();
    const double changed = drive(30, [&](int i) {
        if (i % 10 == 0) page->plots()->setXAxis(static_cast<ui::TunePlots::XAxis>((i / 10 + 1) % 3));
    });
    tell("three other x axes", changed, axis);
    return 0;
}
