// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "engine/api/result.h"
#include "projects/project.h"

namespace caravan::projects {

// Runs that were deleted lie in PROJECT/trash/NAME as they were, without rows in the database. Both block.

// Refused (RunBusy) while the run's owner lives.
[[nodiscard]] engine::Result<void> trashRun(Project& project, const std::string& run);
// Back under its name, with all rows anew from its folder; AlreadyExists if that name is taken.
[[nodiscard]] engine::Result<void> restoreRun(Project& project, const std::string& run);

}  // namespace caravan::projects
