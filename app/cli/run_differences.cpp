// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// runs diff: the settings and results in which runs differ, as the window's Runs page compares them.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/cli/command.h"
#include "projects/run_comparison.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using projects::ComparedRow;
using Value = std::optional<nlohmann::json>;

namespace {

struct Options {
    std::string project;
    std::vector<std::string> runs;
    bool all = false;
};

std::string listText(const nlohmann::json& list) {
    std::string text;
    for (const auto& part : list) {
        text += text.empty() ? "" : ", ";
        if (!part.is_object()) {
            text += part.is_string() ? part.get<std::string>() : part.dump();
            continue;
        }
        text += fs::path(part.value("path", "")).filename().string();
        if (const double weight = part.value("weight", 1.0); weight != 1.0)
            text += fmt::format(" x {:g}", weight);
    }
    return text.empty() ? "-" : text;
}

std::string valueText(const ComparedRow& row, const Value& value) {
    if (!value) return "-";
    if (value->is_null()) return "auto";
    if (row.key == "memory_bytes") return bytesText(static_cast<std::int64_t>(value->get<double>()));
    if (row.field == nullptr) return fmt::format("{:.{}f}", value->get<double>(), row.decimals);
    if (value->is_string()) return value->get<std::string>();
    if (value->is_number_float()) return fmt::format("{:g}", value->get<double>());
    return value->is_array() ? listText(*value) : value->dump();
}

// Two values that differ and read the same (folders of one name) are told in full.
std::vector<std::string> textsOf(const ComparedRow& row) {
    std::vector<std::string> texts;
    for (const Value& value : row.values)
        texts.push_back(valueText(row, value));
    const bool alike = std::all_of(texts.begin(), texts.end(), [&](const auto& t) { return t == texts[0]; });
    if (row.differs && alike)
        for (std::size_t i = 0; i < texts.size(); ++i)
            if (row.values[i]) texts[i] = row.values[i]->dump();
    return texts;
}

nlohmann::json rowObject(const ComparedRow& row) {
    nlohmann::json values = nlohmann::json::array();
    for (const Value& value : row.values)
        values.push_back(value.value_or(nlohmann::json()));
    nlohmann::json object = {{"key", row.key}, {"values", std::move(values)}, {"differs", row.differs}};
    if (row.field != nullptr && !row.field->unit.empty()) object["unit"] = row.field->unit;
    return object;
}

std::string table(const std::vector<std::string>& runs, const std::vector<ComparedRow>& rows) {
    std::vector<std::vector<std::string>> lines{{""}};
    lines[0].insert(lines[0].end(), runs.begin(), runs.end());
    for (const ComparedRow& row : rows) {
        lines.push_back(textsOf(row));
        lines.back().insert(lines.back().begin(), row.key);
    }
    std::vector<std::size_t> widths(lines[0].size());
    for (const auto& line : lines)
        for (std::size_t i = 0; i < line.size(); ++i)
            widths[i] = std::max(widths[i], line[i].size());
    std::string text;
    for (const auto& line : lines) {
        text += fmt::format("{:<{}}", line[0], widths[0]);
        for (std::size_t i = 1; i < line.size(); ++i)
            text += fmt::format("  {:>{}}", line[i], widths[i]);
        text += '\n';
    }
    return text;
}

int differences(Context& context, const Options& options) {
    const auto project = projects::Project::open(options.project);
    if (!project) return context.fail(project.error());
    const auto catalogue = projects::RunCatalogue::open((*project)->folder());
    if (!catalogue) return context.fail(catalogue.error());
    std::vector<projects::ComparedRun> runs;
    for (const std::string& name : options.runs) {
        auto run = projects::readCompared(**catalogue, name);
        if (!run) return context.fail(run.error());
        runs.push_back(std::move(*run));
    }
    const auto all = projects::compareRuns(runs);
    std::vector<ComparedRow> shown;
    nlohmann::json settings = nlohmann::json::array(), results = nlohmann::json::array();
    for (const ComparedRow& row : all) {
        // The figures that the runs ended with stand there in any case.
        if (!row.differs && row.field != nullptr && !options.all) continue;
        (row.field != nullptr ? settings : results).push_back(rowObject(row));
        shown.push_back(row);
    }
    const auto differing = std::count_if(all.begin(), all.end(), [](const auto& row) { return row.differs; });
    context.emit({{"runs", options.runs}, {"settings", settings}, {"results", results}});
    context.print(table(options.runs, shown));
    context.print(fmt::format("{} of {} settings and results differ\n", differing, all.size()));
    return 0;
}

const Registration kDiff{
    "runs diff", "The settings in which runs differ, and the figures they ended with", 77,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("RUN", options->runs, "Names of two or more runs")
            ->type_name("RUN")
            ->required()
            ->expected(2, 1000);
        app.add_option("--project", options->project, "Project folder")->type_name("DIR")->required();
        app.add_flag("--all", options->all, "Also the settings that are the same");
        return [options, &context] { return differences(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli
