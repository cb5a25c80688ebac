// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// approximation: how wide an adapter on a frozen FFN must be to stand for the FFN tuned in full.
#include "engine/api/approximation.h"

#include <fmt/format.h>

#include <cmath>

#include "app/cli/command.h"
#include "app/cli/recipe_options.h"

namespace caravan::cli {
namespace {

struct Options {
    std::string base, tuned, widths = "16,64,256", layers = "0,middle,last";
    std::vector<std::string> data;
    engine::ApproximationRequest request;
};

engine::Result<engine::ApproximationRequest> requestOf(const Options& options, std::uint64_t seed) {
    engine::ApproximationRequest request = options.request;
    request.seed = seed;
    const auto base = resolveModel(options.base), tuned = resolveModel(options.tuned);
    if (!base) return tl::unexpected(base.error());
    if (!tuned) return tl::unexpected(tuned.error());
    request.base.path = *base;
    request.tuned.path = *tuned;
    auto widths = engine::parseAdapterWidths(options.widths);
    if (!widths) return tl::unexpected(widths.error());
    auto layers = engine::parseApproximationLayers(options.layers);
    if (!layers) return tl::unexpected(layers.error());
    request.widths = std::move(*widths);
    request.layers = std::move(*layers);
    if (options.data.empty()) return request;
    auto files = parseDomainFiles(options.data);
    if (!files) return tl::unexpected(files.error());
    request.files = std::move(*files);
    request.save = false;  // the run's own figures are those of its rows
    return request;
}

std::string cell(double value) {
    return std::isfinite(value) ? fmt::format("{:>10.4f}", value) : fmt::format("{:>10}", "-");
}

std::string endOf(const engine::AdapterFit& fit) {
    if (fit.width == 0) return "no adapter";
    return fit.settled ? "stood still"
                       : fmt::format("steps ran out, falling {:.2f} % in the last 100", 100 * fit.falling);
}

// Points that say more of the rows than of the adapter.
std::string notes(const engine::Approximation& a) {
    constexpr double kApart = 1.25;
    int apart = 0;
    for (const auto& layer : a.layers)
        for (const auto& fit : layer.fits)
            apart += fit.heldOut > kApart * fit.fitted ? 1 : 0;
    return apart == 0 ? std::string()
                      : fmt::format(
                            "\n{} of the fits had too few rows (xi is over {} times fitted): more tokens "
                            "would lower it\n",
                            apart, kApart);
}

std::string table(const engine::Approximation& a) {
    std::string text = fmt::format(
        "Approximation error xi(r) = |E_full - E_pe|^2 / |E_full - F|^2: 1 = the frozen FFN alone, 0 = the "
        "tuned FFN\n{} tokens fitted, {} held out; {} wide, {} inside the FFN\n\n{:<7}{:>9}{:>8}{:>10}{:>10}"
        "{:>10}{:>8}\n",
        countText(a.fittedTokens), countText(a.heldOutTokens), a.hidden, a.intermediate, "layer", "change",
        "r", "xi", "fitted", "linear", "steps");
    for (const engine::LayerApproximation& layer : a.layers) {
        if (layer.fits.empty()) text += fmt::format("{:<7}{:>9}  the FFNs are equal\n", layer.layer, 0);
        for (const engine::AdapterFit& fit : layer.fits)
            text += fmt::format("{:<7}{:>9.5f}{:>8}{}{}{}{:>8}  {}\n", layer.layer, layer.change, fit.width,
                                cell(fit.heldOut), cell(fit.fitted), cell(fit.linear), fit.steps, endOf(fit));
    }
    return text + notes(a) +
           "\nchange: mean |E_full - F|^2 / mean |F|^2; xi and linear on held-out rows, fitted on those of "
           "the fit;\nlinear: the best linear map of rank r in the adapter's place\n";
}

int approximation(Context& context, const Options& options) {
    const auto request = requestOf(options, context.seed);
    if (!request) return context.fail(request.error());
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    auto* approximator = dynamic_cast<engine::Approximator*>(*opened);
    if (!approximator) return context.failUsage("this engine was built without the approximation error");
    const auto found = approximator->approximate(
        *request, [&](const auto& p) { context.progress(p); }, context.stopToken());
    context.clearProgress();
    if (!found) return context.fail(found.error());
    context.emit(*found);
    context.print(table(*found));
    return 0;
}

void define(CLI::App& app, Options& options) {
    app.add_option(
           "BASE", options.base,
           "Dense model; or a run: the model that it was made from, with the run's held-out rows (the "
           "figures are kept in its folder)")
        ->type_name("MODEL")
        ->required();
    app.add_option("TUNED", options.tuned, "Dense model of the same shape whose FFNs were tuned")
        ->type_name("MODEL")
        ->required();
    app.add_option(
           "--data", options.data,
           "Rows whose tokens are read; name: the domain, default the file's name up to its first dot")
        ->type_name("FILE[,name=N]")
        ->take_all()
        ->expected(1);
    app.add_option("--widths", options.widths,
                   "Widths r of the adapter, 0 to 65536 (0: no adapter, xi = 1); default 16,64,256")
        ->type_name("R,...");
    app.add_option("--layers", options.layers,
                   "Indices from 0, ranges, first, middle (mid), last, all; default 0,middle,last")
        ->type_name("LAYER,...");
    app.add_option("--max-tokens", options.request.maxTokens,
                   "Read so many tokens, evenly over domains; every fourth row is held out; default 32768, "
                   "0 = all")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--max-steps", options.request.maxSteps,
                   "Steps of AdamW for a fit that does not stand still before; default 4000")
        ->check(CLI::Range(1, 1000000));
}

const Registration kApproximation{"approximation",
                                  "How wide an adapter must be to stand for an FFN that was tuned in full",
                                  43, [](CLI::App& app, Context& context) -> Action {
                                      auto options = std::make_shared<Options>();
                                      define(app, *options);
                                      return [options, &context] { return approximation(context, *options); };
                                  }};

}  // namespace
}  // namespace caravan::cli
