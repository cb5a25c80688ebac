// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/api/fit_table.h"
#include "engine/plan/plan.h"

namespace caravan::engine {

// Published shapes of dense models that can be upcycled, by size.
struct KnownModel {
    std::string name;
    ModelConfig config;
};
[[nodiscard]] const std::vector<KnownModel>& knownModels();

// The plan of each of them under each setting, otherwise with the defaults of a recipe and rows of
// kFitRowTokens. Pure arithmetic.
inline constexpr std::int64_t kFitRowTokens = 2048;
[[nodiscard]] Result<FitTable> fitTable(const DeviceStatus& device);

}  // namespace caravan::engine
