// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// runs report, runs import.
#include <fmt/format.h>

#include <filesystem>

#include "app/cli/command.h"
#include "projects/files.h"
#include "projects/run_import.h"
#include "projects/run_report.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using projects::Project;

namespace {

struct Options {
    std::string project, run, out;
};

int report(Context& context, const Options& options) {
    const auto project = Project::open(options.project);
    if (!project) return context.fail(project.error());
    const auto catalogue = projects::RunCatalogue::open((*project)->folder());
    if (!catalogue) return context.fail(catalogue.error());
    const auto report = projects::readReport(**catalogue, options.run);
    if (!report) return context.fail(report.error());
    const std::string html = projects::reportHtml(
        *report, [&](const std::string& name) { return projects::reportFigure(*report, name); });
    const fs::path file = fs::absolute(options.out);
    const auto written = projects::attempt([&] { projects::writeAtomically(file, html); });
    if (!written) return context.fail(written.error());
    context.emit({{"run", options.run}, {"report", file.string()}, {"bytes", html.size()}});
    context.print(fmt::format("{} ({})\n", file.string(), bytesText(static_cast<std::int64_t>(html.size()))));
    return 0;
}

int importRun(Context& context, const Options& options) {
    const auto project = Project::openOrCreate(options.project);
    if (!project) return context.fail(project.error());
    const auto name = projects::importRunFolder(**project, options.run);
    if (!name) return context.fail(name.error());
    const std::string folder = (*project)->runFolder(*name).string();
    context.emit({{"run", folder}, {"name", *name}});
    context.print(fmt::format("{}\n", folder));
    return 0;
}

const Registration kReport{
    "runs report", "Writes a run's settings, curves, routing, evaluations and samples as one HTML file", 78,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("RUN", options->run, "Name of the run")->type_name("RUN")->required();
        app.add_option("--project", options->project, "Project folder")->type_name("DIR")->required();
        app.add_option("--out", options->out, "The file to write")->type_name("FILE.html")->required();
        return [options, &context] { return report(context, *options); };
    }};

const Registration kImport{
    "runs import", "Copies a run folder of elsewhere into a project", 79,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("FOLDER", options->run, "The run folder")->type_name("DIR")->required();
        app.add_option("--project", options->project, "Project folder; made if it is not there")
            ->type_name("DIR")
            ->required();
        return [options, &context] { return importRun(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
