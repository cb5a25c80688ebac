// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include "ui/bridge/engine_link.h"
#include "ui/project_context.h"
#include "ui/run_history.h"
#include "ui/run_reader.h"
#include "ui/services.h"

class QComboBox;

namespace caravan::ui {

// The run that a page shows: chosen from the project's list, read from its file in the background, then kept
// up with the engine's events. What Tune and Routing have in common.
class RunFollower : public QObject {
    Q_OBJECT
  public:
    // keep: which columns of the steps the page shows.
    RunFollower(const Services& services, StepTable::Keep keep, QObject* parent);

    // Lists the runs; a choice in it selects the run in the whole project. Owned by the page that lays it
    // out.
    [[nodiscard]] QComboBox* box() const { return m_box; }
    void setProject(ProjectContext* project);
    void choose(const QString& runId);  // unknown or "": none

    [[nodiscard]] ProjectContext* project() const { return m_project; }
    [[nodiscard]] QString id() const { return m_id; }          // "": none is shown
    [[nodiscard]] QString folder() const { return m_folder; }  // absolute
    [[nodiscard]] const RunHistory& history() const { return m_history; }
    [[nodiscard]] bool isLoading() const { return m_reader.isReading(); }  // its file is being read
    [[nodiscard]] double loadedShare() const { return m_reader.share(); }  // of the file, 0 to 1
    [[nodiscard]] const RunEntry* entry() const;                           // nullptr: none
    [[nodiscard]] bool isHeld() const;  // the engine works on it, or worked on it last
    [[nodiscard]] bool isLive() const;  // the engine works on it
    [[nodiscard]] bool isDense() const;
    [[nodiscard]] std::int64_t modelLayers() const;  // of its base; 0 = not known

  Q_SIGNALS:
    void chosen();                                        // another run, or none: the history is empty
    void listed();                                        // the list of runs was read again
    void reached();                                       // more of a long file is in the history
    void loaded();                                        // the file has been read into the history
    void grown(const caravan::ui::RunEventBatch& batch);  // events that are in the history now

  private:
    void fill();
    void load();
    void take(const QString& folder, const RunEventBatch& batch);
    void apply(const RunEventBatch& batch);

    Services m_services;
    ProjectContext* m_project = nullptr;
    QComboBox* m_box;
    QString m_id, m_folder;
    RunHistory m_history;
    RunReader m_reader;
    RunEventBatch m_waiting;  // live events while the file is read
    RunEventBatch m_early;    // of m_earlyFolder, before the project's runs are known
    QString m_earlyFolder;
};

// "base-16m-pesc-8x2", with the folder's name behind it where two runs share a title.
[[nodiscard]] QString runName(const ProjectContext& project, const RunEntry& run);

}  // namespace caravan::ui
