// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>

#include "app/cli/command.h"
#include "projects/project.h"

namespace caravan::cli {

// A tuning run in this process, from start to end: JSON lines or tables on stdout, progress on stderr, rows
// into the project, Ctrl-C and requests of other processes.
struct TuningOutcome {
    int exitCode = 0;
    engine::RunState state = engine::RunState::Failed;
    engine::StepIndex step = 0;
    std::vector<engine::StepMetrics> steps;
    std::vector<engine::Evaluation> evaluations;
    std::vector<engine::CheckpointInfo> checkpoints;
    std::vector<engine::Alarm> alarms;
    std::optional<engine::RoutingRecord> routing;  // of the last record
    double seconds = 0;
};
using BeginRun =
    std::function<engine::Result<std::shared_ptr<engine::TuningRun>>(std::shared_ptr<engine::RunObserver>)>;

// project null: a run folder outside of any project. recipe: JSON text, "" keeps the row's.
[[nodiscard]] TuningOutcome runTuning(Context& context, std::shared_ptr<projects::Project> project,
                                      const std::string& runFolder, const std::string& recipe,
                                      engine::StepIndex steps, const BeginRun& begin);

}  // namespace caravan::cli
