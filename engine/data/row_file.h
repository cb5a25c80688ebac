// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/api/data_preview.h"
#include "engine/api/result.h"
#include "engine/data/data_row.h"
#include "engine/data/row_mapper.h"

namespace caravan::engine {

inline constexpr std::size_t kMaxKeptProblems = 1000;

// What a file turned out to be.
struct RowFileFacts {
    ColumnMapping columns;           // of the first accepted row; format is never Auto
    std::vector<std::string> known;  // columns that this row has
    bool countsRows = false;         // lines are numbers of rows (one JSON list)
    std::int64_t otherShapes = 0;    // accepted rows of another shape than the first
};
[[nodiscard]] std::string formatName(const RowFileFacts& facts);  // "PESC rows", "CSV, Alpaca rows"

// What a reader calls, on its own thread, in the order of the file. Any of them may be empty.
struct RowSink {
    std::function<void(DataRow&&)> row;
    std::function<void(std::int64_t line, std::string reason)> problem;
    std::function<void(std::int64_t done, std::int64_t total)> progress;  // bytes
};

// Reads a file row by row, never holding more than one of at most kMaxRowBytes: JSON Lines (one row a line,
// empty lines skipped), one JSON list, JSON values behind each other, CSV and TSV with a header, plain text
// (blank lines between rows). The format follows the content, then the name. What cannot be a row is a
// problem with its place; a file that cannot be read row by row is an error: FileMissing, FileUnreadable,
// FileBad (compressed, Parquet, UTF-16, columns that nobody knows; detail says what to do), Interrupted.
[[nodiscard]] Result<RowFileFacts> streamRows(const std::filesystem::path& file, const ColumnMapping& columns,
                                              const RowSink& sink, std::stop_token stop = {});

// The same, kept. Problems over kMaxKeptProblems are only counted.
struct RowFile {
    std::vector<DataRow> rows;
    RowFileFacts facts;
    std::vector<RowProblem> problems;
    std::int64_t problemCount = 0;
};
[[nodiscard]] Result<RowFile> readRows(const std::filesystem::path& file, const ColumnMapping& columns = {},
                                       std::stop_token stop = {});

}  // namespace caravan::engine
