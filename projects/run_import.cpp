// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/run_import.h"

#include "engine/api/config/descriptors.h"
#include "projects/files.h"
#include "projects/recipe_file.h"
#include "projects/run_rows.h"

namespace caravan::projects {
namespace fs = std::filesystem;
using engine::EngineException;
using engine::ErrorCode;

namespace {

void copyFiles(const fs::path& source, const fs::path& target) {
    for (const auto& entry : fs::recursive_directory_iterator(source)) {
        const fs::path place = target / fs::relative(entry.path(), source);
        if (entry.is_symlink()) continue;
        if (entry.is_directory())
            fs::create_directories(place);
        else if (entry.is_regular_file())
            fs::copy_file(entry.path(), place, fs::copy_options::overwrite_existing);
    }
}

std::string reserve(Project& project, const std::string& wish) {
    if (auto name = project.reserveRun(wish)) return *name;
    auto name = project.reserveRun();
    if (!name) throw EngineException(name.error());
    return *name;
}

// Its paths were relative to the old place.
void rewriteRecipe(const fs::path& source, const fs::path& target) {
    auto recipe = readRecipe(source / "recipe.json");
    if (!recipe) throw EngineException(recipe.error());
    if (auto written = writeRecipe(*recipe, target / "recipe.json"); !written)
        throw EngineException(written.error());
}

}  // namespace

bool isRunFolder(const fs::path& folder) {
    std::error_code error;
    return fs::is_regular_file(folder / "recipe.json", error) &&
           (fs::is_regular_file(folder / "metrics.jsonl", error) ||
            fs::is_directory(folder / "checkpoints", error));
}

engine::Result<std::string> importRunFolder(Project& project, const fs::path& source) {
    return attempt([&] {
        const fs::path from = fs::weakly_canonical(source);
        if (!isRunFolder(from))
            throw EngineException(ErrorCode::FileBad,
                                  {{"file", source.string()},
                                   {"place", "recipe.json"},
                                   {"detail", "a run folder holds recipe.json and metrics.jsonl"}});
        if (from.parent_path() == project.runsFolder())
            throw EngineException(ErrorCode::AlreadyExists, {{"path", from.string()}});
        const auto row = readRunFile(from, from.filename().string());
        if (row && isLive(row->state) && isAlive(row->owner))
            throw EngineException(ErrorCode::RunBusy, {{"run", from.string()}});
        const std::string name = reserve(project, from.filename().string());
        const fs::path target = project.runFolder(name);
        try {
            copyFiles(from, target);
            rewriteRecipe(from, target);
            const auto taken = project.store().execute([&](Connection& db) {
                importRun(db, name, target, false);
                mirrorRun(db, name, target);
            });
            if (!taken) throw EngineException(taken.error());
        } catch (...) {
            std::error_code ignored;
            fs::remove_all(target, ignored);
            throw;
        }
        return name;
    });
}

}  // namespace caravan::projects
