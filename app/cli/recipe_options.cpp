// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/recipe_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "engine/api/config/column_mapping.h"
#include "projects/recipe_file.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::ErrorCode;
using engine::FieldDescriptor;
using engine::FieldGroup;
using engine::FieldType;

namespace {

constexpr const char* kStopAfter = "tune.stop_after";

std::string optionName(const FieldDescriptor& field) {
    std::string name = field.key.substr(field.key.rfind('.') + 1);
    std::replace(name.begin(), name.end(), '_', '-');
    return "--" + name;
}

const char* groupTitle(FieldGroup group) {
    switch (group) {
        case FieldGroup::Model:
            return "Model";
        case FieldGroup::Upcycle:
            return "Upcycling";
        case FieldGroup::Data:
            return "Data";
        case FieldGroup::Batch:
            return "Batch";
        case FieldGroup::Training:
            return "Training";
        case FieldGroup::Lora:
            return "LoRA";
        case FieldGroup::Routing:
            return "Routing";
        case FieldGroup::Intervals:
            return "Intervals";
        case FieldGroup::Advanced:
            return "Advanced";
    }
    return "Settings";
}

const char* typeTitle(const FieldDescriptor& field) {
    switch (field.type) {
        case FieldType::Integer:
            return "N";
        case FieldType::Real:
            return "X";
        case FieldType::RealPair:
            return "X,X";
        case FieldType::Choice:
            return "WORD";
        case FieldType::TextList:
            return "TEXT...";
        case FieldType::Flag:
            return "true|false";
        default:
            return "TEXT";
    }
}

std::string helpText(const FieldDescriptor& field) {
    const auto value = field.get(engine::Recipe{});
    std::string fallback = value.is_string() ? value.get<std::string>() : value.dump();
    if (value.is_array() && field.type == FieldType::TextList) {
        fallback.clear();
        for (const auto& item : value)
            fallback += (fallback.empty() ? "" : ",") + item.get<std::string>();
    }
    std::string text = fmt::format("{} {}", field.help, engine::rangeText(field));
    if (!field.unit.empty()) text += ", in " + field.unit;
    if (!value.is_null() && !fallback.empty()) text += "; default " + fallback;
    return text;
}

bool ownOption(const FieldDescriptor& field) {
    return field.key == "model.path" || field.key == "data.files" || field.key == "data.heldout" ||
           field.key == "seed";
}

std::string joined(const FieldDescriptor& field, const std::vector<std::string>& values) {
    if (field.type == FieldType::TextList && field.choices.empty()) return nlohmann::json(values).dump();
    if (field.type == FieldType::RealPair && !values.back().starts_with("["))
        return "[" + values.back() + "]";
    return values.back();
}

engine::Error forOption(engine::Error error, const FieldDescriptor& field) {
    for (auto& [key, value] : error.parameters)
        if (key == "key") value = optionName(field);
    return error;
}

std::string absolutePath(const std::string& path) {
    return fs::absolute(path).lexically_normal().string();
}

}  // namespace

void RecipeOptions::define(CLI::App& app, Scope scope) {
    if (scope == Scope::All) {
        app.add_option("--model", model, "Base model: a folder in Hugging Face layout")->type_name("DIR");
        app.add_option(
               "--data", m_data,
               "Training rows; name: the domain, default the file's name up to its first dot; "
               "weight: times used per epoch, default 1; format (jsonl, json, csv, tsv, text), shape "
               "(pesc, alpaca, sharegpt, messages, completion) and the columns system, prompt, input, "
               "answer, messages, role, content where they are not recognised")
            ->type_name("FILE[,name=N][,weight=W][,prompt=COLUMN]...")
            ->take_all()
            ->expected(1)
            ->group("Data");
        app.add_option("--heldout", m_heldout, "Held-out rows, never drawn")
            ->type_name("FILE[,name=N]")
            ->take_all()
            ->expected(1)
            ->group("Data");
        app.add_option("--stop-after", m_stopAfter,
                       "Save and stop after this step, with exit code 5; a whole number of at least 1")
            ->type_name("N")
            ->group("Intervals");
    }
    app.add_option("--recipe", m_recipe, "Settings from a recipe file; options override it")
        ->type_name("FILE");
    app.add_option("--set", m_sets, "One setting by its key, as JSON or a bare text")
        ->type_name("KEY=VALUE")
        ->take_all()
        ->expected(1);
    for (const FieldDescriptor& field : engine::recipeFields()) {
        if (ownOption(field)) continue;
        if (scope == Scope::Upcycle && field.group != FieldGroup::Model && field.group != FieldGroup::Upcycle)
            continue;
        app.add_option(optionName(field), m_values[field.key], helpText(field))
            ->type_name(typeTitle(field))
            ->take_all()
            ->expected(1)
            ->group(groupTitle(field.group));
    }
}

