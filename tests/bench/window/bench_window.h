// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QApplication>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QFile>
#include <QTimer>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

#include "tests/support/window_fixture.h"
#include "ui/main_window.h"
#include "ui/project_context.h"

namespace caravan::bench {

// Resident memory of this process, MiB.
inline double residentMib() {
    QFile file(QStringLiteral("/proc/self/status"));
    if (!file.open(QIODevice::ReadOnly)) return -1;
    for (const QByteArray& line : file.readAll().split('\n'))
        if (line.startsWith("VmRSS:")) return line.mid(6).simplified().split(' ').first().toDouble() / 1024;
    return -1;
}

// Runs the event loop until ready() or the time is over; milliseconds that it took, -1 = not in time.
inline double waitFor(const std::function<bool()>& ready, int limitMs) {
    QElapsedTimer time;
    time.start();
    QEventLoop loop;
    QTimer poll;
    poll.setInterval(1);
    QObject::connect(&poll, &QTimer::timeout, &loop, [&] {
        if (ready() || time.elapsed() > limitMs) loop.quit();
    });
    poll.start();
    loop.exec();
    return ready() ? static_cast<double>(time.nsecsElapsed()) / 1e6 : -1;
}

// CPU time of this thread, ms: what the window itself did, whoever else uses the cores.
inline double threadMs() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// How late the event loop comes to a timer that wants to fire every 5 ms, and how long this thread worked
// between two looks.
class LoopDelay : public QObject {
  public:
    void start() {
        m_late.clear();
        m_work.clear();
        m_worked = threadMs();
        m_timer.setTimerType(Qt::PreciseTimer);
        m_timer.setInterval(kEveryMs);
        connect(&m_timer, &QTimer::timeout, this, [this] {
            m_late.push_back(std::max(0.0, static_cast<double>(m_since.nsecsElapsed()) / 1e6 - kEveryMs));
            m_since.start();
            m_work.push_back(threadMs() - m_worked);
            m_worked = threadMs();
        });
        m_since.start();
        m_timer.start();
    }
    [[nodiscard]] double quantile(double q) const { return quantileOf(m_late, q); }
    [[nodiscard]] double workQuantile(double q) const { return quantileOf(m_work, q); }
    [[nodiscard]] std::size_t count() const { return m_late.size(); }

  private:
    static double quantileOf(std::vector<double> sorted, double q) {
        if (sorted.empty()) return -1;
        std::sort(sorted.begin(), sorted.end());
        return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
    }
    static constexpr int kEveryMs = 5;
    QTimer m_timer;
    QElapsedTimer m_since;
    std::vector<double> m_late, m_work;
    double m_worked = 0;
};

// The whole window, shown at 1440 x 900 in settings of its own, over an engine that answers what the pages
// ask when they open and else what the bench says.
class BenchWindow {
  public:
    BenchWindow(int& argc, char** argv)
        : m_offscreen(qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM") &&
                      qputenv("QT_QPA_PLATFORM", "offscreen")),
          m_application(argc, argv) {
        ui::Theme::instance().install(ui::Scheme::Light);
    }
    // The time of its construction is the caller's to take.
    void show() {
        test::answerModels(engine);
        test::answerPlans(engine);
        test::answerNoRuns(engine);
        m_window = std::make_unique<ui::MainWindow>(&engine);
        m_window->resize(1440, 900);
        m_window->show();
        engine.start();
    }
    ui::MainWindow* operator->() const { return m_window.get(); }
    ui::MainWindow& operator*() const { return *m_window; }
    // Opens the project and waits for so many runs of it.
    void open(const QString& folder, qsizetype runs) {
        m_window->openProject(folder);
        waitFor([&] { return m_window->project() && m_window->project()->runs().size() == runs; }, 60000);
    }

    test::Sandbox sandbox;  // before the application

  private:
    bool m_offscreen;
    QApplication m_application;

  public:
    ui::FakeEngineLink engine;

  private:
    std::unique_ptr<ui::MainWindow> m_window;
};

}  // namespace caravan::bench
