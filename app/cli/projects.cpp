// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "app/cli/command.h"
#include "projects/rebuild.h"

namespace caravan::cli {
namespace {

int rebuild(Context& context, const std::string& folder) {
    const auto report = projects::rebuild(folder);
    if (!report) return context.fail(report.error());
    context.emit({{"project", folder},
                  {"rows", report->rows},
                  {"compared", report->hadDatabase},
                  {"equal", report->hadDatabase && report->differences.empty()},
                  {"differences", report->differences},
                  {"unreadable", report->unreadable}});
    std::string text;
    for (const auto& [table, rows] : report->rows)
        text += fmt::format("{:<12} {:>10} rows\n", table, countText(rows));
    if (!report->hadDatabase)
        text += "There was no readable database before.\n";
    else if (report->differences.empty())
        text += "Equal to the former database, row by row.\n";
    for (const auto& difference : report->differences)
        text += "differed: " + difference + "\n";
    for (const auto& file : report->unreadable)
        text += "unreadable: " + file + "\n";
    context.print(text);
    return 0;
}

const Registration kRebuild{
    "projects rebuild", "Makes a project's database again from its run folders and chats", 80,
    [](CLI::App& app, Context& context) -> Action {
        auto folder = std::make_shared<std::string>();
        app.add_option("DIR", *folder, "Project folder")->type_name("DIR")->required();
        return [folder, &context] { return rebuild(context, *folder); };
    }};

}  // namespace
}  // namespace caravan::cli
