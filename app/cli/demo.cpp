// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "app/cli/routing_table.h"
#include "app/cli/tuning_session.h"
#include "engine/api/config/descriptors.h"
#include "engine/api/event_json.h"
#include "engine/api/side_by_side.h"
#include "engine/data/preview.h"
#include "engine/formats/model_folder.h"
#include "engine/plan/plan.h"
#include "projects/demo.h"
#include "projects/run_catalogue.h"

namespace caravan::cli {
using nlohmann::json;

namespace {

struct Options {
    std::string project;
    std::int64_t steps = 0;
};

// The journey, one method per station; each adds its figures to the summary.
class Journey {
  public:
    Journey(Context& context, engine::Engine& engine, projects::Demo demo)
        : m_context(context), m_engine(engine), m_demo(std::move(demo)) {}
    int run();

  private:
    engine::Result<void> inspect();
    engine::Result<void> plan();
    engine::Result<void> proof();
    engine::Result<int> tune();
    engine::Result<void> routing();
    engine::Result<void> evaluation();
    engine::Result<void> chat();
    void title(const char* text) { m_context.print(fmt::format("\n{}\n", text)); }
    engine::ProgressFunction progress() {
        return [this](const engine::Progress& p) { m_context.progress(p); };
    }
    [[nodiscard]] engine::ModelSource tuned() const { return {.path = m_runFolder}; }

