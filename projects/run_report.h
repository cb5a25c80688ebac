// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/api/run_events.h"
#include "projects/run_catalogue.h"

namespace caravan::projects {

// What a report tells of a run; read from the project, a value afterwards.
struct RunReport {
    RunSummary run;
    std::string name;  // the title, or what the recipe makes
    engine::Recipe recipe;
    std::vector<std::pair<std::string, std::string>> settings;  // that differ from the defaults, and the data
    std::vector<SeriesPoint> loss;                              // at most kMostPoints
    std::vector<engine::Evaluation> evaluations;
    std::vector<engine::Sample> samples;
    std::vector<engine::Alarm> alarms;
    std::vector<SettingChange> changes;
    std::vector<engine::CheckpointInfo> checkpoints;
    std::optional<engine::StepMetrics> last;       // of the last step
    std::optional<engine::RoutingRecord> routing;  // of the last logged steps
    std::int64_t tokens = 0;
    double seconds = 0;

    static constexpr std::size_t kMostPoints = 600;
};
[[nodiscard]] engine::Result<RunReport> readReport(RunCatalogue& catalogue, const std::string& run);

// Figures by name: "loss", "routing". Empty: the report goes on without it.
using FigureFunction = std::function<std::string(const std::string& name)>;
// One page of HTML without scripts and without anything from outside; also understood by simple readers of
// rich text (tables, no floats).
[[nodiscard]] std::string reportHtml(const RunReport& report, const FigureFunction& figure);
// A figure as SVG, drawn from the report alone; "" if there is nothing to draw.
[[nodiscard]] std::string reportFigure(const RunReport& report, const std::string& name);

[[nodiscard]] std::string htmlText(std::string_view text);  // escaped

}  // namespace caravan::projects
