// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace caravan::engine {

// Typed reading of one object of tokenizer.json. A value of another type is refused with its place.
class TokenizerFields {
  public:
    // Throws EngineException (FileBad with an empty file name: the loader fills it in) unless json is an
    // object.
    TokenizerFields(const nlohmann::json& json, std::string place);

    [[nodiscard]] bool has(const char* key) const;  // there and not null
    [[nodiscard]] std::string text(const char* key) const;
    [[nodiscard]] std::string textOr(const char* key, const std::string& fallback) const;
    [[nodiscard]] bool flagOr(const char* key, bool fallback) const;
    [[nodiscard]] std::size_t countOr(const char* key, std::size_t fallback) const;
    [[nodiscard]] const nlohmann::json& list(const char* key) const;
    [[nodiscard]] const nlohmann::json& value(const char* key) const;
    [[nodiscard]] std::string place(const std::string& key) const {
        return m_place.empty() ? key : m_place + "." + key;
    }
    [[nodiscard]] const std::string& place() const { return m_place; }

  private:
    const nlohmann::json& m_json;
    std::string m_place;
};

// Throws EngineException FileBad {file "", place, detail}.
[[noreturn]] void refuseTokenizer(std::string place, std::string detail);
// Throws EngineException FileBad naming the type that is not known.
[[noreturn]] void refuseType(const std::string& place, const std::string& type);

}  // namespace caravan::engine
