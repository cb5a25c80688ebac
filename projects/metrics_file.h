// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/api/run_events.h"

namespace caravan::projects {

// metrics.jsonl of a run: one event per line, append-only; of a step that occurs again the last line is in
// force. A last line without its line feed is a torn or unfinished write and is left for the next call. Lines
// that are no event are counted, not fatal.
class MetricsTail {
  public:
    explicit MetricsTail(std::filesystem::path file) : m_file(std::move(file)) {}
    // Events appended since the last call; a missing file has none. Blocks on the disk.
    [[nodiscard]] engine::Result<std::vector<engine::RunEvent>> take();
    // The same by pieces of the file: what the next `bytes` of it hold goes to `each`, one by one. True while
    // there may be more.
    using EventFunction = std::function<void(engine::RunEvent&&)>;
    [[nodiscard]] engine::Result<bool> takePiece(std::size_t bytes, const EventFunction& each);
    [[nodiscard]] std::int64_t offset() const { return m_offset; }  // bytes read so far
    [[nodiscard]] std::int64_t badLines() const { return m_bad; }

  private:
    void takeLines(const EventFunction& each);

    std::filesystem::path m_file;
    std::int64_t m_offset = 0;
    std::int64_t m_bad = 0;
    std::string m_rest;  // of an unfinished line
};

[[nodiscard]] engine::Result<std::vector<engine::RunEvent>> readMetrics(const std::filesystem::path& file);

}  // namespace caravan::projects
