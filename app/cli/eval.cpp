// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "app/cli/model_options.h"
#include "app/cli/recipe_options.h"
#include "engine/api/event_json.h"
#include "engine/api/side_by_side.h"

namespace caravan::cli {
namespace {

struct Options {
    ModelOptions model;
    std::vector<std::string> models, data;
};

std::string table(const std::vector<engine::EvaluateOutcome>& outcomes) {
    std::string text = fmt::format("{:<40}", "held-out loss, nats per answer token");
    for (const auto& [domain, loss] : outcomes.front().heldoutLoss)
        text += fmt::format(" {:>10}", domain);
    text += fmt::format(" {:>10}\n", "mean");
    for (const auto& o : outcomes) {
        text += fmt::format("{:<40}",
                            o.model.size() > 40 ? "..." + o.model.substr(o.model.size() - 37) : o.model);
        for (const auto& [domain, loss] : o.heldoutLoss)
            text += fmt::format(" {:>10.4f}", loss);
        text += fmt::format(" {:>10.4f}\n", o.mean);
    }
    return text;
}

int evaluate(Context& context, const Options& options) {
    const auto files = parseDomainFiles(options.data);
    if (!files) return context.fail(files.error());
    std::vector<engine::ModelSource> sources;
    for (const auto& model : options.models) {
        auto source = options.model.source(model);
        if (!source) return context.fail(source.error());
        sources.push_back(std::move(*source));
    }
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    auto& engine = dynamic_cast<engine::SideBySide&>(**opened);
    const auto outcomes = engine.evaluateAlike(
        sources, *files, [&](const auto& p) { context.progress(p); }, context.stopToken());
    if (!outcomes) return context.fail(outcomes.error());
    context.emit({{"models", *outcomes}});
    context.print(table(*outcomes));
    return 0;
}

const Registration kEval{
    "eval", "Held-out loss per domain, models side by side on rows cut alike", 41,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("MODEL", options->models, "Model folders, runs, or RUN@STEP")
            ->type_name("MODEL...")
            ->required();
        app.add_option("--data", options->data,
                       "Held-out rows; name: the domain, default the file's name up to its first dot")
            ->type_name("FILE[,name=N]")
            ->take_all()
            ->expected(1)
            ->required();
        options->model.define(app);
        return [options, &context] { return evaluate(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
