// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <functional>

#include "ui/bridge/run_controller.h"

namespace caravan::ui {

// Tells the desktop of the run over the session bus: a notification when it ended or paused itself and no
// window of ours is active, and the progress for the task bar while it moves. Without a bus it does nothing.
// GUI thread.
class RunNotifier : public QObject {
    Q_OBJECT
  public:
    explicit RunNotifier(RunController* runs, QObject* parent);
    struct Note {
        QString title, text;
    };
    // What is told of a state; an empty title: nothing.
    [[nodiscard]] static Note noteOf(const LiveRun& live, const QString& name);

    using SendNote = std::function<void(const Note&)>;
    using SendProgress = std::function<void(double fraction, bool visible)>;
    void setSenders(SendNote note, SendProgress progress);  // instead of the bus
    void setNames(std::function<QString(const QString& folder)> name) { m_name = std::move(name); }

  Q_SIGNALS:
    void activated(const QString& folder);  // the notification of that run was clicked

  private:
    void stateChanged();
    void progressChanged();

    RunController* m_runs;
    SendNote m_note;
    SendProgress m_progress;
    std::function<QString(const QString&)> m_name;
    int m_percent = -1;
};

}  // namespace caravan::ui
