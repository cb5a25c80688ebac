// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "app/cli/analysis_table.h"
#include "app/cli/model_options.h"
#include "app/cli/recipe_options.h"
#include "app/cli/routing_table.h"
#include "app/cli/saturation.h"
#include "engine/api/alarm_text.h"
#include "engine/api/event_json.h"
#include "engine/api/expert_copies.h"
#include "engine/api/saturation_curve.h"
#include "projects/files.h"

namespace caravan::cli {
namespace {

struct Options {
    ModelOptions model;
    std::string path, csv, reference;
    std::vector<std::string> data;
    std::vector<std::int64_t> mute;
    bool checkpoints = false;
    engine::RoutingAnalysisRequest request;
};

engine::Result<engine::RoutingAnalysisRequest> requestOf(const Options& options) {
    engine::RoutingAnalysisRequest request = options.request;
    const auto source = options.model.source(options.path);
    if (!source) return tl::unexpected(source.error());
    request.source = *source;
    if (!options.data.empty()) {
        const auto files = parseDomainFiles(options.data);
        if (!files) return tl::unexpected(files.error());
        request.files = *files;
        request.save = false;  // the run's own figures are those of its held-out rows
    }
    if (!options.reference.empty()) {
        const auto reference = options.model.source(options.reference);
        if (!reference) return tl::unexpected(reference.error());
        request.reference = *reference;
    }
    request.mute = options.mute;
    return request;
}

// What is told of experts that do the same, as the window's alarm.
std::string copiesText(const engine::RoutingAnalysis& analysis) {
    std::string text;
    for (const engine::ExpertCopies& copies : engine::copiesOf(analysis)) {
        const auto words =
            engine::describe(engine::alarmOf(copies, std::max<engine::StepIndex>(0, analysis.step)));
        text += fmt::format("{} Experts {} and {}: {} ({} pairs over {}) {}\n", words.title, copies.first,
                            copies.second, words.text, copies.pairs, engine::kCopyCka, words.remedy);
    }
    return text;
}

nlohmann::json copiesObject(const engine::RoutingAnalysis& analysis) {
    nlohmann::json alarms = nlohmann::json::array();
    for (const engine::ExpertCopies& copies : engine::copiesOf(analysis))
        alarms.push_back({{"kind", "expert_copies"},
                          {"layer", copies.layer},
                          {"experts", {copies.first, copies.second}},
                          {"cka", copies.cka},
                          {"pairs", copies.pairs}});
    return alarms;
}

// Steps of the checkpoints that a run's folder holds, ascending.
std::vector<engine::StepIndex> checkpointSteps(const std::filesystem::path& run) {
    std::vector<engine::StepIndex> steps;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(run / "checkpoints", error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (!name.starts_with("step-") || !std::filesystem::exists(entry->path() / "manifest.json")) continue;
        engine::StepIndex step = 0;
        const char* last = name.data() + name.size();
        if (const auto read = std::from_chars(name.data() + 5, last, step);
            read.ec == std::errc() && read.ptr == last)
            steps.push_back(step);
    }
    std::sort(steps.begin(), steps.end());
    return steps;
}

// Every checkpoint of a run against its last one.
int saturation(Context& context, engine::RoutingAnalysisRequest request, engine::RoutingAnalyst& analyst) {
    const std::string run = request.source.path;
    const auto steps = checkpointSteps(run);
    if (steps.empty())
        return context.fail({engine::ErrorCode::NotFound, {{"what", "checkpoints of a run"}, {"name", run}}});
    request.reference = request.source;
    request.reference->path = fmt::format("{}@{}", run, steps.back());
    std::vector<engine::RoutingAnalysis> analyses;
    for (const engine::StepIndex step : steps) {
        request.source.path = fmt::format("{}@{}", run, step);
        context.note(fmt::format("checkpoint of step {}", step));
        auto found = analyst.analyseRouting(
            request, [&](const auto& p) { context.progress(p); }, context.stopToken());
        context.clearProgress();
        if (!found) return context.fail(found.error());
        nlohmann::json object = *found;
        object["type"] = "analysis";
        object["alarms"] = copiesObject(*found);
        context.emit(object);
        context.print(copiesText(*found));
        analyses.push_back(std::move(*found));
    }
    const auto curve = engine::saturationOf(analyses);
    context.emit(saturationObject(curve));
    context.print(saturationTable(curve));
    return 0;
}

int routing(Context& context, const Options& options) {
    const auto request = requestOf(options);
    if (!request) return context.fail(request.error());
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    auto* analyst = dynamic_cast<engine::RoutingAnalyst*>(*opened);
    if (!analyst) return context.failUsage("this engine was built without routing statistics");
    if (options.checkpoints) return saturation(context, *request, *analyst);
    const auto found = analyst->analyseRouting(
        *request, [&](const auto& p) { context.progress(p); }, context.stopToken());
    if (!found) return context.fail(found.error());
    const engine::RoutingStatistics& statistics = found->statistics;
    if (!options.csv.empty()) {
        const auto written =
            projects::attempt([&] { projects::writeAtomically(options.csv, routingCsv(statistics.record)); });
        if (!written) return context.fail(written.error());
    }
    nlohmann::json object = *found;
    object["load"] = loadShares(statistics.record);
    object["alarms"] = copiesObject(*found);
    context.emit(object);
    context.print("Share of choices in per cent\n" + routingTable(statistics.record) + "\n" +
                  domainTable(statistics.record) + "\n" + statisticsTable(statistics) + "\n" +
                  analysisTables(*found) + "\n" + copiesText(*found));
    return 0;
}

void define(CLI::App& app, Options& options) {
    app.add_option("MODEL", options.path, "Mixture folder, run, or RUN@STEP")->type_name("MODEL")->required();
    app.add_option(
           "--data", options.data,
           "Rows to route; name: the domain, default the file's name up to its first dot. Without it a "
           "run's held-out rows, and the figures are kept in its folder")
        ->type_name("FILE[,name=N]")
        ->take_all()
        ->expected(1);
    app.add_option("--max-tokens", options.request.maxTokens,
                   "Read so many tokens, evenly over domains; default 0 = all")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--contexts", options.request.contexts,
                   "Tokens in context per expert and layer (--json); default 10")
        ->check(CLI::Range(0, 1000));
    app.add_option("--reference", options.reference,
                   "Saturation: the share of choices that this model makes too, e.g. RUN for its last "
                   "checkpoint")
        ->type_name("MODEL");
    app.add_option("--csv", options.csv, "Counts and gate sums as a table")->type_name("FILE");
    app.add_flag("--checkpoints", options.checkpoints,
                 "Of a run: every checkpoint against its last one, and the curve of saturation by layer")
        ->excludes(app.get_option("--reference"))
        ->excludes(app.get_option("--csv"));
    app.add_option("--mute", options.mute,
                   "Change of the loss with each expert muted alone: in this layer, or -1 = in all at once")
        ->type_name("LAYER")
        ->delimiter(',');
    app.add_option("--mute-tokens", options.request.muteTokens,
                   "Tokens read for each muted expert; default 8192, 0 = all")
        ->check(CLI::NonNegativeNumber);
    options.model.define(app);
}

const Registration kRouting{"routing", "Routing statistics of a mixture on a probe set", 42,
                            [](CLI::App& app, Context& context) -> Action {
                                auto options = std::make_shared<Options>();
                                define(app, *options);
                                return [options, &context] { return routing(context, *options); };
                            }};

}  // namespace
}  // namespace caravan::cli
