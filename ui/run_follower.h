// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include "ui/bridge/engine_link.h"
#include "ui/project_context.h"
#include "ui/run_feed.h"
#include "ui/run_history.h"
#include "ui/services.h"

class QComboBox;

namespace caravan::ui {

// The run that a page shows: chosen from the project's list, and its history, which all followers of the run
// share. What Tune and Routing have in common.
class RunFollower : public QObject {
    Q_OBJECT
  public:
    RunFollower(const Services& services, QObject* parent);

    // Lists the runs; a choice in it selects the run in the whole project. Owned by the page that lays it
    // out.
    [[nodiscard]] QComboBox* box() const { return m_box; }
    void setProject(ProjectContext* project);
    void choose(const QString& runId);  // unknown or "": none

    [[nodiscard]] ProjectContext* project() const { return m_project; }
    [[nodiscard]] QString id() const { return m_id; }          // "": none is shown
    [[nodiscard]] QString folder() const { return m_folder; }  // absolute
    [[nodiscard]] const RunHistory& history() const { return m_feed ? m_feed->history() : m_none; }
    [[nodiscard]] bool isLoading() const { return m_feed && m_feed->isLoading(); }  // its file is being read
    [[nodiscard]] double loadedShare() const { return m_feed ? m_feed->loadedShare() : 0; }  // 0 to 1
    [[nodiscard]] const RunEntry* entry() const;                                             // nullptr: none
    [[nodiscard]] bool isHeld() const;  // the engine works on it, or worked on it last
    [[nodiscard]] bool isLive() const;  // the engine works on it
    [[nodiscard]] bool isDense() const;
    [[nodiscard]] std::int64_t modelLayers() const;  // of its base; 0 = not known

  Q_SIGNALS:
    void chosen();                                        // another run, or none
    void listed();                                        // the list of runs was read again
    void reached();                                       // more of a long file is in the history
    void loaded();                                        // the file has been read into the history
    void grown(const caravan::ui::RunEventBatch& batch);  // events that are in the history now

  private:
    void fill();
    void hold(std::shared_ptr<RunFeed> feed);

    Services m_services;
    ProjectContext* m_project = nullptr;
    QComboBox* m_box;
    QString m_id, m_folder;
    RunHistory m_none;
    std::shared_ptr<RunFeed> m_feed;  // null: no run is shown
};

// "base-16m-pesc-8x2", with the folder's name behind it where two runs share a title.
[[nodiscard]] QString runName(const ProjectContext& project, const RunEntry& run);

}  // namespace caravan::ui
