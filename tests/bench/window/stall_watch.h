// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <execinfo.h>
#include <pthread.h>
#include <unistd.h>

#include <QElapsedTimer>
#include <QTimer>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

namespace caravan::bench {

// Where the window's thread stands when it has not come back to its event loop for `limitMs`, and again each
// time as long: addresses on stderr, for addr2line. Off when limitMs <= 0. Make it on the thread that it is
// to watch.
class StallWatch {
  public:
    explicit StallWatch(int limitMs) : m_limitMs(limitMs) {
        if (limitMs <= 0) return;
        std::signal(SIGUSR2, [](int) {
            void* frames[48];
            const int count = backtrace(frames, 48);
            backtrace_symbols_fd(frames, count, STDERR_FILENO);
        });
        void* once[1];
        backtrace(once, 1);  // loads what it needs outside of the handler
        m_beat.setTimerType(Qt::PreciseTimer);
        QObject::connect(&m_beat, &QTimer::timeout, [this] { ++m_beats; });
        m_beat.start(5);
        m_thread = std::thread([this, watched = pthread_self()] { watch(watched); });
    }
    ~StallWatch() {
        m_stop = true;
        if (m_thread.joinable()) m_thread.join();
    }

  private:
    void watch(pthread_t watched) {
        std::int64_t seen = -1, reported = 0;
        QElapsedTimer since;
        since.start();
        while (!m_stop) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            if (const std::int64_t beats = m_beats; beats != seen) {
                seen = beats;
                reported = 0;
                since.start();
            } else if (since.elapsed() > m_limitMs * (reported + 1)) {
                ++reported;
                std::fprintf(stderr, "stall: %lld ms\n", static_cast<long long>(since.elapsed()));
                pthread_kill(watched, SIGUSR2);
            }
        }
    }

    int m_limitMs;
    QTimer m_beat;
    std::atomic<std::int64_t> m_beats{0};
    std::atomic<bool> m_stop{false};
    std::thread m_thread;
};

}  // namespace caravan::bench
