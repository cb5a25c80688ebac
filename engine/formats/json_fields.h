// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "engine/api/result.h"

namespace caravan::engine {

// Typed reading of a JSON object's keys; absent and null are the same. A wrong type or range throws
// EngineException (FileBad {file, place "key x", detail}).
class JsonFields {
  public:
    JsonFields(const nlohmann::json& object, std::string file, std::string prefix = "");

    [[nodiscard]] bool has(const char* key) const;  // there and not null
    [[nodiscard]] const nlohmann::json& raw() const { return m_object; }
    [[nodiscard]] const nlohmann::json& raw(const char* key) const { return m_object.at(key); }
    [[nodiscard]] std::int64_t integer(const char* key, std::int64_t minimum,
                                       std::int64_t maximum) const;  // must be there
    [[nodiscard]] std::int64_t integerOr(const char* key, std::int64_t otherwise, std::int64_t minimum,
                                         std::int64_t maximum) const;
    [[nodiscard]] double real(const char* key, double minimum, double maximum) const;
    [[nodiscard]] double realOr(const char* key, double otherwise, double minimum, double maximum) const;
    [[nodiscard]] bool flagOr(const char* key, bool otherwise) const;
    [[nodiscard]] std::string textOr(const char* key, std::string otherwise) const;
    [[nodiscard]] JsonFields object(const char* key) const;  // must be there
    [[noreturn]] void bad(const char* key, std::string detail) const;

  private:
    const nlohmann::json& m_object;
    std::string m_file, m_prefix;
};

}  // namespace caravan::engine
