// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QObject>
#include <memory>

#include "ui/bridge/engine_link.h"
#include "ui/run_history.h"
#include "ui/run_reader.h"

namespace caravan::ui {

class RunController;

// A run's history, read from its file in the background and then kept up with the engine's events. Pages that
// show the same run share one: its file is parsed once and its events are taken in once.
class RunFeed : public QObject {
    Q_OBJECT
  public:
    // early: events that came before anybody looked at the run.
    RunFeed(const QString& runFolder, RunEventBatch early);
    [[nodiscard]] const RunHistory& history() const { return m_history; }
    [[nodiscard]] bool isLoading() const { return m_reader.isReading(); }
    [[nodiscard]] double loadedShare() const { return m_reader.share(); }
    void take(const RunEventBatch& batch);

  Q_SIGNALS:
    void reached();                                       // more of a long file is in the history
    void loaded();                                        // all of it is, and what came meanwhile
    void grown(const caravan::ui::RunEventBatch& batch);  // these events are in the history now

  private:
    void apply(const RunEventBatch& batch);

    RunHistory m_history;
    RunReader m_reader;
    RunEventBatch m_waiting;  // while the file is read
};

// The runs that are looked at: a feed lives as long as somebody holds it. One for the window, beside its
// RunController, whose events it hands on.
class RunFeeds : public QObject {
    Q_OBJECT
  public:
    [[nodiscard]] static RunFeeds* of(RunController* runs);
    [[nodiscard]] std::shared_ptr<RunFeed> feed(const QString& runFolder);

  private:
    explicit RunFeeds(RunController* runs);
    void take(const QString& folder, const RunEventBatch& batch);

    QHash<QString, std::weak_ptr<RunFeed>> m_feeds;  // by run folder
    RunEventBatch m_early;                           // of m_earlyFolder, while nobody looks at any run
    QString m_earlyFolder;
};

}  // namespace caravan::ui
