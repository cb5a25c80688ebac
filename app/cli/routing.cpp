// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/model_options.h"
#include "app/cli/recipe_options.h"
#include "app/cli/routing_table.h"
#include "engine/api/event_json.h"
#include "projects/files.h"

namespace caravan::cli {
namespace {

struct Options {
    ModelOptions model;
    std::string path, csv;
    std::vector<std::string> data;
};

int routing(Context& context, const Options& options) {
    const auto files = parseDomainFiles(options.data);
    if (!files) return context.fail(files.error());
    const auto source = options.model.source(options.path);
    if (!source) return context.fail(source.error());
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    const auto found = (*opened)->routing(
        *source, *files, [&](const auto& p) { context.progress(p); }, context.stopToken());
    if (!found) return context.fail(found.error());
    if (!options.csv.empty()) {
        const auto written =
            projects::attempt([&] { projects::writeAtomically(options.csv, routingCsv(found->record)); });
        if (!written) return context.fail(written.error());
    }
    nlohmann::json object = *found;
    object["load"] = loadShares(found->record);
    context.emit(object);
    context.print("Share of choices in per cent\n" + routingTable(found->record) + "\n" +
                  domainTable(found->record) + "\n" + statisticsTable(*found));
    return 0;
}

const Registration kRouting{
    "routing", "Routing statistics of a mixture on a probe set", 42,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("MODEL", options->path, "Mixture folder, run, or RUN@STEP")
            ->type_name("MODEL")
            ->required();
        app.add_option("--data", options->data,
                       "Rows to route; name: the domain, default the file's name up to its first dot")
            ->type_name("FILE[,name=N]")
            ->take_all()
            ->expected(1)
            ->required();
        app.add_option("--csv", options->csv, "Counts and gate sums as a table")->type_name("FILE");
        options->model.define(app);
        return [options, &context] { return routing(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
