// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/run_reader.h"

#include <sys/resource.h>

#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QFileInfo>
#include <QPointer>
#include <QThreadPool>

#include "projects/metrics_file.h"

namespace caravan::ui {
namespace {

constexpr std::size_t kPiece = 1u << 20;  // bytes of the file
constexpr qint64 kTellEvery = 200;        // ms
constexpr int kNiceness = 10;             // the window's thread comes first

// Threads of its own: a long file would keep short work of the window waiting. On Linux a thread has its own
// niceness, and who = 0 is the calling one.
QThreadPool& readingThreads() {
    static QThreadPool pool;
    static const bool made = [] {
        pool.setMaxThreadCount(2);
        pool.setExpiryTimeout(5000);
        return true;
    }();
    static_cast<void>(made);
    return pool;
}

using Tell = std::function<void(std::shared_ptr<const RunHistory>, double share, bool whole)>;

void readRun(const QString& file, RunHistory history, RunReader::Reading& reading, const Tell& tell) {
    setpriority(PRIO_PROCESS, 0, kNiceness);
    const auto size = static_cast<double>(std::max<qint64>(1, QFileInfo(file).size()));
    projects::MetricsTail tail(file.toStdString());
    QElapsedTimer since;
    since.start();
    while (!reading.stopped) {
        const auto more = tail.takePiece(kPiece, [&](engine::RunEvent&& event) { history.apply(event); });
        if (!more || !*more) break;
        if (since.elapsed() < kTellEvery || !reading.taken.exchange(false)) continue;
        since.start();
        tell(std::make_shared<RunHistory>(history), std::min(1.0, static_cast<double>(tail.offset()) / size),
             false);
    }
    if (!reading.stopped) tell(std::make_shared<RunHistory>(std::move(history)), 1, true);
}

}  // namespace

void RunReader::read(const QString& runFolder, int generation) {
    stop();
    m_reading = std::make_shared<Reading>();
    m_share = 0;
    const QString file = QDir(runFolder).filePath(QStringLiteral("metrics.jsonl"));
    readingThreads().start(
        [pointer = QPointer<RunReader>(this), reading = m_reading, file, history = RunHistory(generation)] {
            readRun(file, history, *reading,
                    [&](std::shared_ptr<const RunHistory> soFar, double share, bool whole) {
                        QMetaObject::invokeMethod(
                            QCoreApplication::instance(),
                            [pointer, reading, soFar = std::move(soFar), share, whole] {
                                if (pointer) pointer->take(reading, *soFar, share, whole);
                            },
                            Qt::QueuedConnection);
                    });
        });
}

void RunReader::stop() {
    if (m_reading) m_reading->stopped = true;
    m_reading.reset();
}

void RunReader::take(const std::shared_ptr<Reading>& reading, const RunHistory& history, double share,
                     bool whole) {
    if (reading != m_reading) return;  // of a run that was left since
    m_share = share;
    if (whole) {
        m_reading.reset();
        Q_EMIT done(history);
        return;
    }
    Q_EMIT reached(history);
    reading->taken = true;
}

}  // namespace caravan::ui
