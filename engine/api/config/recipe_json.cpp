// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/config/descriptors.h"

// Whole recipes as JSON, through the table of descriptors.
namespace caravan::engine {
namespace {

using nlohmann::json;

json& slot(json& root, const std::string& key) {
    const std::size_t dot = key.find('.');
    return dot == std::string::npos ? root[key] : root[key.substr(0, dot)][key.substr(dot + 1)];
}

bool isGroup(const std::string& key) {
    for (const FieldDescriptor& field : recipeFields())
        if (field.key.starts_with(key + ".")) return true;
    return false;
}

tl::unexpected<Error> unknown(const std::string& key) {
    return fail(ErrorCode::UnknownKey, {{"key", key.substr(0, 200)}, {"nearest", nearestKey(key)}});
}

// Applies every member of an object; prefix is "" or "tune.".
Result<void> apply(Recipe& recipe, const json& object, const std::string& prefix) {
    for (const auto& [name, value] : object.items()) {
        const std::string key = prefix + name;
        if (const FieldDescriptor* field = findField(key)) {
            if (auto done = field->set(recipe, value); !done) return done;
        } else if (prefix.empty() && isGroup(name)) {
            if (!value.is_object())
                return fail(ErrorCode::BadOption,
                            {{"key", key}, {"value", value.dump().substr(0, 200)}, {"range", "an object"}});
            if (auto done = apply(recipe, value, name + "."); !done) return done;
        } else {
            return unknown(key);
        }
    }
    return {};
}

}  // namespace

json recipeToJson(const Recipe& recipe) {
    json out = json::object();
    for (const FieldDescriptor& field : recipeFields())
        slot(out, field.key) = field.get(recipe);
    return out;
}

Result<Recipe> recipeFromJson(const json& object, const Recipe& defaults) {
    if (!object.is_object())
        return fail(ErrorCode::BadOption,
                    {{"key", "the recipe"},
                     {"value", object.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 200)},
                     {"range", "a JSON object"}});
    Recipe recipe = defaults;
    if (auto done = apply(recipe, object, ""); !done) return tl::unexpected(done.error());
    return recipe;
}

Result<void> setField(Recipe& recipe, std::string_view key, std::string_view value) {
    const FieldDescriptor* field = findField(key);
    if (!field) return unknown(std::string(key));
    // Text stays text, whatever it looks like.
    if (field->type == FieldType::Text) return field->set(recipe, json(std::string(value)));
    const json parsed = json::parse(value, nullptr, false);
    return field->set(recipe, parsed.is_discarded() ? json(std::string(value)) : parsed);
}

Result<RunLimits> takeRunLimits(json& recipe) {
    RunLimits limits;
    if (!recipe.is_object()) return limits;
    const auto tune = recipe.find("tune");
    for (json* holder : {tune != recipe.end() ? &*tune : nullptr, &recipe}) {
        const char* key = holder == &recipe ? "tune.stop_after" : "stop_after";
        if (!holder || !holder->is_object() || !holder->contains(key)) continue;
        const json value = holder->at(key);
        holder->erase(key);
        if (value.is_null()) continue;
        if (auto done = setLimit(limits, "tune.stop_after", value.dump()); !done)
            return tl::unexpected(done.error());
    }
    return limits;
}

Result<bool> setLimit(RunLimits& limits, std::string_view key, std::string_view value) {
    if (key != "tune.stop_after") return false;
    const json number = json::parse(value, nullptr, false);
    if (!number.is_number_unsigned() || number.get<std::uint64_t>() == 0 ||
        number.get<std::uint64_t>() > 1'000'000'000'000)
        return fail(ErrorCode::BadOption, {{"key", "tune.stop_after"},
                                           {"value", std::string(value.substr(0, 200))},
                                           {"range", "a step, at least 1"}});
    limits.stopAfter = number.get<std::int64_t>();
    return true;
}

}  // namespace caravan::engine
