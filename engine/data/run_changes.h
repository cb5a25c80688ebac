// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "engine/api/run_events.h"

namespace caravan::engine {

// The micro-batch in tokens that a run was told to use from this step or an earlier one on (changes.jsonl in
// its folder, which engine/train writes); of two lines the later one is in force. nullopt: as the recipe
// says.
[[nodiscard]] std::optional<std::int64_t> microBatchTokensTold(const std::filesystem::path& runFolder,
                                                               StepIndex step);

}  // namespace caravan::engine
