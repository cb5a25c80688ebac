// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "app/cli/command.h"
#include "engine/api/bench.h"
#include "projects/demo.h"

namespace caravan::cli {
namespace {

struct Options {
    engine::BenchRequest request;
    bool list = false;
};

std::string number(double value) {
    const double size = std::abs(value);
    return size >= 1000 ? countText(std::llround(value))
                        : fmt::format("{:.{}f}", value,
                                      size >= 100  ? 0
                                      : size >= 10 ? 1
                                                   : 2);
}

std::string lineOf(const engine::BenchFigure& f) {
    std::string line = fmt::format("{:<4} {:<42} {:>9} {:<9} {:<20}", f.row, f.what, number(f.value), f.unit,
                                   fmt::format("({} to {})", number(f.lowest), number(f.highest)));
    if (f.share >= 0)
        line += fmt::format(" {:>3.0f} % of {} {} ({})", 100 * f.share, number(f.ceiling), f.ceilingUnit,
                            f.ceilingOf);
    if (f.peakBytes > 0) line += fmt::format(", peak {}", bytesText(f.peakBytes));
    return line + "\n";
}

int list(Context& context) {
    for (const engine::BenchRow& row : engine::benchRows()) {
        context.emit({{"type", "row"}, {"row", row.id}, {"what", row.what}, {"gpu", row.gpu}});
        context.print(fmt::format("{:<4} {}{}\n", row.id, row.what, row.gpu ? "  (GPU)" : ""));
    }
    return 0;
}

// A mistyped row before the engine is opened for it.
std::optional<std::string> unknownRow(const std::vector<std::string>& rows) {
    std::vector<std::string> known;
    for (const engine::BenchRow& row : engine::benchRows())
        known.push_back(row.id);
    for (const std::string& row : rows)
        if (!engine::findBenchRow(row))
            return fmt::format("bench has no row '{}'. It has: {}.", row, fmt::join(known, ", "));
    return std::nullopt;
}

int bench(Context& context, Options& options) {
    if (options.list) return list(context);
    if (const auto words = unknownRow(options.request.rows)) return context.failUsage(*words);
    if (options.request.model.empty()) {
        const auto demo = projects::demoModel();  // a missing one is named when it is opened
        options.request.model = demo.empty() ? "resources/demo/base-16m" : demo.string();
    }
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    auto* measurer = dynamic_cast<engine::Measurer*>(*opened);
    if (!measurer) return context.failUsage("this engine was built without its bench");
    const std::string device = (*opened)->device().name;
    std::int64_t figures = 0;
    const auto figure = [&](const engine::BenchFigure& f) {
        if (figures++ == 0)
            context.print(device +
                          "; median of the repeats (lowest to highest), beside a ceiling of this run\n");
        context.emit(f);
        context.print(lineOf(f));
    };
    const auto done = measurer->measure(
        options.request, figure, [&](const auto& p) { context.progress(p); }, context.stopToken());
    context.clearProgress();
    if (!done) return context.fail(done.error());
    context.emit({{"type", "summary"}, {"device", device}, {"figures", figures}});
    return 0;
}

const Registration kBench{
    "bench", "What this machine reaches, each figure beside its ceiling", 61,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("ROW", options->request.rows,
                       "Rows to measure, as --list names them; default: all that the device in use can run "
                       "(minutes)")
            ->type_name("ROW");
        app.add_flag("--list", options->list, "Only name the rows");
        app.add_option("--model", options->request.model,
                       "Model folder of the CPU's rows; default: the demo's model")
            ->type_name("DIR");
        return [options, &context] { return bench(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
