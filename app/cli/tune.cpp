// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <filesystem>

#include "app/cli/recipe_options.h"
#include "app/cli/tuning_session.h"
#include "projects/recipe_file.h"
#include "projects/run_catalogue.h"
#include "projects/run_queue.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::ErrorCode;

namespace {

struct Options {
    RecipeOptions recipe;
    std::string project, name;
    bool queue = false;
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

// The run is made but waits behind those before it.
int queue(Context& context, const Options& options, projects::Project& project, engine::Recipe recipe) {
    const std::string base = options.recipe.recipeFolder();
    projects::makePathsAbsolute(recipe, base.empty() ? project.folder() : fs::path(base));
    const auto name = project.reserveRun(options.name);
    if (!name) return context.fail(name.error());
    projects::putCreatedRun(project, *name, engine::recipeToJson(recipe).dump(),
                            recipe.tune.steps.value_or(0));
    const auto queued = projects::queueRun(project, *name);
    if (!queued) return context.fail(queued.error());
    const auto waiting = projects::queuedRuns(project);
    const std::size_t place = waiting ? waiting->size() - 1 : 0;
    context.emit({{"run", project.runFolder(*name).string()}, {"state", "queued"}, {"place", place}});
    context.print(fmt::format("{} waits, {} before it; caravan-cli runs next --project {} starts them\n",
                              *name, place, project.folder().string()));
    return 0;
}

int tune(Context& context, const Options& options) {
    auto recipe = options.recipe.build(context);
    if (!recipe) return context.fail(recipe.error());
    const auto limits = options.recipe.limits();
    if (!limits) return context.fail(limits.error());
    if (const auto ready = check(context, *recipe); !ready) return context.fail(ready.error());
    auto project = projects::Project::openOrCreate(options.project);
    if (!project) return context.fail(project.error());
    if (options.queue) return queue(context, options, **project, *recipe);
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
        app.add_flag("--queue", options->queue, "Only queue the run, behind those that wait already");
        return [options, &context] { return tune(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
