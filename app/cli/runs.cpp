// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <filesystem>
#include <thread>

#include "app/cli/command.h"
#include "app/cli/run_control.h"
#include "engine/api/event_json.h"
#include "projects/files.h"
#include "projects/metrics_file.h"
#include "projects/run_catalogue.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::ErrorCode;
using engine::RunState;
using projects::Project;
using projects::RunCatalogue;
using projects::RunSummary;

namespace {

struct Options {
    std::string project, run;
};

nlohmann::json summaryObject(const RunSummary& run) {
    const auto& r = run.row;
    nlohmann::json object = {{"run", r.name},
                             {"folder", run.folder.string()},
                             {"state", engine::stateWord(r.state)},
                             {"step", r.step},
                             {"steps", r.steps},
                             {"title", r.title},
                             {"notes", r.notes},
                             {"tags", r.tags},
                             {"owner", r.owner.kind},
                             {"owner_alive", run.ownerAlive},
                             {"created_at_ms", r.createdAt},
                             {"ended_at_ms", r.endedAt}};
    object["reason"] = r.reason.empty() ? nlohmann::json() : nlohmann::json::parse(r.reason, nullptr, false);
    object["loss"] = run.lastLoss ? nlohmann::json(*run.lastLoss) : nlohmann::json();
    object["heldout_mean"] = run.lastHeldoutMean ? nlohmann::json(*run.lastHeldoutMean) : nlohmann::json();
    return object;
}

std::string number(const std::optional<double>& value) {
    return value ? fmt::format("{:.4f}", *value) : "-";
}

int list(Context& context, const Options& options) {
    // Opened for writing first: that is what finds runs whose owner died.
    const auto project = Project::open(options.project);
    if (!project) return context.fail(project.error());
    const auto catalogue = RunCatalogue::open((*project)->folder());
    if (!catalogue) return context.fail(catalogue.error());
    const auto runs = (*catalogue)->runs();
    if (!runs) return context.fail(runs.error());
    nlohmann::json all = nlohmann::json::array();
    context.print(fmt::format("{:<20} {:<12} {:>13} {:>10} {:>10}  {}\n", "run", "state", "step", "loss",
                              "held-out", "title"));
    for (const auto& run : *runs) {
        all.push_back(summaryObject(run));
        const auto& r = run.row;
        const std::string step = r.steps > 0 ? fmt::format("{}/{}", r.step, r.steps) : std::to_string(r.step);
        context.print(fmt::format("{:<20} {:<12} {:>13} {:>10} {:>10}  {}\n", r.name,
                                  engine::stateWord(r.state), step, number(run.lastLoss),
                                  number(run.lastHeldoutMean), r.title));
    }
    context.emit({{"runs", std::move(all)}});
    return 0;
}

engine::Result<RunSummary> find(const Options& options) {
    const auto project = Project::open(options.project);
    if (!project) return tl::unexpected(project.error());
    const auto catalogue = RunCatalogue::open((*project)->folder());
    if (!catalogue) return tl::unexpected(catalogue.error());
    return (*catalogue)->run(options.run);
}

void show(Context& context, const engine::RunEvent& event) {
    context.emit(engine::toJson(event));
    if (const auto* m = std::get_if<engine::StepMetrics>(&event))
        context.print(
            fmt::format("step {:>6}  loss {:.4f}  {:.0f} tokens/s\n", m->step, m->loss, m->tokensPerSecond));
    if (const auto* e = std::get_if<engine::Evaluation>(&event))
        context.print(fmt::format("step {:>6}  held-out {:.4f}\n", e->step, e->mean));
    if (const auto* c = std::get_if<engine::CheckpointInfo>(&event))
        context.print(fmt::format("step {:>6}  checkpoint {}\n", c->step, c->path));
    if (const auto* s = std::get_if<engine::StateChange>(&event))
        context.print(fmt::format("{}\n", engine::stateWord(s->to)));
}

// Follows the run's own file, whoever owns it; Ctrl-C leaves the run alone.
int attach(Context& context, const Options& options) {
    const auto run = find(options);
    if (!run) return context.fail(run.error());
    projects::MetricsTail tail(run->folder / "metrics.jsonl");
    while (context.interrupts() == 0) {
        const bool alive = projects::isLive(run->row.state) && projects::isAlive(run->row.owner);
        const auto events = tail.take();
        if (!events) return context.fail(events.error());
        bool ended = false;  // an earlier life of the run may have ended and been resumed
        for (const auto& event : *events) {
            show(context, event);
            if (const auto* change = std::get_if<engine::StateChange>(&event))
                ended = !projects::isLive(change->to);
        }
        if (ended) return 0;
        if (!alive) return 0;
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return 0;
}

int control(Context& context, const Options& options, const std::string& word) {
    const auto run = find(options);
    if (!run) return context.fail(run.error());
    if (!projects::isLive(run->row.state) || !run->ownerAlive)
        return context.fail({ErrorCode::NotFound,
                             {{"what", "live run"},
                              {"name", options.run + " (it is " + engine::stateWord(run->row.state) + ")"}}});
    const auto asked = run->row.owner.kind == "engine"
                           ? askEngine(run->folder, word)
                           : projects::attempt([&] { askOwner(run->folder, word); });
    if (!asked) return context.fail(asked.error());
    context.emit({{"run", run->folder.string()}, {"asked", word}});
    context.print(fmt::format("asked {} to {}\n", run->folder.string(), word));
    return 0;
}

template <class F>
Registration::Define defined(bool needsRun, F action) {
    return [needsRun, action](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        if (needsRun) app.add_option("RUN", options->run, "Name of the run")->type_name("RUN")->required();
        app.add_option("--project", options->project, "Project folder")->type_name("DIR")->required();
        return [options, &context, action] { return action(context, *options); };
    };
}
Registration::Define controls(const char* word) {
    return defined(
        true, [word](Context& context, const Options& options) { return control(context, options, word); });
}

const Registration kList{"runs list", "All runs of a project", 70, defined(false, list)};
const Registration kAttach{"runs attach", "Follows a run that another process owns", 71,
                           defined(true, attach)};
const Registration kPause{"runs pause", "Pauses a run; everything stays in memory", 72, controls("pause")};
const Registration kContinue{"runs continue", "Continues a paused run", 73, controls("continue")};
const Registration kStop{"runs stop", "Saves and stops a run", 74, controls("stop")};
const Registration kCheckpoint{"runs checkpoint", "Saves a checkpoint now", 75, controls("checkpoint")};

}  // namespace
}  // namespace caravan::cli
