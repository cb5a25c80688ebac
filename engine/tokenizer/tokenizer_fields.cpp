// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/tokenizer_fields.h"

#include "engine/api/result.h"

namespace caravan::engine {

void refuseTokenizer(std::string place, std::string detail) {
    throw EngineException(ErrorCode::FileBad,
                          {{"file", ""}, {"place", std::move(place)}, {"detail", std::move(detail)}});
}

void refuseType(const std::string& place, const std::string& type) {
    refuseTokenizer(place, "the type " + type + " is not supported");
}

TokenizerFields::TokenizerFields(const nlohmann::json& json, std::string place)
    : m_json(json), m_place(std::move(place)) {
    if (!json.is_object())
        refuseTokenizer(m_place.empty() ? "the whole" : m_place, "an object is expected here");
}

bool TokenizerFields::has(const char* key) const {
    const auto it = m_json.find(key);
    return it != m_json.end() && !it->is_null();
}

const nlohmann::json& TokenizerFields::value(const char* key) const {
    const auto it = m_json.find(key);
    if (it == m_json.end() || it->is_null()) refuseTokenizer(place(key), "it is missing");
    return *it;
}

std::string TokenizerFields::text(const char* key) const {
    const auto& found = value(key);
    if (!found.is_string()) refuseTokenizer(place(key), "a string is expected here");
    return found.get<std::string>();
}

std::string TokenizerFields::textOr(const char* key, const std::string& fallback) const {
    return has(key) ? text(key) : fallback;
}

bool TokenizerFields::flagOr(const char* key, bool fallback) const {
    if (!has(key)) return fallback;
    const auto& found = value(key);
    if (!found.is_boolean()) refuseTokenizer(place(key), "true or false is expected here");
    return found.get<bool>();
}

std::size_t TokenizerFields::countOr(const char* key, std::size_t fallback) const {
    if (!has(key)) return fallback;
    const auto& found = value(key);
    if (!found.is_number_integer() || found < 0)
        refuseTokenizer(place(key), "a whole number is expected here");
    return found.get<std::size_t>();
}

const nlohmann::json& TokenizerFields::list(const char* key) const {
    const auto& found = value(key);
    if (!found.is_array()) refuseTokenizer(place(key), "a list is expected here");
    return found;
}

}  // namespace caravan::engine