    Context& m_context;
    engine::Engine& m_engine;
    projects::Demo m_demo;
    engine::ModelInspection m_base;
    std::string m_runFolder;
    std::vector<engine::DomainFile> m_heldout;
    json m_summary = {{"type", "summary"}};
};

engine::Result<void> Journey::inspect() {
    auto found = engine::inspectModel(m_demo.recipe.model.path);
    if (!found) return tl::unexpected(found.error());
    m_base = std::move(*found);
    m_summary["model"] = {{"name", m_base.name},
                          {"architecture", m_base.architecture},
                          {"parameters", m_base.parameters},
                          {"layers", m_base.config.layers},
                          {"hidden", m_base.config.hidden}};
    title("1  The dense model");
    m_context.print(fmt::format("   {}: {}, {} parameters, {} layers of width {}, {}\n", m_base.name,
                                m_base.architecture, countText(m_base.parameters), m_base.config.layers,
                                m_base.config.hidden, m_base.tokenizer));
    return {};
}

engine::Result<void> Journey::plan() {
    const auto device = m_engine.device();
    const auto kind = device.cuda ? engine::DeviceKind::Cuda : engine::DeviceKind::Cpu;
    const auto data = engine::previewData(m_demo.recipe, "", m_demo.recipe.model.path, kind, progress(),
                                          m_context.stopToken());
    if (!data) return tl::unexpected(data.error());
    engine::DataFacts facts;
    facts.rowsPerEpoch = data->rowsPerEpoch;
    facts.tokensPerEpoch = data->tokensPerEpoch;
    facts.domains = static_cast<std::int64_t>(m_demo.recipe.data.files.size());
    const auto plan = engine::planRun(m_demo.recipe, m_base.config, &facts, kind);
    if (!plan) return tl::unexpected(plan.error());
    m_summary["plan"] = *plan;
    m_summary["device"] = device.name;
    const auto& upcycle = m_demo.recipe.upcycle;
    title("2  The plan");
    m_context.print(
        fmt::format("   {} experts, {} active, adapters of {}; {} rows, {} tokens; {} steps on {}\n",
                    upcycle.experts, upcycle.topK, upcycle.adapterSize, countText(data->rowsPerEpoch),
                    countText(data->tokensPerEpoch), plan->steps, device.name));
    m_context.print(fmt::format(
        "   parameters: {} in all, {} active, {} trainable\n   memory:", countText(plan->parametersTotal),
        countText(plan->parametersActive), countText(plan->parametersTrainable)));
    for (const auto& item : plan->memory)
        m_context.print(fmt::format(" {} {},", item.key, bytesText(item.bytes)));
    m_context.print(
        fmt::format(" together {}; disk {}\n", bytesText(plan->memoryTotal), bytesText(plan->diskBytes)));
    return {};
}

engine::Result<void> Journey::proof() {
    const auto proof = m_engine.proveStepZero(m_demo.recipe, "", progress(), m_context.stopToken());
    if (!proof) return tl::unexpected(proof.error());
    m_summary["step0_max_abs_logit_difference"] = proof->maxAbsLogitDifference;
    m_summary["step0_tokens"] = proof->tokens;
    title("3  Step 0: the mixture equals the dense model");
    m_context.print(fmt::format("   largest difference of {} logits: {:g}\n", countText(proof->logits),
                                proof->maxAbsLogitDifference));
    return {};
}

engine::Result<int> Journey::tune() {
    const auto name = m_demo.project->reserveRun();
    if (!name) return tl::unexpected(name.error());
    m_runFolder = m_demo.project->runFolder(*name).string();
    title("4  Tuning");
    engine::RunRequest request;
    request.recipe = m_demo.recipe;
    request.recipeFolder = m_demo.project->folder().string();
    request.runFolder = m_runFolder;
    const auto outcome =
        runTuning(m_context, m_demo.project, m_runFolder, engine::recipeToJson(m_demo.recipe).dump(),
                  m_demo.recipe.tune.steps.value_or(0),
                  [&](auto observer) { return m_engine.startRun(request, std::move(observer)); });
    if (outcome.exitCode != 0) return outcome.exitCode;
    double tokens = 0;
    for (const auto& m : outcome.steps)
        tokens += static_cast<double>(m.tokens);
    const double loss = outcome.steps.empty() ? 0 : outcome.steps.back().loss,
                 first = outcome.steps.empty() ? 0 : outcome.steps.front().loss;
    m_summary["tune"] = {{"run", m_runFolder},
                         {"steps", outcome.step},
                         {"seconds", outcome.seconds},
                         {"loss_first", first},
                         {"loss_last", loss},
                         {"tokens", tokens},
                         {"checkpoints", outcome.checkpoints.size()},
                         {"alarms", outcome.alarms.size()}};
    m_context.print(fmt::format("   {} steps in {}, loss {:.4f} -> {:.4f}, {} tokens\n", outcome.step,
                                durationText(outcome.seconds), first, loss,
                                countText(static_cast<std::int64_t>(tokens))));
    return 0;
}

engine::Result<void> Journey::routing() {
    const auto found = m_engine.routing(tuned(), m_heldout, progress(), m_context.stopToken());
    if (!found) return tl::unexpected(found.error());
    m_summary["routing"] = {{"load", loadShares(found->record)},
                            {"max_vio", found->maxVio},
                            {"effective_experts", found->effectiveExperts},
                            {"dead", found->dead.size()}};
    title("5  What the router does with held-out rows (share of choices, per cent)");
    m_context.print(routingTable(found->record) + "\n" + domainTable(found->record) + "\n" +
                    statisticsTable(*found));
    return {};
}

engine::Result<void> Journey::evaluation() {
    title("6  Held-out loss, nats per answer token");
    auto outcomes = dynamic_cast<engine::SideBySide&>(m_engine).evaluateAlike(
        {{.path = m_demo.recipe.model.path}, tuned()}, m_heldout, progress(), m_context.stopToken());
    if (!outcomes) return tl::unexpected(outcomes.error());
    outcomes->at(0).model = "dense";
    outcomes->at(1).model = "mixture";
    json models = json::array();
    for (const engine::EvaluateOutcome& outcome : *outcomes) {
        std::string line = fmt::format("   {:<10} mean {:.4f}", outcome.model, outcome.mean);
        for (const auto& [domain, loss] : outcome.heldoutLoss)
            line += fmt::format("  {} {:.4f}", domain, loss);
        m_context.print(line + "\n");
        models.push_back(outcome);
    }
    m_summary["evaluation"] = std::move(models);
    return {};
}

engine::Result<void> Journey::chat() {
    title("7  A short chat with the mixture");
    json answers = json::array();
    for (const auto& prompt : m_demo.recipe.tune.samples) {
        engine::GenerateOptions options;
        options.temperature = 0;
        options.maxTokens = 48;
        m_context.print("   > " + prompt + "\n   ");
        std::vector<std::vector<std::int32_t>> first;
        const auto token = [&](const engine::TokenEvent& t) {
            m_context.print(t.text);
            if (first.empty()) first = t.experts;
        };
        const auto summary =
            m_engine.generate(tuned(), {{"user", prompt}}, options, token, progress(), m_context.stopToken());
        if (!summary) return tl::unexpected(summary.error());
        m_context.print(fmt::format("\n   ({} tokens, {:.0f} tokens/s; experts of the first token by layer:",
                                    summary->tokens, summary->tokensPerSecond));
        for (const auto& layer : first) {
            m_context.print(" ");
            for (std::size_t k = 0; k < layer.size(); ++k)
                m_context.print(fmt::format("{}{}", k ? "+" : "", layer[k]));
        }
        m_context.print(")\n");
        answers.push_back({{"prompt", prompt},
                           {"text", summary->text},
                           {"tokens", summary->tokens},
                           {"tokens_per_second", summary->tokensPerSecond},
                           {"experts_first_token", first}});
    }
    m_summary["chat"] = std::move(answers);
    return {};
}

int Journey::run() {
    for (const auto& f : m_demo.recipe.data.heldout)
        m_heldout.push_back({f.path, f.name});
    if (const auto done = inspect(); !done) return m_context.fail(done.error());
    if (const auto done = plan(); !done) return m_context.fail(done.error());
    if (const auto done = proof(); !done) return m_context.fail(done.error());
    const auto tuned = tune();
    if (!tuned) return m_context.fail(tuned.error());
    if (*tuned != 0) return *tuned;
    if (const auto done = routing(); !done) return m_context.fail(done.error());
    if (const auto done = evaluation(); !done) return m_context.fail(done.error());
    if (const auto done = chat(); !done) return m_context.fail(done.error());
    m_summary["project"] = m_demo.project->folder().string();
    m_context.emit(m_summary);
    m_context.print(
        fmt::format("\nThe run is kept in {}; caravan opens it.\n", m_demo.project->folder().string()));
    return 0;
}

int demo(Context& context, const Options& options) {
    auto opened = projects::openDemo(options.project.empty() ? projects::Project::defaultFolder() / "demo"
                                                             : std::filesystem::path(options.project));
    if (!opened) return context.fail(opened.error());
    if (options.steps > 0) opened->recipe.tune.steps = options.steps;
    if (context.seedGiven) opened->recipe.seed = context.seed;
    const auto engine = context.openEngine();
    if (!engine) return context.fail(engine.error());
    return Journey(context, **engine, std::move(*opened)).run();
}

const Registration kDemo{
    "demo", "The whole journey on the embedded demo project", 1,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("--steps", options->steps, "Optimizer steps; a whole number of at least 1; default 60")
            ->type_name("N")
            ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
        app.add_option("--project", options->project, "Project folder; default: demo among your projects")
            ->type_name("DIR");
        return [options, &context] { return demo(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
