// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// runs queue, runs next: runs that wait, and working through them.
#include <fmt/format.h>

#include "app/cli/tuning_session.h"
#include "engine/api/config/descriptors.h"
#include "projects/run_queue.h"

namespace caravan::cli {
using engine::ErrorCode;
using projects::Project;

namespace {

struct Options {
    std::string project, run;
    std::int64_t place = -1;
    bool remove = false;
};

int show(Context& context, Project& project) {
    const auto runs = projects::queuedRuns(project);
    if (!runs) return context.fail(runs.error());
    for (std::size_t i = 0; i < runs->size(); ++i)
        context.print(fmt::format("{:>3}  {}\n", i, (*runs)[i]));
    if (runs->empty()) context.print("No run waits.\n");
    context.emit({{"queue", *runs}});
    return 0;
}

engine::Result<void> put(Project& project, const Options& options) {
    const auto waiting = projects::queuedRuns(project);
    if (!waiting) return tl::unexpected(waiting.error());
    if (std::find(waiting->begin(), waiting->end(), options.run) == waiting->end())
        if (auto queued = projects::queueRun(project, options.run); !queued) return queued;
    return options.place >= 0 ? projects::moveQueuedRun(project, options.run, options.place)
                              : engine::Result<void>();
}

int queue(Context& context, const Options& options) {
    const auto project = Project::open(options.project);
    if (!project) return context.fail(project.error());
    if (!options.run.empty()) {
        const auto done =
            options.remove ? projects::unqueueRun(**project, options.run) : put(**project, options);
        if (!done) return context.fail(done.error());
    } else if (options.remove || options.place >= 0) {
        return context.fail({ErrorCode::MissingOption, {{"key", "RUN"}}});
    }
    return show(context, **project);
}

// One after the other in this process; what fails does not hinder the next one, Ctrl-C ends all.
int next(Context& context, const Options& options) {
    const auto project = Project::open(options.project);
    if (!project) return context.fail(project.error());
    int worst = 0;
    for (std::size_t count = 0; context.interrupts() == 0; ++count) {
        const auto taken = projects::takeQueuedRun(**project);
        if (!taken) return context.fail(taken.error());
        if (!*taken) {
            if (count == 0) context.print("No run waits.\n");
            return worst;
        }
        const auto opened = context.openEngine();
        if (!opened) return context.fail(opened.error());
        const auto recipe = engine::recipeFromJson(nlohmann::json::parse((*taken)->recipe, nullptr, false));
        if (!recipe) return context.fail(recipe.error());
        engine::RunRequest request;
        request.recipe = *recipe;
        request.recipeFolder = (*project)->folder().string();
        request.runFolder = (*project)->runFolder((*taken)->run).string();
        context.note("run " + request.runFolder);
        const auto outcome =
            runTuning(context, *project, request.runFolder, (*taken)->recipe, recipe->tune.steps.value_or(0),
                      [&](auto observer) { return (*opened)->startRun(request, std::move(observer)); });
        worst = std::max(worst, outcome.exitCode);
        if (outcome.state == engine::RunState::Stopped) return outcome.exitCode;
    }
    return worst;
}

const Registration kQueue{
    "runs queue", "The runs that wait; with RUN: puts a created run there, or moves it", 76,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("RUN", options->run, "Name of the run")->type_name("RUN");
        app.add_option("--project", options->project, "Project folder")->type_name("DIR")->required();
        app.add_option("--place", options->place, "Its place, from 0 on; default the end")
            ->type_name("N")
            ->check(CLI::NonNegativeNumber);
        app.add_flag("--remove", options->remove, "Takes it out of the queue");
        return [options, &context] { return queue(context, *options); };
    }};

const Registration kNext{
    "runs next", "Tunes the runs of the queue in this process, one after the other", 77,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("--project", options->project, "Project folder")->type_name("DIR")->required();
        return [options, &context] { return next(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
