// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/cli/recipe_options.h"
#include "engine/api/event_json.h"
#include "engine/data/preview.h"
#include "engine/formats/model_folder.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::DataFacts;
using engine::ErrorCode;

namespace {

struct Options {
    RecipeOptions recipe;
    std::string file;
};

// Steps follow from the rows that can be used, so the files are read and encoded.
engine::Result<std::optional<DataFacts>> factsOf(Context& context, const engine::Recipe& recipe,
                                                 engine::DeviceKind device) {
    if (recipe.data.files.empty()) return std::optional<DataFacts>{};
    const auto preview = engine::previewData(
        recipe, fs::current_path(), recipe.model.path, device, [&](const auto& p) { context.progress(p); },
        context.stopToken());
    context.clearProgress();
    if (!preview) return tl::unexpected(preview.error());
    for (const auto& file : preview->files)
        if (!file.error.empty())
            return engine::fail(ErrorCode::FileBad,
                                {{"file", file.path}, {"place", ""}, {"detail", file.error}});
    return std::optional(DataFacts{preview->rowsPerEpoch, preview->tokensPerEpoch,
                                   static_cast<std::int64_t>(recipe.data.files.size())});
}

engine::DeviceKind deviceOf(const Context& context) {
    if (!context.device.empty())
        return context.device == "cpu" ? engine::DeviceKind::Cpu : engine::DeviceKind::Cuda;
    std::error_code ignored;
    return fs::exists("/dev/nvidiactl", ignored) ? engine::DeviceKind::Cuda : engine::DeviceKind::Cpu;
}

std::string words(const engine::RunPlan& plan, engine::DeviceKind device) {
    std::string out;
    const auto line = [&](const std::string& name, const std::string& value) {
        out += fmt::format("{:<26}{:>20}\n", name, value);
    };
    line("parameters, dense", countText(plan.parametersDense));
    line("parameters, in all", countText(plan.parametersTotal));
    line("parameters, active", countText(plan.parametersActive));
    line("parameters, trainable", countText(plan.parametersTrainable));
    line("  of these LoRA", countText(plan.parametersLora));
    line(device == engine::DeviceKind::Cuda ? "memory on the GPU" : "memory on the CPU",
         bytesText(plan.memoryTotal));
    for (const auto& item : plan.memory) {
        std::string name = item.key;
        std::replace(name.begin(), name.end(), '_', ' ');
        line("  " + name, bytesText(item.bytes));
    }
    line("disk", bytesText(plan.diskBytes));
    line("  a checkpoint", bytesText(plan.checkpointBytes));
    line("GFLOP per token", fmt::format("{:.3g}", plan.flopsPerToken / 1e9));
    line("sequence, tokens", countText(plan.sequenceLength));
    line("micro-batch, tokens", countText(plan.microBatchTokens));
    if (plan.steps > 0) line("steps", countText(plan.steps));
    if (plan.tokensPerStep > 0) line("tokens per step", countText(plan.tokensPerStep));
    return out;
}

int plan(Context& context, Options& options) {
    if (!options.file.empty()) options.recipe.useRecipe(options.file);
    const auto recipe = options.recipe.build(context);
    if (!recipe) return context.fail(recipe.error());
    if (recipe->model.path.empty()) return context.fail({ErrorCode::MissingOption, {{"key", "--model"}}});
    const auto model = engine::openModelFolder(recipe->model.path);
    if (!model) return context.fail(model.error());
    for (const auto& problem : engine::validate(*recipe, &model->config)) {
        if (problem.key.starts_with("data.") && problem.error.code == ErrorCode::MissingOption)
            continue;  // a plan needs no data
        if (!problem.warning) return context.fail(problem.error);
    }
    const engine::DeviceKind device = deviceOf(context);
    const auto facts = factsOf(context, *recipe, device);
    if (!facts) return context.fail(facts.error());
    const auto result = engine::planRun(*recipe, model->config, *facts ? &**facts : nullptr, device);
    if (!result) return context.fail(result.error());
    nlohmann::json json = *result;
    json["device"] = device == engine::DeviceKind::Cuda ? "cuda" : "cpu";
    context.emit(json);
    context.print(words(*result, device));
    return 0;
}

const Registration kPlan{
    "plan", "Parameters, memory, disk and steps of a run; touches no device", 20,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("RECIPE", options->file, "Recipe file; options override it")->type_name("FILE");
        options->recipe.define(app, RecipeOptions::Scope::All);
        return [options, &context] { return plan(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
