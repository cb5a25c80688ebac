// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// runs edit, runs delete, runs restore: what the window's Runs page changes of a run.
#include <fmt/format.h>

#include "app/cli/command.h"
#include "projects/run_catalogue.h"
#include "projects/trash.h"

namespace caravan::cli {
using projects::Project;

namespace {

struct Options {
    std::string project, run;
    std::optional<std::string> title, notes;
    std::vector<std::string> tags;
    bool noTags = false;
};

int edit(Context& context, const Options& options) {
    if (!options.title && !options.notes && options.tags.empty() && !options.noTags)
        return context.failUsage("nothing to change: give --title, --notes, --tag or --no-tags");
    const auto project = Project::open(options.project);
    if (!project) return context.fail(project.error());
    const auto catalogue = projects::RunCatalogue::open((*project)->folder());
    if (!catalogue) return context.fail(catalogue.error());
    if (const auto run = (*catalogue)->run(options.run); !run) return context.fail(run.error());
    if (options.title) projects::setRunTitle(**project, options.run, *options.title);
    if (options.notes) projects::setRunNotes(**project, options.run, *options.notes);
    if (options.noTags || !options.tags.empty()) projects::setRunTags(**project, options.run, options.tags);
    if (const auto written = (*project)->store().flush(); !written) return context.fail(written.error());
    const auto run = (*catalogue)->run(options.run);
    if (!run) return context.fail(run.error());
    const auto& row = run->row;
    context.emit({{"run", row.name}, {"title", row.title}, {"notes", row.notes}, {"tags", row.tags}});
    std::string tags;
    for (const std::string& tag : row.tags)
        tags += (tags.empty() ? "" : ", ") + tag;
    context.print(
        fmt::format("{}\n  title  {}\n  tags   {}\n  notes  {}\n", row.name, row.title, tags, row.notes));
    return 0;
}

using Move = engine::Result<void> (*)(Project&, const std::string&);
int move(Context& context, const Options& options, Move how, const char* word) {
    const auto project = Project::open(options.project);
    if (!project) return context.fail(project.error());
    if (const auto moved = how(**project, options.run); !moved) return context.fail(moved.error());
    context.emit({{"run", options.run}, {"done", word}});
    context.print(fmt::format("{} {}\n", word, options.run));
    return 0;
}

void place(CLI::App& app, Options& options) {
    app.add_option("RUN", options.run, "Name of the run")->type_name("RUN")->required();
    app.add_option("--project", options.project, "Project folder")->type_name("DIR")->required();
}

Registration::Define moves(Move how, const char* word) {
    return [how, word](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        place(app, *options);
        return [options, &context, how, word] { return move(context, *options, how, word); };
    };
}

const Registration kEdit{
    "runs edit", "Gives a run a title, notes and tags", 81, [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        place(app, *options);
        app.add_option("--title", options->title, "Its name for people")->type_name("TEXT");
        app.add_option("--notes", options->notes, "What it was for")->type_name("TEXT");
        app.add_option("--tag", options->tags, "Its tags from now on; may be repeated")->type_name("WORD");
        app.add_flag("--no-tags", options->noTags, "It has no tags")->excludes(app.get_option("--tag"));
        return [options, &context] { return edit(context, *options); };
    }};
const Registration kDelete{"runs delete", "Moves a run into the project's trash folder", 82,
                           moves(projects::trashRun, "deleted")};
const Registration kRestore{"runs restore", "Brings a deleted run back from the trash folder", 83,
                            moves(projects::restoreRun, "restored")};

}  // namespace
}  // namespace caravan::cli
