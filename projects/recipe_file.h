// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "engine/api/config/recipe.h"
#include "engine/api/result.h"

namespace caravan::projects {

// A recipe file; its relative paths are made absolute against its folder. Bounded: 4 MiB.
[[nodiscard]] engine::Result<engine::Recipe> readRecipe(const std::filesystem::path& file,
                                                        const engine::Recipe& defaults = {});
// Atomically; paths below the file's folder become relative to it.
[[nodiscard]] engine::Result<void> writeRecipe(const engine::Recipe& recipe,
                                               const std::filesystem::path& file);
void makePathsAbsolute(engine::Recipe& recipe, const std::filesystem::path& folder);

}  // namespace caravan::projects
