// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/config/descriptors.h"
#include "engine/api/config/recipe.h"
#include "projects/run_catalogue.h"

namespace caravan::projects {

// What a run came to, beyond its row; NaN = not known.
struct RunFigures {
    std::vector<double> curve;  // loss by step, thinned, its last value among them
    double lastLoss = NAN;
    double maxVio = NAN;           // at the last step, mean over layers
    double tokensPerSecond = NAN;  // mean over steps
    double memoryBytes = NAN;      // at most
    bool broken = false;           // the loss was not a number
};
[[nodiscard]] RunFigures readFigures(RunCatalogue& catalogue, const std::string& run);

struct ComparedRun {
    engine::Recipe recipe;
    engine::StepIndex step = 0;
    std::optional<double> heldout, bestHeldout;  // means over domains
    RunFigures figures;
};
// Reads the row, the recipe (paths made absolute) and the figures.
[[nodiscard]] engine::Result<ComparedRun> readCompared(RunCatalogue& catalogue, const std::string& run);

struct ComparedRow {
    std::string key;                                    // of the setting, or "heldout_best" ...
    const engine::FieldDescriptor* field = nullptr;     // nullptr: a result
    int decimals = 0;                                   // of a result: what is shown and compared
    std::vector<std::optional<nlohmann::json>> values;  // by run; nullopt = does not apply, or not known
    bool differs = false;
};
// Every setting in the order of the table, then the results: steps_done, heldout_last, heldout_best,
// loss_last, max_vio, tokens_per_second, memory_bytes.
[[nodiscard]] std::vector<ComparedRow> compareRuns(const std::vector<ComparedRun>& runs);

}  // namespace caravan::projects
