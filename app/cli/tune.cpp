// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include "app/cli/recipe_options.h"
#include "app/cli/tuning_session.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::ErrorCode;

namespace {

struct Options {
    RecipeOptions recipe;
    std::string project, name;
};

// What is missing or contradictory, before the engine is loaded.
engine::Result<void> check(Context& context, const engine::Recipe& recipe) {
    if (recipe.model.path.empty()) return engine::fail(ErrorCode::MissingOption, {{"key", "--model"}});
    if (!fs::exists(recipe.model.path) && recipe.model.path.find('@') == std::string::npos)
        return engine::fail(ErrorCode::FileMissing, {{"file", recipe.model.path}});
    if (recipe.data.files.empty()) return engine::fail(ErrorCode::MissingOption, {{"key", "--data"}});
    for (const auto& problem : engine::validate(recipe, nullptr)) {
        if (!problem.warning) return tl::unexpected(problem.error);
        context.note("warning: " + problem.key);
    }
    return {};
}

int tune(Context& context, const Options& options) {
    auto recipe = options.recipe.build(context);
    if (!recipe) return context.fail(recipe.error());
    const auto limits = options.recipe.limits();
    if (!limits) return context.fail(limits.error());
    if (const auto ready = check(context, *recipe); !ready) return context.fail(ready.error());
    auto project = projects::Project::openOrCreate(options.project);
    if (!project) return context.fail(project.error());
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    const auto name = (*project)->reserveRun(options.name);
    if (!name) return context.fail(name.error());

    engine::RunRequest request;
    request.recipe = *recipe;
    request.recipeFolder = options.recipe.recipeFolder();
    if (request.recipeFolder.empty()) request.recipeFolder = (*project)->folder().string();
    request.runFolder = (*project)->runFolder(*name).string();
    request.limits = *limits;
    context.note("run " + request.runFolder);
    return runTuning(context, *project, request.runFolder, engine::recipeToJson(*recipe).dump(),
                     recipe->tune.steps.value_or(0),
                     [&](auto observer) { return (*opened)->startRun(request, std::move(observer)); })
        .exitCode;
}

const Registration kTune{
    "tune", "Upcycles a model and tunes it with QLoRA", 30, [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        options->recipe.define(app, RecipeOptions::Scope::All);
        app.add_option("--project", options->project, "Project folder; made if it is not there")
            ->type_name("DIR")
            ->required();
        app.add_option("--name", options->name, "Name of the run; default 0001, 0002, ...")->type_name("RUN");
        return [options, &context] { return tune(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
