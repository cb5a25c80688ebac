// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/api/run_events.h"
#include "projects/project.h"
#include "projects/run_rows.h"

namespace caravan::projects {

// Writes a run's events into the project's database as they happen. Made before the run starts; onEvent() is
// called on the run's thread and never blocks. The engine has written each event to metrics.jsonl before.
class RunRecorder : public engine::RunObserver {
  public:
    // Claims the run for this process ("engine" or "cli"): makes its row, or takes over an ended run that is
    // resumed. RunBusy while another living process owns it. Blocks on the disk. recipe: JSON text, "" keeps
    // the row's; steps: planned, 0 = not known.
    [[nodiscard]] static engine::Result<std::shared_ptr<RunRecorder>> claim(std::shared_ptr<Project> project,
                                                                            const std::string& run,
                                                                            const std::string& ownerKind,
                                                                            const std::string& recipe,
                                                                            engine::StepIndex steps = 0);
    void onEvent(const engine::RunEvent& event) override;
    // The run did not start: a new one becomes failed with the reason, one to be resumed is again what it
    // was.
    void abandon(const engine::Error& error);
    [[nodiscard]] const std::string& run() const { return m_run; }
    [[nodiscard]] const std::shared_ptr<Project>& project() const { return m_project; }

  private:
    RunRecorder(std::shared_ptr<Project> project, std::string run)
        : m_project(std::move(project)), m_run(std::move(run)) {}
    std::shared_ptr<Project> m_project;
    std::string m_run;
    std::optional<RunRow> m_before;
};

}  // namespace caravan::projects
