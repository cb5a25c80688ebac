// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/model_folder_of.h"

#include "app/cli/recipe_options.h"
#include "engine/formats/peft.h"
#include "projects/recipe_file.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::ErrorCode;

engine::Result<ModelPlace> placeOf(const std::string& text) {
    const auto resolved = resolveModel(text);
    if (!resolved) return tl::unexpected(resolved.error());
    ModelPlace place;
    place.folder = *resolved;
    std::error_code ignored;
    if (!fs::exists(place.folder, ignored)) {  // RUN@STEP
        const std::size_t at = resolved->rfind('@');
        const std::string step = resolved->substr(at + 1);
        place.folder = resolved->substr(0, at);
        if (step.empty() || step.find_first_not_of("0123456789") != std::string::npos)
            return engine::fail(
                ErrorCode::BadOption,
                {{"key", "MODEL"}, {"value", text}, {"range", "RUN@STEP with a step number"}});
        const std::string padded = step.size() < 6 ? std::string(6 - step.size(), '0') + step : step;
        const fs::path checkpoint = place.folder / "checkpoints" / ("step-" + padded);
        if (!fs::exists(checkpoint, ignored))
            return engine::fail(ErrorCode::NotFound, {{"what", "checkpoint"}, {"name", checkpoint.string()}});
    }
    const fs::path recipeFile = place.folder / "recipe.json";
    if (fs::exists(place.folder / "config.json", ignored) || !fs::exists(recipeFile, ignored)) return place;
    auto recipe = projects::readRecipe(recipeFile);
    if (!recipe) return tl::unexpected(recipe.error());
    place.run = place.folder;
    place.folder = recipe->model.path;
    place.recipe = std::move(*recipe);
    return place;
}

engine::Result<fs::path> tokenizerPlace(const std::string& text) {
    auto place = placeOf(text);
    if (!place) return tl::unexpected(place.error());
    std::error_code ignored;
    bool own = !fs::is_directory(place->folder, ignored);
    for (const char* name : {"tokenizer.json", "tokenizer.model", "sentencepiece.model", "vocab.json"})
        own = own || fs::exists(place->folder / name, ignored);
    if (own || !engine::isPeftFolder(place->folder)) return place->folder;
    const auto config = engine::readPeftConfig(place->folder);
    if (!config) return tl::unexpected(config.error());
    return engine::peftBase(*config, place->folder);
}

}  // namespace caravan::cli
