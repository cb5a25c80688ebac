// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/json_values.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "engine/api/wire.h"

namespace caravan::engine::jsonvalues {

using nlohmann::json;

namespace {
// A lone value would iterate as a list of one.
const json& list(const json& value) {
    if (!value.is_array()) throw json::other_error::create(501, "not a list", &value);
    return value;
}
}  // namespace

json number(double value) {
    return std::isfinite(value) ? json(value) : json(nullptr);
}

double numberOf(const json& value) {
    return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

json shortFloat(float value) {
    if (!std::isfinite(value)) return nullptr;
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    double shortest = 0;
    std::from_chars(text, end, shortest);
    return shortest;
}

json floats(const std::vector<float>& values) {
    json out = json::array();
    out.get_ref<json::array_t&>().reserve(values.size());
    for (const float value : values)
        out.push_back(shortFloat(value));
    return out;
}

std::vector<float> floatsOf(const json& value) {
    if (value.is_binary()) return unwrap(wire::unpackFloats(value));
    std::vector<float> out;
    out.reserve(value.size());
    for (const json& item : list(value))
        out.push_back(static_cast<float>(numberOf(item)));
    return out;
}

json floatRows(const std::vector<std::vector<float>>& rows) {
    json out = json::array();
    for (const auto& row : rows)
        out.push_back(floats(row));
    return out;
}

std::vector<std::vector<float>> floatRowsOf(const json& value) {
    std::vector<std::vector<float>> out;
    out.reserve(value.size());
    for (const json& row : list(value))
        out.push_back(floatsOf(row));
    return out;
}

json doubles(const std::vector<double>& values) {
    json out = json::array();
    for (const double value : values)
        out.push_back(number(value));
    return out;
}

std::vector<double> doublesOf(const json& value) {
    std::vector<double> out;
    out.reserve(value.size());
    for (const json& item : list(value))
        out.push_back(numberOf(item));
    return out;
}

namespace {
const json* at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}
}  // namespace

void read(const json& object, const char* key, double& out) {
    if (const json* value = at(object, key)) out = numberOf(*value);
}
void read(const json& object, const char* key, std::vector<float>& out) {
    if (const json* value = at(object, key); value && !value->is_null()) out = floatsOf(*value);
}
void read(const json& object, const char* key, std::vector<double>& out) {
    if (const json* value = at(object, key); value && !value->is_null()) out = doublesOf(*value);
}
void read(const json& object, const char* key, std::vector<std::vector<float>>& out) {
    if (const json* value = at(object, key); value && !value->is_null()) out = floatRowsOf(*value);
}

void putLosses(json& object, const NamedLosses& losses) {
    json byName = json::object(), names = json::array();
    for (const auto& [name, loss] : losses) {
        byName[name] = number(loss);
        names.push_back(name);
    }
    object["heldout_loss"] = std::move(byName);
    object["domains"] = std::move(names);
}

NamedLosses lossesOf(const json& object) {
    NamedLosses out;
    const json* losses = at(object, "heldout_loss");
    if (!losses) return out;
    const json* names = at(object, "domains");
    if (names && names->size() == losses->size()) {
        for (const json& name : *names)
            out.emplace_back(name.get<std::string>(), numberOf(losses->at(name.get<std::string>())));
    } else {
        for (const auto& [name, loss] : losses->items())
            out.emplace_back(name, numberOf(loss));
    }
    return out;
}

}  // namespace caravan::engine::jsonvalues
