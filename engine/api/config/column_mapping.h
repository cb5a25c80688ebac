// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/api/config/recipe.h"
#include "engine/api/result.h"

namespace caravan::engine {

// The parts of a mapping that name a column, by their word ("prompt").
struct MappedColumn {
    const char* word;
    std::string ColumnMapping::*name;
};
inline constexpr std::array<MappedColumn, 7> kMappedColumns{{{"system", &ColumnMapping::system},
                                                             {"prompt", &ColumnMapping::prompt},
                                                             {"input", &ColumnMapping::input},
                                                             {"answer", &ColumnMapping::answer},
                                                             {"messages", &ColumnMapping::messages},
                                                             {"role", &ColumnMapping::role},
                                                             {"content", &ColumnMapping::content}}};

// One choice as the command line and JSON spell it: "format" = "csv", "shape" = "alpaca", "prompt" =
// "question". Errors: BadOption with what it may be, UnknownKey with the nearest word.
[[nodiscard]] Result<void> setMapping(ColumnMapping& mapping, std::string_view word, std::string_view value);
// Whether setMapping() knows the word.
[[nodiscard]] bool isMappingWord(std::string_view word);
// Flat: only what was chosen.
[[nodiscard]] nlohmann::json mappingToJson(const ColumnMapping& mapping);
[[nodiscard]] ColumnMapping mappingFromJson(
    const nlohmann::json& json);  // words it does not know are skipped

}  // namespace caravan::engine
