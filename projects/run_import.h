// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "engine/api/result.h"
#include "projects/project.h"

namespace caravan::projects {

// Copies a run folder of anywhere (another project, another machine) into the project and takes its rows in:
// under its own name if that is free, else the next number. Links are not followed. Paths of its recipe keep
// meaning what they meant there. FileBad: no run folder; RunBusy: its owner lives. Returns the name; blocks
// on the disk for as long as the copy takes.
[[nodiscard]] engine::Result<std::string> importRunFolder(Project& project,
                                                          const std::filesystem::path& source);
// recipe.json is there, and steps or a checkpoint.
[[nodiscard]] bool isRunFolder(const std::filesystem::path& folder);

}  // namespace caravan::projects
