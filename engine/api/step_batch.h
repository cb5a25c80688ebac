// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/api/data_preview.h"
#include "engine/api/run_events.h"

namespace caravan::engine {

// What a step of a run was trained on: rows, domains and tokens as the model saw them. They follow from the
// recipe (seed, order, packing) and the files; a run keeps no copy. Of files that were changed since the run
// it is not the same any more: tokens() then differs from what the step logged.
struct StepBatch {
    StepIndex step = 0;
    std::int64_t steps = 0;  // of the whole run
    std::int64_t epoch = 0;  // from 0
    std::int64_t sequenceLength = 0;
    std::vector<PreviewSequence> batch;  // micro-batches of the step
    [[nodiscard]] std::int64_t rows() const;
    [[nodiscard]] std::int64_t tokens() const;         // without padding
    [[nodiscard]] std::int64_t trainedTokens() const;  // of them, with a loss
    // Rows by domain, in order of appearance.
    [[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> domains() const;
};
void to_json(nlohmann::json& out, const StepBatch& batch);
void from_json(const nlohmann::json& in, StepBatch& batch);

}  // namespace caravan::engine
