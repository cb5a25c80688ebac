// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <atomic>
#include <memory>

#include "ui/run_history.h"

namespace caravan::ui {

// Reads a run's metrics file in pieces, away from the window's thread, and hands out what it has so far a few
// times a second. Histories share their full columns, and the next one is made when the last was taken: a run
// of any length stands in memory once, beside one piece of its file.
class RunReader : public QObject {
    Q_OBJECT
  public:
    explicit RunReader(QObject* parent = nullptr) : QObject(parent) {}
    ~RunReader() override { stop(); }
    // Ends a reading before it. generation: that of the histories, until rows of the file take others back.
    void read(const QString& runFolder, int generation);
    void stop();  // nothing is told any more
    [[nodiscard]] bool isReading() const { return m_reading != nullptr; }
    [[nodiscard]] double share() const { return m_share; }  // of the file, 0 to 1

  Q_SIGNALS:
    void reached(const caravan::ui::RunHistory& soFar);
    void done(const caravan::ui::RunHistory& whole);

  public:
    struct Reading {  // shared with the reading thread
        std::atomic<bool> stopped{false};
        std::atomic<bool> taken{true};  // the last history that was handed out
    };

  private:
    void take(const std::shared_ptr<Reading>& reading, const RunHistory& history, double share, bool whole);

    std::shared_ptr<Reading> m_reading;  // nullptr: none goes on
    double m_share = 0;
};

}  // namespace caravan::ui
