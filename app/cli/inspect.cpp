// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/cli/command.h"
#include "app/cli/model_folder_of.h"
#include "engine/api/event_json.h"
#include "engine/formats/model_folder.h"
#include "engine/plan/plan.h"

namespace caravan::cli {
namespace {

struct Options {
    std::string model, base;
};

// A run is its base with the recipe's experts.
engine::Result<void> describeRun(const ModelPlace& place, engine::ModelInspection& found) {
    const auto model = engine::plannedModel(*place.recipe, found.config);
    if (!model) return tl::unexpected(model.error());
    found.base = found.folder;
    found.folder = place.run.string();
    found.name = place.run.filename().string();
    found.kind = "run";
    found.config = *model;
    const engine::ParameterCounts counts = engine::countParameters(*model);
    found.parameters = counts.total();
    std::erase_if(found.shares,
                  [](const auto& share) { return share.key == "adapters" || share.key == "routers"; });
    if (model->moe) {
        found.shares.push_back({"adapters", counts.adapters});
        found.shares.push_back({"routers", counts.routers});
    }
    found.canUpcycle = false;
    found.reasons.insert(found.reasons.begin(), "It is a run: upcycle its base");
    return {};
}

std::string words(const engine::ModelInspection& m) {
    const engine::ModelConfig& c = m.config;
    std::string out = fmt::format("{}\n", m.folder);
    const auto line = [&](const char* name, const std::string& value) {
        if (!value.empty()) out += fmt::format("  {:<14}{}\n", name, value);
    };
    line("kind", m.kind);
    line("architecture", m.architecture);
    if (m.parameters > 0) line("parameters", countText(m.parameters));
    if (c.layers > 0) {
        line("layers",
             fmt::format("{}, hidden {}, FFN {}, {} heads, {} key-value heads of {}", c.layers,
                         countText(c.hidden), countText(c.intermediate), c.heads, c.kvHeads, c.headSize));
        line("context",
             fmt::format("{} tokens, vocabulary {}", countText(c.maxPositions), countText(c.vocabulary)));
    }
    if (c.moe)
        line("experts",
             fmt::format("{}, {} active, adapter size {}, scaling {:g}, in {} of {} layers", c.moe->experts,
                         c.moe->topK, c.moe->adapterSize, c.moe->scaling, c.moe->layers.size(), c.layers));
    std::vector<std::string> shares;
    for (const auto& share : m.shares)
        shares.push_back(fmt::format("{} {}", share.key, countText(share.parameters)));
    line("where", fmt::format("{}", fmt::join(shares, ", ")));
    if (m.bytes > 0)
        line("files", fmt::format("{} with {} tensors, {}", m.files, m.tensors, bytesText(m.bytes)));
    line("quantization", m.quantization);
    line("tokenizer", m.tokenizer);
    line("base", m.base);
    line("licence", m.licence);
    line("can upcycle", m.canUpcycle ? "yes" : "no");
    for (const std::string& reason : m.reasons)
        line("", reason + ".");
    return out;
}

int inspect(Context& context, const Options& options) {
    const auto place = placeOf(options.model);
    if (!place) return context.fail(place.error());
    auto found = engine::inspectModel(place->folder,
                                      options.base.empty() ? std::nullopt : std::optional(options.base));
    if (!found) return context.fail(found.error());
    if (place->recipe)
        if (auto done = describeRun(*place, *found); !done) return context.fail(done.error());
    context.emit(*found);
    context.print(words(*found));
    return 0;
}

const Registration kInspect{
    "inspect", "What a model folder holds, and whether it can be upcycled", 10,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("MODEL", options->model, "Model folder, LoRA folder, run, or RUN@STEP")->required();
        app.add_option("--base", options->base, "Base of a LoRA folder; default: the one that it names")
            ->type_name("DIR");
        return [options, &context] { return inspect(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
