// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include "app/cli/tuning_session.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::ErrorCode;

namespace {

struct Options {
    std::string run, project, stopAfter;
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

int resume(Context& context, const Options& options) {
    const auto target = targetOf(options);
    if (!target) return context.fail(target.error());
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
                     [&](auto observer) { return (*opened)->resumeRun(request, std::move(observer)); })
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
        app.add_option("--stop-after", options->stopAfter, "Save and stop after this step, with exit code 5")
            ->type_name("N");
        return [options, &context] { return resume(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
