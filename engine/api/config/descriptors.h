// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/api/model_config.h"
#include "engine/api/result.h"

namespace caravan::engine {

// How conversations are written: the forms that Caravan has built in, and the model's own chat template.
inline constexpr std::array<const char*, 7> kTemplateNames{"pesc",    "llama2", "llama3", "chatml",
                                                           "mistral", "alpaca", "model"};

enum class FieldType { Integer, Real, Flag, Text, Choice, TextList, RealPair, FileList };
enum class FieldGroup { Model, Upcycle, Data, Batch, Training, Lora, Routing, Intervals, Advanced };

// One row per setting: drives JSON reading, the form, the command line and the documentation.
struct FieldDescriptor {
    std::string key;    // "tune.learning_rate"
    std::string label;  // "Learning rate" (sentence case, English; the ui translates)
    FieldGroup group = FieldGroup::Advanced;
    FieldType type = FieldType::Text;
    double minimum = 0.0, maximum = 0.0;  // numbers; inclusive
    std::vector<std::string> choices;     // Choice
    bool optional = false;                // null allowed
    std::string unit;                     // "tokens", "rows", "" ...
    std::string help;                     // one sentence
    nlohmann::json (*get)(const Recipe&) = nullptr;
    Result<void> (*set)(Recipe&, const nlohmann::json&) = nullptr;  // checks type and range
};

[[nodiscard]] const std::vector<FieldDescriptor>& recipeFields();
[[nodiscard]] const FieldDescriptor* findField(std::string_view key);
[[nodiscard]] std::string nearestKey(std::string_view key);         // by edit distance, "" if none is near
[[nodiscard]] std::string rangeText(const FieldDescriptor& field);  // "1 to 128", "nf4 or none"

// Whole recipes. Unknown keys are errors that name the nearest known one. Nested JSON objects ({"tune":
// {"steps": 3}}).
[[nodiscard]] nlohmann::json recipeToJson(const Recipe& recipe);  // every key, in table order
[[nodiscard]] Result<Recipe> recipeFromJson(const nlohmann::json& json, const Recipe& defaults = {});
// --set KEY=VALUE: VALUE is JSON if it parses, else a bare string.
[[nodiscard]] Result<void> setField(Recipe& recipe, std::string_view key, std::string_view value);

// tune.stop_after is a setting of one start, not of the recipe: taken out of a recipe's JSON before it is
// read, ...
[[nodiscard]] Result<RunLimits> takeRunLimits(nlohmann::json& recipe);
// ... and out of --set. True: key was one of the limits and is set now.
[[nodiscard]] Result<bool> setLimit(RunLimits& limits, std::string_view key, std::string_view value);

struct Problem {
    std::string key;  // the field, or "" for the whole
    Error error;
    bool warning = false;      // does not hinder the start
    std::string nearestValid;  // a valid neighbour as text, or ""
};
// Pure; returns *all* problems. model: facts of the base, if known. Does not touch files.
[[nodiscard]] std::vector<Problem> validate(const Recipe& recipe, const ModelConfig* model);
// "all", "0-3,7" -> ascending indices.
[[nodiscard]] Result<std::vector<std::int64_t>> parseLayers(std::string_view text, std::int64_t layers);
[[nodiscard]] std::string formatLayers(const std::vector<std::int64_t>& layers, std::int64_t total);

}  // namespace caravan::engine
