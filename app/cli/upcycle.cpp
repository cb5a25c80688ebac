// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <filesystem>

#include "app/cli/recipe_options.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::ErrorCode;

namespace {

struct Options {
    RecipeOptions recipe;
    std::string out;
};

int upcycle(Context& context, const Options& options) {
    const auto recipe = options.recipe.build(context);
    if (!recipe) return context.fail(recipe.error());
    if (recipe->model.path.empty()) return context.fail({ErrorCode::MissingOption, {{"key", "MODEL"}}});
    for (const auto& problem : engine::validate(*recipe, nullptr))
        if (!problem.warning && (problem.key.starts_with("upcycle") || problem.key.starts_with("model")))
            return context.fail(problem.error);
    if (fs::exists(options.out) && !(fs::is_directory(options.out) && fs::is_empty(options.out)))
        return context.fail({ErrorCode::AlreadyExists, {{"path", options.out}}});
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    const auto out = fs::absolute(options.out).lexically_normal().string();
    const auto made = (*opened)->upcycle(
        *recipe, "", out, [&](const auto& p) { context.progress(p); }, context.stopToken());
    context.clearProgress();
    if (!made) return context.fail(made.error());
    const auto& counts = made->counts;
    context.emit({{"folder", made->folder},
                  {"step0_max_abs_logit_difference", made->proof.maxAbsLogitDifference},
                  {"step0_tokens", made->proof.tokens},
                  {"step0_first_differing_layer", made->proof.firstDifferingLayer},
                  {"parameters_total", counts.parametersTotal},
                  {"parameters_active", counts.parametersActive},
                  {"parameters_trainable", counts.parametersTrainable}});
    context.print(
        fmt::format("{}\n  step 0: largest logit difference from the dense model {:g} over {} tokens\n  "
                    "parameters: {} in all, {} active for a token, {} trainable "
                    "(adapters and routers)\n",
                    made->folder, made->proof.maxAbsLogitDifference, countText(made->proof.tokens),
                    countText(counts.parametersTotal), countText(counts.parametersActive),
                    countText(counts.parametersTrainable)));
    return 0;
}

const Registration kUpcycle{
    "upcycle", "Makes a mixture of experts of a dense model and proves step 0", 21,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("MODEL", options->recipe.model, "Dense model folder")->type_name("DIR")->required();
        app.add_option("--out", options->out, "Folder for the sparse model; must be new or empty")
            ->type_name("DIR")
            ->required();
        options->recipe.define(app, RecipeOptions::Scope::Upcycle);
        return [options, &context] { return upcycle(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
