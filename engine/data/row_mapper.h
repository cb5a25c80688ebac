// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/api/result.h"
#include "engine/data/data_row.h"

namespace caravan::engine {

inline constexpr std::size_t kMaxRowBytes = 8u << 20;

[[nodiscard]] const char* shapeName(RowShape shape);  // "PESC rows"

// One row from its JSON text; the error is a reason in words.
struct ParsedRow {
    DataRow row;
    ColumnMapping columns;           // as used for this row
    std::vector<std::string> known;  // the row's columns
};
using RowOrReason = tl::expected<ParsedRow, std::string>;

// Turns the object of one row into a conversation: with the columns that were chosen, and where none was
// chosen with those that the row's own keys show (methods.md section 1, Alpaca, ShareGPT, OpenAI messages,
// question and answer under their usual names, plain text). Values of delimited files are texts: a column
// with a list holds it as JSON.
class RowMapper {
  public:
    explicit RowMapper(ColumnMapping chosen) : m_chosen(std::move(chosen)) {}
    [[nodiscard]] RowOrReason row(const nlohmann::json& object) const;
    // The same from text: bounds, UTF-8, JSON, then row().
    [[nodiscard]] RowOrReason parse(std::string_view json) const;
    // Shape and columns that a row with these keys has; error: why none fits.
    [[nodiscard]] tl::expected<ColumnMapping, std::string> recognise(const nlohmann::json& object) const;

  private:
    ColumnMapping m_chosen;
};

// The nearest of the names by edit distance, "" if none is near.
[[nodiscard]] std::string nearestColumn(std::string_view name, const std::vector<std::string>& names);

}  // namespace caravan::engine
