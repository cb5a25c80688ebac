// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// bench_window_session [SECONDS [POINTS [LAYERS]]]: a working session in the whole window. A run tells 50
// steps a second of 32 layers (or so many) x 256 experts on top of a million that are there already, an
// answer of 2,000 lines streams into the chat, the pages are changed every two seconds. Prints how late the
// event loop was; with CARAVAN_STALLS=MS in the environment also where it was when it was later than that.
#include <QKeyEvent>
#include <QPlainTextEdit>
#include <cmath>

#include "tests/bench/window/bench_window.h"
#include "tests/bench/window/stall_watch.h"
#include "tests/support/run_fixture.h"
#include "ui/page.h"

using namespace caravan;

namespace {

constexpr int kExperts = 256;
int g_layers = 32;
constexpr qsizetype kBatch = 1000;  // steps

engine::StepMetrics stepOf(std::int64_t index, bool loads) {
    engine::StepMetrics m;
    m.step = index;
    m.loss =
        1 + std::exp(-static_cast<double>(index) * 1e-5) + 0.1 * std::sin(static_cast<double>(index) * 0.7);
    const auto i = static_cast<double>(index);  // no figure stands still: none is stored for nothing
    m.balance = 1.02 + 0.003 * std::sin(i * 1.3);
    m.learningRate = 1e-4 * (1 + std::cos(i * 1e-6));
    m.gradientNorm = 0.2 + 0.05 * std::sin(i);
    m.tokens = 4096 - index % 61;
    m.tokensPerSecond = 15000 + 300 * std::sin(i * 2.1);
    m.seconds = 0.02 * i + 0.004 * std::sin(i * 0.3);
    m.memoryBytes = (std::int64_t(3) << 30) + (index * 7919) % 100003 * 512;
    if (!loads) {  // what the table of steps keeps of the routing
        const auto noise = static_cast<float>(std::sin(i * 0.9));
        m.maxVio = {0.5F + 0.1F * noise};
        m.entropy = {0.97F + 0.01F * noise};
        m.confidence = {0.3F + 0.05F * noise};
        m.expertLoad = {{0.5F, 0.5F}};
        return m;
    }
    for (int layer = 0; layer < g_layers; ++layer) {
        std::vector<float> load(kExperts);
        for (int e = 0; e < kExperts; ++e)
            load[static_cast<std::size_t>(e)] = (1 + 0.5F * std::sin(static_cast<float>(e * 7 + layer * 3) +
                                                                     0.01F * static_cast<float>(index))) /
                                                kExperts;
        m.expertLoad.push_back(load);
        m.maxVio.push_back(0.5F);
        m.entropy.push_back(0.97F);
        m.confidence.push_back(0.3F);
        m.margin.push_back(0.1F);
        m.tokenEntropy.push_back(0.8F);
    }
    return m;
}

engine::TokenEvent tokenOf(std::int64_t index) {
    engine::TokenEvent t;
    t.id = 100 + index % 1000;
    t.text = t.bytes = index % 12 == 11 ? "\n" : " word";
    t.logprob = -0.3;
    t.alternatives = {{t.id, t.text, -0.3}, {7, " other", -2.5}};
    for (std::int64_t layer = 0; layer < 8; ++layer) {
        const auto e = static_cast<std::int32_t>((index + layer) % 8);
        t.layers.push_back(layer);
        t.experts.push_back({e, (e + 3) % 8});
        t.weights.push_back({0.7F, 0.3F});
        t.probabilities.push_back(std::vector<float>(8, 0.125F));
    }
    return t;
}

class Session : public QObject {
  public:
    Session(ui::FakeEngineLink& engine, ui::MainWindow& window, const QString& run, std::int64_t points)
        : m_engine(engine), m_window(window), m_run(run), m_step(points) {}

