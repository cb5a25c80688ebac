// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/run_report.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "engine/api/config/descriptors.h"
#include "engine/api/routing_file.h"
#include "projects/files.h"
#include "projects/recipe_file.h"

namespace caravan::projects {
namespace fs = std::filesystem;

namespace {

constexpr engine::StepIndex kAll = std::numeric_limits<engine::StepIndex>::max();

std::string valueText(const engine::FieldDescriptor& field, const engine::Recipe& recipe) {
    const nlohmann::json value = field.get(recipe);
    if (value.is_null()) return "automatic";
    if (value.is_string()) return value.get<std::string>();
    if (field.type == engine::FieldType::FileList) {
        std::string text;
        for (const auto& file : value) {
            text += (text.empty() ? "" : ", ") + fs::path(file.value("path", "")).filename().string();
            if (const double weight = file.value("weight", 1.0); weight != 1.0)
                text += fmt::format(" × {:g}", weight);
        }
        return text.empty() ? "none" : text;
    }
    if (value.is_number_float()) return fmt::format("{:g}", value.get<double>());
    if (value.is_array()) {
        std::string text;
        for (const auto& part : value)
            text += (text.empty() ? "" : ", ") + (part.is_string() ? part.get<std::string>() : part.dump());
        return text.empty() ? "none" : text;
    }
    return value.dump();
}

// What was decided for this run: its model, its shape, its data, and what is not as it comes.
std::vector<std::pair<std::string, std::string>> settingsOf(const engine::Recipe& recipe) {
    std::vector<std::pair<std::string, std::string>> settings;
    const bool dense = recipe.upcycle.method == engine::UpcycleMethod::None;
    for (const engine::FieldDescriptor& field : engine::recipeFields()) {
        const bool always = field.group == engine::FieldGroup::Model || field.key == "upcycle.method" ||
                            field.key == "data.files" || field.key == "data.heldout" || field.key == "seed" ||
                            field.key == "tune.learning_rate" || field.key == "tune.batch_rows" ||
                            (!dense && field.group == engine::FieldGroup::Upcycle);
        if (always || field.get(recipe) != field.get(engine::Recipe{}))
            settings.emplace_back(field.unit.empty() ? field.label : field.label + ", " + field.unit,
                                  valueText(field, recipe));
    }
    return settings;
}

std::string nameOf(const RunSummary& run, const engine::Recipe& recipe) {
    if (!run.row.title.empty()) return run.row.title;
    const std::string base = fs::path(recipe.model.path).filename().string();
    return base.empty() ? run.row.name : base + " " + run.row.name;
}

template <class T>
T orThrow(engine::Result<T> result) {
    if (!result) throw engine::EngineException(result.error());
    return std::move(*result);
}

std::optional<engine::RoutingRecord> lastRouting(const fs::path& file) {
    std::error_code error;
    if (!fs::exists(file, error)) return std::nullopt;
    const auto reader = engine::RoutingFileReader::open(file.string());
    if (!reader || reader->entries().empty()) return std::nullopt;
    const auto record = reader->read(reader->entries().back());
    return record ? std::optional(*record) : std::nullopt;
}

}  // namespace

engine::Result<RunReport> readReport(RunCatalogue& catalogue, const std::string& run) {
    return attempt([&] {
        RunReport report;
        report.run = orThrow(catalogue.run(run));
        const auto json = nlohmann::json::parse(report.run.row.recipe, nullptr, false);
        if (json.is_object())
            if (auto recipe = engine::recipeFromJson(json)) {
                makePathsAbsolute(*recipe, report.run.folder);
                report.recipe = std::move(*recipe);
            }
        report.name = nameOf(report.run, report.recipe);
        report.settings = settingsOf(report.recipe);
        report.loss = orThrow(catalogue.series(run, Metric::Loss, 0, kAll, RunReport::kMostPoints));
        report.evaluations = orThrow(catalogue.evaluations(run));
        report.samples = orThrow(catalogue.samples(run));
        report.alarms = orThrow(catalogue.alarms(run));
        report.changes = orThrow(catalogue.changes(run));
        report.checkpoints = orThrow(catalogue.checkpoints(run));
        for (const SeriesPoint& point : orThrow(catalogue.series(run, Metric::Tokens, 0, kAll)))
            report.tokens += static_cast<std::int64_t>(point.value);
        double before = 0;  // seconds begin anew in each process of the run
        for (const SeriesPoint& point : orThrow(catalogue.series(run, Metric::Seconds, 0, kAll))) {
            report.seconds += point.value >= before ? point.value - before : point.value;
            before = point.value;
        }
        if (!report.loss.empty()) {
            const auto last = orThrow(catalogue.steps(run, report.run.row.step, report.run.row.step));
            if (!last.empty()) report.last = last.back();
        }
        report.routing = lastRouting(report.run.folder / "routing.bin");
        return report;
    });
}

}  // namespace caravan::projects
