// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "engine/data/input_window.h"
#include "engine/data/row_file.h"
#include "engine/data/row_mapper.h"

namespace caravan::engine {

// What the readers of all formats share: the window, the mapper, the way to the sink.
class RowFeed {
  public:
    RowFeed(const std::filesystem::path& file, std::int64_t bytes, const ColumnMapping& columns,
            const RowSink& sink, std::stop_token stop);

    InputWindow in;
    const RowMapper mapper;
    const ColumnMapping chosen;
    RowFileFacts facts;

    void accept(RowOrReason parsed, std::int64_t line);
    void problem(std::int64_t line, std::string reason);
    void check();   // throws Interrupted; tells how far it came
    void finish();  // throws FileUnreadable when reading broke off
    [[noreturn]] void refuse(const std::string& place, std::string detail) const;  // FileBad

  private:
    std::filesystem::path m_file;
    std::int64_t m_bytes, m_told = 0, m_accepted = 0;
    const RowSink& m_sink;
    std::stop_token m_stop;
};

// Each reads the whole file into the feed.
void readLines(RowFeed& feed);
void readJsonValues(RowFeed& feed);
void readDelimited(RowFeed& feed, bool tabs);
void readPlainText(RowFeed& feed);

}  // namespace caravan::engine
