// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "engine/api/config/recipe.h"
#include "engine/api/result.h"

namespace caravan::cli {

// What a model argument leads to, for commands that read no weights.
struct ModelPlace {
    std::filesystem::path folder;          // with config.json or tokenizer files; of a run: its base
    std::optional<engine::Recipe> recipe;  // of a run
    std::filesystem::path run;             // of a run: its folder
};
// A model folder, a tokenizer file, a run folder, or RUN@STEP.
[[nodiscard]] engine::Result<ModelPlace> placeOf(const std::string& text);
// As placeOf, then from a LoRA folder without tokenizer to its base.
[[nodiscard]] engine::Result<std::filesystem::path> tokenizerPlace(const std::string& text);

}  // namespace caravan::cli
