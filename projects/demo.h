// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>

#include "engine/api/config/recipe.h"
#include "engine/api/result.h"
#include "projects/project.h"

namespace caravan::projects {

// resources/ as installed or in the source tree: CARAVAN_RESOURCES, else found from the program's place.
// Empty if absent.
[[nodiscard]] std::filesystem::path resourcesFolder();
[[nodiscard]] std::filesystem::path demoModel();  // base-16m

struct Demo {
    std::shared_ptr<Project> project;
    engine::Recipe recipe;  // absolute paths
};
// The embedded example: opens or makes a project in the folder and gives the recipe of
// resources/presets/demo.json.
[[nodiscard]] engine::Result<Demo> openDemo(const std::filesystem::path& folder);

}  // namespace caravan::projects
