// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/recipe_file.h"

#include <nlohmann/json.hpp>

#include "engine/api/config/descriptors.h"
#include "projects/files.h"

namespace caravan::projects {
namespace {

constexpr std::int64_t kMaxRecipe = 4 << 20;  // bytes

template <class F>
void eachPath(engine::Recipe& recipe, F f) {
    if (!recipe.model.path.empty()) f(recipe.model.path);
    for (auto& file : recipe.data.files)
        f(file.path);
    for (auto& file : recipe.data.heldout)
        f(file.path);
}

}  // namespace

void makePathsAbsolute(engine::Recipe& recipe, const std::filesystem::path& folder) {
    const auto base = std::filesystem::absolute(folder.empty() ? "." : folder);
    eachPath(recipe, [&](std::string& path) { path = (base / path).lexically_normal().string(); });
}

engine::Result<engine::Recipe> readRecipe(const std::filesystem::path& file, const engine::Recipe& defaults) {
    const auto text = attempt([&] { return readWhole(file, kMaxRecipe); });
    if (!text) return tl::unexpected(text.error());
    nlohmann::json json;
    try {
        json = nlohmann::json::parse(*text);
    } catch (const nlohmann::json::parse_error& e) {
        return engine::fail(engine::ErrorCode::FileBad, {{"file", file.string()},
                                                         {"place", "byte " + std::to_string(e.byte)},
                                                         {"detail", "it is not JSON"}});
    }
    auto recipe = engine::recipeFromJson(json, defaults);
    if (!recipe) {
        auto error = recipe.error();
        error.parameters.emplace_back("file", file.string());
        return tl::unexpected(std::move(error));
    }
    makePathsAbsolute(*recipe, file.parent_path());
    return recipe;
}

engine::Result<void> writeRecipe(const engine::Recipe& recipe, const std::filesystem::path& file) {
    return attempt([&] {
        engine::Recipe copy = recipe;
        const auto folder = std::filesystem::absolute(file).parent_path();
        eachPath(copy, [&](std::string& path) {
            const auto relative = std::filesystem::path(path).lexically_relative(folder);
            if (!relative.empty() && *relative.begin() != "..") path = relative.string();
        });
        writeAtomically(file, engine::recipeToJson(copy).dump(2) + "\n");
    });
}

}  // namespace caravan::projects