engine::Result<void> RecipeOptions::applyData(engine::Recipe& recipe) const {
    const auto parse = [](const std::vector<std::string>& texts,
                          std::vector<engine::DataFile>& out) -> engine::Result<void> {
        if (texts.empty()) return {};
        out.clear();
        for (const auto& text : texts) {
            auto file = parseDataFile(text);
            if (!file) return tl::unexpected(file.error());
            out.push_back(std::move(*file));
        }
        return {};
    };
    if (auto done = parse(m_data, recipe.data.files); !done) return done;
    return parse(m_heldout, recipe.data.heldout);
}

engine::Result<engine::Recipe> RecipeOptions::build(const Context& context) const {
    engine::Recipe recipe;
    if (!m_recipe.empty()) {
        auto read = projects::readRecipe(m_recipe);
        if (!read) return read;
        recipe = std::move(*read);
    }
    if (!model.empty()) {
        auto path = resolveModel(model);
        if (!path) return tl::unexpected(path.error());
        recipe.model.path = *path;
    }
    if (auto done = applyData(recipe); !done) return tl::unexpected(done.error());
    for (const FieldDescriptor& field : engine::recipeFields()) {
        const auto found = m_values.find(field.key);
        if (found == m_values.end() || found->second.empty()) continue;
        if (auto done = engine::setField(recipe, field.key, joined(field, found->second)); !done)
            return tl::unexpected(forOption(done.error(), field));
    }
    if (context.seedGiven) recipe.seed = context.seed;
    for (const std::string& set : m_sets) {
        const auto equals = set.find('=');
        if (equals == std::string::npos)
            return engine::fail(ErrorCode::BadOption,
                                {{"key", "--set"}, {"value", set}, {"range", "KEY=VALUE"}});
        const std::string key = set.substr(0, equals);
        if (key == kStopAfter) continue;
        if (auto done = engine::setField(recipe, key, set.substr(equals + 1)); !done)
            return tl::unexpected(done.error());
    }
    projects::makePathsAbsolute(recipe, fs::current_path());
    return recipe;
}

std::string RecipeOptions::recipeFolder() const {
    return m_recipe.empty() ? std::string() : fs::absolute(m_recipe).parent_path().string();
}

engine::Result<engine::RunLimits> RecipeOptions::limits() const {
    std::string text = m_stopAfter;
    for (const std::string& set : m_sets)
        if (set.starts_with(std::string(kStopAfter) + "=")) text = set.substr(set.find('=') + 1);
    engine::RunLimits limits;
    if (text.empty() || text == "null") return limits;
    if (text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos || std::stoll(text) < 1)
        return engine::fail(
            ErrorCode::BadOption,
            {{"key", kStopAfter}, {"value", text}, {"range", "a whole number of at least 1"}});
    limits.stopAfter = std::stoll(text);
    return limits;
}

engine::Result<engine::DataFile> parseDataFile(const std::string& text) {
    engine::DataFile file;
    std::string path = text;
    // From the end, so that commas in the path itself do no harm.
    while (true) {
        const auto comma = path.rfind(',');
        if (comma == std::string::npos) break;
        const std::string part = path.substr(comma + 1);
        if (part.starts_with("name=")) {
            file.name = part.substr(5);
        } else if (part.starts_with("weight=")) {
            char* end = nullptr;
            file.weight = std::strtod(part.c_str() + 7, &end);
            if (*end != '\0' || part.size() == 7 || !(file.weight >= 0 && file.weight <= 1000))
                return engine::fail(
                    ErrorCode::BadOption,
                    {{"key", "weight"}, {"value", part.substr(7)}, {"range", "a number from 0 to 1000"}});
        } else if (const auto equals = part.find('=');
                   equals != std::string::npos && engine::isMappingWord(part.substr(0, equals))) {
            if (auto done = engine::setMapping(file.columns, part.substr(0, equals), part.substr(equals + 1));
                !done)
                return tl::unexpected(done.error());
        } else {
            break;
        }
        path.resize(comma);
    }
    if (!fs::exists(path)) return engine::fail(ErrorCode::FileMissing, {{"file", path}});
    file.path = absolutePath(path);
    return file;
}

engine::Result<std::vector<engine::DomainFile>> parseDomainFiles(const std::vector<std::string>& texts) {
    std::vector<engine::DomainFile> files;
    for (const auto& text : texts) {
        const auto file = parseDataFile(text);
        if (!file) return tl::unexpected(file.error());
        std::string name = file->name;
        if (name.empty()) {
            name = fs::path(file->path).filename().string();
            name = name.substr(0, name.find('.'));
        }
        files.push_back({file->path, name, file->columns});
    }
    return files;
}

engine::Result<std::string> resolveModel(const std::string& text) {
    if (fs::exists(text)) return absolutePath(text);
    const auto at = text.rfind('@');
    if (at != std::string::npos && at > 0 && fs::exists(text.substr(0, at)))
        return absolutePath(text.substr(0, at)) + text.substr(at);
    return engine::fail(ErrorCode::FileMissing, {{"file", text}});
}

}  // namespace caravan::cli
