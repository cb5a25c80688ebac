// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// runs routing: what a run logged of its routing (routing.bin), by the filters of the window's Routing page.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "app/cli/command.h"
#include "engine/api/routing_file.h"
#include "engine/api/routing_view.h"
#include "projects/run_catalogue.h"

namespace caravan::cli {
using engine::ErrorCode;
using engine::RoutingView;

namespace {

struct Options {
    std::string project, run, against;
    std::optional<engine::StepIndex> step;
    std::string domain, choice = "all", measure = "tokens", role = "all";
};

// The record of "RUN" (the newest) or "RUN@STEP" (the newest at or before the step).
engine::Result<engine::RoutingRecord> recordOf(projects::RunCatalogue& catalogue, const std::string& words,
                                               std::optional<engine::StepIndex> step) {
    std::string name = words;
    if (const std::size_t at = words.rfind('@'); at != std::string::npos) {
        engine::StepIndex number = 0;
        const char* end = words.data() + words.size();
        const auto read = std::from_chars(words.data() + at + 1, end, number);
        if (read.ec != std::errc() || read.ptr != end)
            return tl::unexpected(engine::Error{
                ErrorCode::BadOption,
                {{"key", "RUN@STEP"}, {"value", words}, {"range", "a run's name, @ and a step"}}});
        name = words.substr(0, at);
        step = number;
    }
    const auto run = catalogue.run(name);
    if (!run) return tl::unexpected(run.error());
    const auto none = engine::Error{
        ErrorCode::NotFound,
        {{"what", "logged routing"}, {"name", step ? fmt::format("{} at step {}", name, *step) : name}}};
    const auto file = run->folder / "routing.bin";
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return tl::unexpected(none);
    const auto reader = engine::RoutingFileReader::open(file.string());
    if (!reader) return tl::unexpected(reader.error());
    const auto record = reader->at(step.value_or(std::numeric_limits<engine::StepIndex>::max()));
    if (!record) return tl::unexpected(record.error());
    if (!*record) return tl::unexpected(none);
    return **record;
}

engine::Result<engine::RoutingFilter> filterOf(const Options& options, const engine::RoutingRecord& record) {
    using engine::RoutingChoice, engine::RoutingMeasure, engine::RoutingRole;
    engine::RoutingFilter filter;
    filter.choice = options.choice == "first"   ? RoutingChoice::First
                    : options.choice == "later" ? RoutingChoice::Later
                                                : RoutingChoice::Both;
    filter.measure = options.measure == "gates" ? RoutingMeasure::GateWeight : RoutingMeasure::Tokens;
    filter.role = options.role == "prompt"   ? RoutingRole::Prompt
                  : options.role == "answer" ? RoutingRole::Answer
                                             : RoutingRole::All;
    if (options.domain.empty()) return filter;
    const auto found = std::find(record.domains.begin(), record.domains.end(), options.domain);
    if (found == record.domains.end()) {
        std::string range;
        for (const std::string& domain : record.domains)
            range += (range.empty() ? "" : ", ") + domain;
        return tl::unexpected(engine::Error{
            ErrorCode::BadOption, {{"key", "--domain"}, {"value", options.domain}, {"range", range}}});
    }
    filter.domain = static_cast<int>(found - record.domains.begin());
    return filter;
}

nlohmann::json number(double value) {
    return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

nlohmann::json viewObject(const engine::RoutingRecord& record, const RoutingView& view) {
    nlohmann::json layers = nlohmann::json::array();
    for (std::size_t l = 0; l < view.layers; ++l) {
        const engine::LayerStatistics& s = view.statistics[l];
        nlohmann::json load = nlohmann::json::array(), dead = nlohmann::json::array();
        for (std::size_t e = 0; e < view.experts; ++e) {
            load.push_back(number(view.load[l * view.experts + e]));
            if (view.dead[l * view.experts + e]) dead.push_back(e);
        }
        layers.push_back(
            {{"layer", view.layerIndices[l]},
             {"load", std::move(load)},
             {"dead", std::move(dead)},
             {"max_vio", s.known ? nlohmann::json(s.maxVio) : nlohmann::json()},
             {"entropy", s.known ? nlohmann::json(s.entropy) : nlohmann::json()},
             {"effective_experts", s.known ? nlohmann::json(s.effectiveExperts) : nlohmann::json()}});
    }
    return {{"step", record.step},
            {"first_step", record.firstStep},
            {"tokens", view.tokens},
            {"domains", record.domains},
            {"layers", std::move(layers)}};
}

// The load over the even share, a line per layer; against: the factor between the two.
std::string table(const RoutingView& view, const RoutingView* against) {
    std::string text = "layer ";
    for (std::size_t e = 0; e < view.experts; ++e)
        text += fmt::format(" {:>6}", e);
    text += against ? "\n" : fmt::format("  {:>7} {:>9}\n", "MaxVio", "effective");
    for (std::size_t l = 0; l < view.layers; ++l) {
        text += fmt::format("{:<6}", view.layerIndices[l]);
        for (std::size_t e = 0; e < view.experts; ++e) {
            double value = view.load[l * view.experts + e];
            if (against) value /= against->load[l * view.experts + e];
            const bool dead = !against && view.dead[l * view.experts + e];
            text += std::isfinite(value) ? fmt::format(" {:>5.2f}{}", value, dead ? '!' : ' ') : "      - ";
        }
        if (const auto& s = view.statistics[l]; !against && s.known)
            text += fmt::format("  {:>7.3f} {:>9.2f}", s.maxVio, s.effectiveExperts);
        text += '\n';
    }
    return text;
}

int loggedRouting(Context& context, const Options& options) {
    const auto project = projects::Project::open(options.project);
    if (!project) return context.fail(project.error());
    const auto catalogue = projects::RunCatalogue::open((*project)->folder());
    if (!catalogue) return context.fail(catalogue.error());
    const auto record = recordOf(**catalogue, options.run, options.step);
    if (!record) return context.fail(record.error());
    const auto filter = filterOf(options, *record);
    if (!filter) return context.fail(filter.error());
    const RoutingView view = engine::viewOf(*record, *filter);
    nlohmann::json object = viewObject(*record, view);
    object["run"] = options.run;
    std::string text =
        fmt::format("steps {} to {}: load over the even share\n", record->firstStep, record->step) +
        table(view, nullptr);
    if (!options.against.empty()) {
        const auto other = recordOf(**catalogue, options.against, std::nullopt);
        if (!other) return context.fail(other.error());
        const auto otherFilter = filterOf(options, *other);
        if (!otherFilter) return context.fail(otherFilter.error());
        const RoutingView second = engine::viewOf(*other, *otherFilter);
        if (second.layerIndices != view.layerIndices || second.experts != view.experts)
            return context.fail({ErrorCode::BadOption,
                                 {{"key", "--against"},
                                  {"value", options.against},
                                  {"range", "a run with the same layers and experts"}}});
        object["against"] = viewObject(*other, second);
        object["against"]["run"] = options.against;
        text += fmt::format("\n{}, steps {} to {}\n", options.against, other->firstStep, other->step) +
                table(second, nullptr) + "\nthe first over the second\n" + table(view, &second);
    }
    context.emit(object);
    context.print(text);
    return 0;
}

const Registration kRouting{
    "runs routing", "The routing that a run logged while it was tuned: load by layer and expert at a step",
    80, [](CLI::App& app, Context& context) -> Action {
        auto o = std::make_shared<Options>();
        app.add_option("RUN", o->run, "Name of the run; RUN@STEP: what was logged at or before that step")
            ->type_name("RUN")
            ->required();
        app.add_option("--project", o->project, "Project folder")->type_name("DIR")->required();
        app.add_option("--step", o->step, "As RUN@STEP; default: the newest")->type_name("N");
        app.add_option("--against", o->against,
                       "Another run or step beside it, and the factor between the two")
            ->type_name("RUN[@STEP]");
        app.add_option("--domain", o->domain, "Tokens of this domain; default: all")->type_name("NAME");
        app.add_option("--choice", o->choice, "all, first or later; default all")
            ->type_name("WORD")
            ->check(CLI::IsMember({"all", "first", "later"}));
        app.add_option("--measure", o->measure, "tokens or gates (gate weights); default tokens")
            ->type_name("WORD")
            ->check(CLI::IsMember({"tokens", "gates"}));
        app.add_option("--role", o->role, "Whose tokens: all, prompt or answer; default all")
            ->type_name("WORD")
            ->check(CLI::IsMember({"all", "prompt", "answer"}));
        return [o, &context] { return loggedRouting(context, *o); };
    }};

}  // namespace
}  // namespace caravan::cli