    void start() {
        every(20, [this] { m_engine.tellRun(m_run, stepOf(++m_step, true)); });
        every(33, [this] { stream(); });
        every(2000, [this] {
            static const char* pages[] = {"tune", "chat", "routing", "tune", "chat", "runs"};
            m_window.showPage(QLatin1String(pages[m_page++ % 6]));
        });
    }
    [[nodiscard]] std::int64_t tokens() const { return m_tokens; }

  private:
    template <class F>
    void every(int ms, F act) {
        auto* timer = new QTimer(this);
        timer->setTimerType(Qt::PreciseTimer);
        connect(timer, &QTimer::timeout, this, act);
        timer->start(ms);
    }
    void stream() {
        const auto* asked = m_engine.last("generate");
        if (asked == nullptr || m_tokens >= 24000) return;  // 2,000 lines
        QVector<engine::TokenEvent> batch;
        for (int i = 0; i < 40; ++i)
            batch << tokenOf(m_tokens++);
        m_engine.tellTokens(asked->id, batch);
    }
    ui::FakeEngineLink& m_engine;
    ui::MainWindow& m_window;
    QString m_run;
    std::int64_t m_step, m_tokens = 0;
    int m_page = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const int seconds = argc > 1 ? atoi(argv[1]) : 60;
    const std::int64_t points = argc > 2 ? atoll(argv[2]) : 1000000;
    if (argc > 3) g_layers = atoi(argv[3]);
    bench::BenchWindow window(argc, argv);
    const QString folder = window.sandbox.path(QStringLiteral("session"));
    test::RunStory story;
    const QString run = test::writeRun(folder, "0001", story, engine::RunState::Stopped);
    window.show();
    window.open(folder, 1);
    window->project()->addModelFolder(window.sandbox.makeFolder(QStringLiteral("models/base")));
    window->showPage(QStringLiteral("tune"));
    engine::StateChange change;
    change.to = engine::RunState::Running;
    change.run = run.toStdString();
    window.engine.tellRun(run, change);
    bench::waitFor([] { return false; }, 500);  // the pages have read the run's file
    ui::RunEventBatch batch;                    // as the mailbox hands them out, not one by one
    for (std::int64_t i = story.steps + 1; i <= points; ++i) {
        batch << ui::RunEventItem{run, stepOf(i, false)};
        if (batch.size() < kBatch && i < points) continue;
        Q_EMIT window.engine.runEvents(batch);
        batch.clear();
        QApplication::processEvents();
    }
    bench::waitFor([] { return false; }, 1000);
    window->showPage(QStringLiteral("chat"));
    bench::waitFor([] { return false; }, 1000);
    for (auto* edit : window->page(QStringLiteral("chat"))->findChildren<QPlainTextEdit*>()) {
        if (edit->accessibleName() != QStringLiteral("Message")) continue;
        edit->setPlainText(QStringLiteral("Tell me everything."));
        QKeyEvent enter(QEvent::KeyPress, Qt::Key_Return, Qt::NoModifier);
        QApplication::sendEvent(edit, &enter);
    }
    std::printf("%lld points, %.0f MiB resident before\n", static_cast<long long>(points),
                bench::residentMib());
    Session session(window.engine, *window, run, points);
    bench::LoopDelay delay;
    const bench::StallWatch watch(qEnvironmentVariableIntValue("CARAVAN_STALLS"));
    delay.start();
    session.start();
    bench::waitFor([] { return false; }, seconds * 1000);
    std::printf(
        "%d s, %lld tokens in the chat: event loop late by p50 %.1f, p99 %.1f, at most %.1f ms "
        "(%zu looks); own work between two looks p99 %.1f, at most %.1f ms; %.0f MiB resident\n",
        seconds, static_cast<long long>(session.tokens()), delay.quantile(0.5), delay.quantile(0.99),
        delay.quantile(1), delay.count(), delay.workQuantile(0.99), delay.workQuantile(1),
        bench::residentMib());
    return 0;
}
