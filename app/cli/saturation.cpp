// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// runs saturation: the curve of what `routing --checkpoints` or the window measured.
#include "app/cli/saturation.h"

#include <fmt/format.h>

#include <cmath>

#include "app/cli/command.h"
#include "projects/run_catalogue.h"

namespace caravan::cli {
namespace {

std::string percent(double share) {
    return std::isfinite(share) ? fmt::format("{:>7.1f}", 100 * share) : "      -";
}
nlohmann::json number(double value) {
    return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

struct Options {
    std::string project, run;
};

int saturation(Context& context, const Options& options) {
    const auto project = projects::Project::open(options.project);
    if (!project) return context.fail(project.error());
    const auto catalogue = projects::RunCatalogue::open((*project)->folder());
    if (!catalogue) return context.fail(catalogue.error());
    const auto run = (*catalogue)->run(options.run);
    if (!run) return context.fail(run.error());
    const auto curve = engine::readSaturation(run->folder.string());
    if (curve.points.empty())
        return context.fail({engine::ErrorCode::NotFound,
                             {{"what", "measured saturation (routing RUN --checkpoints measures it)"},
                              {"name", options.run}}});
    context.emit(saturationObject(curve));
    context.print(saturationTable(curve));
    return 0;
}

const Registration kSaturation{
    "runs saturation", "Share of choices that the last checkpoint makes too, by checkpoint and layer", 84,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("RUN", options->run, "Name of the run")->type_name("RUN")->required();
        app.add_option("--project", options->project, "Project folder")->type_name("DIR")->required();
        return [options, &context] { return saturation(context, *options); };
    }};

}  // namespace

std::string saturationTable(const engine::SaturationCurve& curve) {
    std::string text = fmt::format("Share of choices in per cent that {} makes too, by layer\n{:<8}{:>7}",
                                   curve.reference, "step", "mean");
    for (const std::int64_t layer : curve.layers)
        text += fmt::format("{:>7}", layer);
    text += '\n';
    for (const engine::SaturationPoint& point : curve.points) {
        text += fmt::format("{:<8}{}", point.step, percent(point.mean));
        for (const double share : point.layers)
            text += percent(share);
        text += '\n';
    }
    return text;
}

nlohmann::json saturationObject(const engine::SaturationCurve& curve) {
    nlohmann::json points = nlohmann::json::array();
    for (const engine::SaturationPoint& point : curve.points) {
        nlohmann::json layers = nlohmann::json::array();
        for (const double share : point.layers)
            layers.push_back(number(share));
        points.push_back({{"step", point.step}, {"mean", number(point.mean)}, {"layers", std::move(layers)}});
    }
    return {{"type", "saturation"},
            {"reference", curve.reference},
            {"layers", curve.layers},
            {"checkpoints", std::move(points)}};
}

}  // namespace caravan::cli
