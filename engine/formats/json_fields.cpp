// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/json_fields.h"

#include <fmt/format.h>

#include <cmath>

namespace caravan::engine {

JsonFields::JsonFields(const nlohmann::json& object, std::string file, std::string prefix)
    : m_object(object), m_file(std::move(file)), m_prefix(std::move(prefix)) {
    if (!m_object.is_object())
        throw EngineException(ErrorCode::FileBad,
                              {{"file", m_file},
                               {"place", m_prefix.empty() ? "the whole" : "key " + m_prefix},
                               {"detail", "not a JSON object"}});
}

void JsonFields::bad(const char* key, std::string detail) const {
    const std::string path = m_prefix.empty() ? key : m_prefix + "." + key;
    throw EngineException(ErrorCode::FileBad,
                          {{"file", m_file}, {"place", "key " + path}, {"detail", std::move(detail)}});
}

bool JsonFields::has(const char* key) const {
    const auto found = m_object.find(key);
    return found != m_object.end() && !found->is_null();
}

std::int64_t JsonFields::integer(const char* key, std::int64_t minimum, std::int64_t maximum) const {
    if (!has(key)) bad(key, "it is missing");
    const nlohmann::json& value = raw(key);
    double number = 0;
    if (value.is_number()) number = value.get<double>();
    if (!value.is_number() || number != std::floor(number)) bad(key, "not a whole number");
    if (!(number >= static_cast<double>(minimum) && number <= static_cast<double>(maximum)))
        bad(key, fmt::format("{} is not within {} to {}", value.dump(), minimum, maximum));
    return value.is_number_integer() ? value.get<std::int64_t>() : static_cast<std::int64_t>(number);
}

std::int64_t JsonFields::integerOr(const char* key, std::int64_t otherwise, std::int64_t minimum,
                                   std::int64_t maximum) const {
    return has(key) ? integer(key, minimum, maximum) : otherwise;
}

double JsonFields::real(const char* key, double minimum, double maximum) const {
    if (!has(key)) bad(key, "it is missing");
    const nlohmann::json& value = raw(key);
    if (!value.is_number()) bad(key, "not a number");
    const double number = value.get<double>();
    if (!(number >= minimum && number <= maximum))
        bad(key, fmt::format("{} is not within {} to {}", value.dump(), minimum, maximum));
    return number;
}

double JsonFields::realOr(const char* key, double otherwise, double minimum, double maximum) const {
    return has(key) ? real(key, minimum, maximum) : otherwise;
}

bool JsonFields::flagOr(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!raw(key).is_boolean()) bad(key, "neither true nor false");
    return raw(key).get<bool>();
}

std::string JsonFields::textOr(const char* key, std::string otherwise) const {
    if (!has(key)) return otherwise;
    if (!raw(key).is_string()) bad(key, "not a string");
    return raw(key).get<std::string>();
}

JsonFields JsonFields::object(const char* key) const {
    if (!has(key)) bad(key, "it is missing");
    return {raw(key), m_file, m_prefix.empty() ? key : m_prefix + "." + key};
}

}  // namespace caravan::engine
