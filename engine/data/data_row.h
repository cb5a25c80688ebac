// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/data_preview.h"
#include "engine/api/result.h"

namespace caravan::engine {

// One instruction row, whatever form its file has.
struct DataTurn {
    std::string prompt, answer;
    friend bool operator==(const DataTurn&, const DataTurn&) = default;
};
struct DataRow {
    std::string system;           // PESC's "instruction"; empty = no system text
    std::vector<DataTurn> turns;  // at least one
    std::int64_t line = 0;        // from 1; in a JSON list the number of the row
    friend bool operator==(const DataRow&, const DataRow&) = default;
};

enum class RowFormat { Pesc, Alpaca, ShareGpt, Messages };
[[nodiscard]] const char* formatName(RowFormat format);  // "PESC rows"

inline constexpr std::size_t kMaxRowBytes = 8u << 20;
inline constexpr std::size_t kMaxKeptProblems = 1000;

// What reading gave. A row that cannot be used is counted and, up to kMaxKeptProblems, told.
struct RowFile {
    std::vector<DataRow> rows;
    RowFormat format = RowFormat::Pesc;  // of the first row
    std::vector<RowProblem> problems;
    std::int64_t problemCount = 0;
};

// bytes read and bytes in all; may be empty.
using BytesRead = std::function<void(std::int64_t done, std::int64_t total)>;

// JSON Lines (one row a line, empty lines skipped, at most kMaxRowBytes each) or one JSON list of rows.
// Errors: FileMissing, FileUnreadable, FileBad (a list that is not JSON), FileTooLarge, Interrupted.
[[nodiscard]] Result<RowFile> readRows(const std::filesystem::path& file, std::stop_token stop = {},
                                       const BytesRead& progress = {});

// One row from its JSON text; the error is a reason in words.
struct ParsedRow {
    DataRow row;
    RowFormat format = RowFormat::Pesc;
};
[[nodiscard]] tl::expected<ParsedRow, std::string> parseRow(std::string_view json);

}  // namespace caravan::engine
