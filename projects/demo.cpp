// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/demo.h"

#include <cstdlib>

#include "projects/recipe_file.h"

namespace caravan::projects {
namespace fs = std::filesystem;

fs::path resourcesFolder() {
    std::error_code error;
    const auto holdsDemo = [&](const fs::path& p) {
        return fs::is_directory(p / "demo" / "base-16m", error);
    };
    if (const char* said = std::getenv("CARAVAN_RESOURCES"); said && *said)
        return holdsDemo(said) ? fs::path(said) : fs::path();
    fs::path place = fs::read_symlink("/proc/self/exe", error).parent_path();
    while (!place.empty()) {
        for (const char* below : {"share/caravan", "resources"})
            if (holdsDemo(place / below)) return place / below;
        if (place == place.root_path()) break;
        place = place.parent_path();
    }
    return {};
}

fs::path demoModel() {
    const fs::path resources = resourcesFolder();
    return resources.empty() ? fs::path() : resources / "demo" / "base-16m";
}

engine::Result<Demo> openDemo(const fs::path& folder) {
    const fs::path resources = resourcesFolder();
    if (resources.empty())
        return engine::fail(engine::ErrorCode::FileMissing, {{"file", "resources/demo/base-16m"}});
    Demo demo;
    auto recipe = readRecipe(resources / "presets" / "demo.json");
    if (!recipe) return tl::unexpected(recipe.error());
    demo.recipe = std::move(*recipe);
    const bool fresh = !Project::isProject(folder);
    auto project = fresh ? Project::create(folder, "Demo") : Project::open(folder);
    if (!project) return tl::unexpected(project.error());
    demo.project = std::move(*project);
    if (fresh) {
        std::vector<Project::DataEntry> files;
        for (const auto& f : demo.recipe.data.files)
            files.push_back({f.path, f.name, f.weight, false});
        for (const auto& f : demo.recipe.data.heldout)
            files.push_back({f.path, f.name, f.weight, true});
        demo.project->setData(std::move(files));
    }
    return demo;
}

}  // namespace caravan::projects
