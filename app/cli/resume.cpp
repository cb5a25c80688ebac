// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include "app/cli/tuning_session.h"
#include "engine/api/config/descriptors.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::ErrorCode;

namespace {

struct Options {
    std::string run, project, stopAfter;
    std::vector<std::string> set;  // KEY=VALUE
};

struct Target {
    fs::path folder;
    std::optional<engine::StepIndex> step;
};

bool isNumber(const std::string& text) {
    return !text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == std::string::npos;
}

// A run folder, or with --project a run's name; @STEP behind it.
engine::Result<Target> targetOf(const Options& options) {
    Target target;
    std::string run = options.run;
    const auto at = run.rfind('@');
    if (at != std::string::npos && isNumber(run.substr(at + 1))) {
        target.step = std::stoll(run.substr(at + 1));
        run.resize(at);
    }
    target.folder = options.project.empty() ? fs::path(run) : fs::path(options.project) / "runs" / run;
    if (!fs::is_directory(target.folder))
        return engine::fail(ErrorCode::NotFound, {{"what", "run"}, {"name", target.folder.string()}});
    target.folder = fs::canonical(target.folder);
    return target;
}

using Changes = std::vector<std::pair<std::string, std::string>>;  // key, value

// Refused before anything is started: what may change while a run is on.
engine::Result<Changes> changesOf(const std::vector<std::string>& texts) {
    Changes changes;
    for (const std::string& text : texts) {
        const auto equals = text.find('=');
        const std::string key = text.substr(0, equals);
        if (equals == std::string::npos)
            return engine::fail(ErrorCode::BadOption,
                                {{"key", "--set"}, {"value", text}, {"range", "KEY=VALUE"}});
        if (key != "tune.learning_rate" && key != "tune.balance" && key != "tune.micro_batch_tokens")
            return engine::fail(ErrorCode::BadOption,
                                {{"key", "--set"},
                                 {"value", key},
                                 {"range", "tune.learning_rate, tune.balance or tune.micro_batch_tokens"}});
        engine::Recipe scratch;
        if (auto set = engine::setField(scratch, key, text.substr(equals + 1)); !set)
            return tl::unexpected(set.error());
        changes.emplace_back(key, text.substr(equals + 1));
    }
    return changes;
}

int resume(Context& context, const Options& options) {
    const auto target = targetOf(options);
    if (!target) return context.fail(target.error());
    const auto changes = changesOf(options.set);
    if (!changes) return context.fail(changes.error());
    engine::ResumeRequest request;
    request.runFolder = target->folder.string();
    request.step = target->step;
    if (!options.stopAfter.empty()) {
        if (!isNumber(options.stopAfter))
            return context.fail({ErrorCode::BadOption,
                                 {{"key", "--stop-after"},
                                  {"value", options.stopAfter},
                                  {"range", "a whole number of at least 1"}}});
        request.limits.stopAfter = std::stoll(options.stopAfter);
    }
    std::shared_ptr<projects::Project> project;
    if (const auto place = projects::Project::projectOfRun(target->folder); !place.empty()) {
        auto opened = projects::Project::open(place);
        if (!opened) return context.fail(opened.error());
        project = *opened;
    }
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    return runTuning(context, project, request.runFolder, "", 0,
                     [&](auto observer) -> engine::Result<std::shared_ptr<engine::TuningRun>> {
                         auto run = (*opened)->resumeRun(request, std::move(observer));
                         if (!run) return run;
                         for (const auto& [key, value] : *changes)  // from its next step on
                             if (auto done = (*run)->change(key, value); !done)
                                 return tl::unexpected(done.error());
                         return run;
                     })
        .exitCode;
}

const Registration kResume{
    "resume", "Continues a run exactly", 31, [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option(
               "RUN", options->run,
               "Run folder, or its name with --project; @STEP: from that checkpoint, default the newest")
            ->type_name("RUN[@STEP]")
            ->required();
        app.add_option("--project", options->project, "Project folder that RUN is a name in")
            ->type_name("DIR");
        app.add_option(
               "--set", options->set,
               "Another tune.learning_rate, tune.balance or tune.micro_batch_tokens from the next step "
               "on; kept in changes.jsonl")
            ->type_name("KEY=VALUE");
        app.add_option("--stop-after", options->stopAfter, "Save and stop after this step, with exit code 5")
            ->type_name("N");
        return [options, &context] { return resume(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
