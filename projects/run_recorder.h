// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "engine/api/run_events.h"
#include "projects/project.h"

namespace caravan::projects {

// Writes a run's events into the project's database as they happen. Made before the run starts; onEvent() is
// called on the run's thread and never blocks. The engine has written each event to metrics.jsonl before.
class RunRecorder : public engine::RunObserver {
  public:
    // Claims the run for this process ("engine" or "cli"): makes its row, or takes over an ended run that is
    // resumed. recipe: JSON text; steps: planned, 0 = not known.
    RunRecorder(std::shared_ptr<Project> project, std::string run, std::string ownerKind, std::string recipe,
                engine::StepIndex steps = 0);
    void onEvent(const engine::RunEvent& event) override;
    // The run never started (or its owner gives it up): state failed with the reason.
    void abandon(const engine::Error& error);
    [[nodiscard]] const std::string& run() const { return m_run; }
    [[nodiscard]] const std::shared_ptr<Project>& project() const { return m_project; }

  private:
    std::shared_ptr<Project> m_project;
    std::string m_run;
};

}  // namespace caravan::projects
