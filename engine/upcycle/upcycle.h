// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <stop_token>

#include "engine/api/engine.h"
#include "engine/model/model.h"

namespace caravan::engine::upcycle {

// Dense model + recipe.upcycle -> sparse model. Throws EngineException.

// In memory: the base, its logits, then experts with their initial values, and the proof.
[[nodiscard]] StepZeroProof prove(const Recipe& recipe, const std::filesystem::path& recipeFolder,
                                  at::Device device, const ProgressFunction& progress, std::stop_token stop);
// On disk: writes the folder (Camelidae layout, no LoRA), reads it back and proves step 0 on what was read
// before the folder takes its name.
[[nodiscard]] UpcycleOutcome apply(const Recipe& recipe, const std::filesystem::path& recipeFolder,
                                   const std::filesystem::path& outFolder, at::Device device,
                                   const ProgressFunction& progress, std::stop_token stop);

[[nodiscard]] std::filesystem::path resolved(const std::filesystem::path& path,
                                             const std::filesystem::path& folder);

}  // namespace caravan::engine::upcycle
