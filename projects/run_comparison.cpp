// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/run_comparison.h"

#include <algorithm>
#include <limits>

#include "projects/files.h"
#include "projects/recipe_file.h"

namespace caravan::projects {
namespace {

using Value = std::optional<nlohmann::json>;
constexpr std::size_t kPoints = 64;
constexpr auto kLast = std::numeric_limits<engine::StepIndex>::max();

double meanOf(const std::vector<float>& values) {
    double sum = 0;
    for (const float value : values)
        sum += value;
    return values.empty() ? NAN : sum / static_cast<double>(values.size());
}

Value setting(const engine::FieldDescriptor& field, const engine::Recipe& recipe) {
    const bool dense = recipe.upcycle.method == engine::UpcycleMethod::None;
    const bool ofExperts = field.key != "upcycle.method" &&
                           (field.group == engine::FieldGroup::Routing || field.key.starts_with("upcycle.") ||
                            field.key.starts_with("tune.balance"));
    if (dense && ofExperts) return std::nullopt;
    return field.get(recipe);
}

Value known(double value) {
    return std::isfinite(value) ? Value(value) : std::nullopt;
}
// A result as it is shown, so that what looks the same is not told as a difference.
Value rounded(const Value& value, int decimals) {
    if (!value || !value->is_number()) return value;
    const double scale = std::pow(10.0, decimals);
    return Value(std::round(value->get<double>() * scale) / scale);
}

struct ResultRow {
    const char* key;
    int decimals;
    Value (*of)(const ComparedRun&);
};
constexpr ResultRow kResults[] = {
    {"steps_done", 0, [](const ComparedRun& r) { return Value(r.step); }},
    {"heldout_last", 4, [](const ComparedRun& r) { return known(r.heldout.value_or(NAN)); }},
    {"heldout_best", 4, [](const ComparedRun& r) { return known(r.bestHeldout.value_or(NAN)); }},
    {"loss_last", 4, [](const ComparedRun& r) { return known(r.figures.lastLoss); }},
    {"max_vio", 2, [](const ComparedRun& r) { return known(r.figures.maxVio); }},
    {"tokens_per_second", 0, [](const ComparedRun& r) { return known(r.figures.tokensPerSecond); }},
    {"memory_bytes", 0, [](const ComparedRun& r) { return known(r.figures.memoryBytes); }},
};

}  // namespace

RunFigures readFigures(RunCatalogue& catalogue, const std::string& run) {
    RunFigures figures;
    engine::StepIndex last = 0;
    if (const auto points = catalogue.series(run, Metric::Loss, 0, kLast, kPoints)) {
        for (const SeriesPoint& point : *points) {
            figures.curve.push_back(point.value);
            last = point.step;
        }
    }
    if (figures.curve.empty()) return figures;
    if (const auto end = catalogue.steps(run, last, kLast); end && !end->empty()) {
        figures.lastLoss = end->back().loss;
        figures.maxVio = meanOf(end->back().maxVio);
        figures.curve.push_back(end->back().loss);
    }
    double sum = 0;
    int used = 0;
    if (const auto speeds = catalogue.series(run, Metric::TokensPerSecond, 0, kLast, kPoints))
        for (const SeriesPoint& point : *speeds)
            if (point.value > 0) sum += point.value, ++used;
    if (used > 0) figures.tokensPerSecond = sum / used;
    if (const auto memory = catalogue.series(run, Metric::MemoryBytes, 0, kLast, kPoints))
        for (const SeriesPoint& point : *memory)
            if (!(figures.memoryBytes >= point.value) && point.value > 0) figures.memoryBytes = point.value;
    if (const auto alarms = catalogue.alarms(run))
        figures.broken = std::any_of(alarms->begin(), alarms->end(),
                                     [](const engine::Alarm& alarm) { return alarm.kind == "not_a_number"; });
    return figures;
}

engine::Result<ComparedRun> readCompared(RunCatalogue& catalogue, const std::string& run) {
    const auto summary = catalogue.run(run);
    if (!summary) return tl::unexpected(summary.error());
    ComparedRun compared;
    compared.step = summary->row.step;
    compared.heldout = summary->lastHeldoutMean;
    compared.bestHeldout = summary->bestHeldoutMean;
    const auto json = nlohmann::json::parse(summary->row.recipe, nullptr, false);
    if (json.is_object())
        if (auto recipe = engine::recipeFromJson(json)) {
            makePathsAbsolute(*recipe, summary->folder);
            compared.recipe = std::move(*recipe);
        }
    compared.figures = readFigures(catalogue, run);
    return compared;
}

std::vector<ComparedRow> compareRuns(const std::vector<ComparedRun>& runs) {
    std::vector<ComparedRow> rows;
    for (const engine::FieldDescriptor& field : engine::recipeFields()) {
        ComparedRow row{field.key, &field, 0, {}, false};
        for (const ComparedRun& run : runs)
            row.values.push_back(setting(field, run.recipe));
        row.differs = std::any_of(row.values.begin(), row.values.end(),
                                  [&](const Value& v) { return v != row.values[0]; });
        rows.push_back(std::move(row));
    }
    for (const ResultRow& result : kResults) {
        ComparedRow row{result.key, nullptr, result.decimals, {}, false};
        for (const ComparedRun& run : runs)
            row.values.push_back(result.of(run));
        row.differs = std::any_of(row.values.begin(), row.values.end(), [&](const Value& v) {
            return rounded(v, result.decimals) != rounded(row.values[0], result.decimals);
        });
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace caravan::projects
