// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/api/result.h"

namespace caravan::projects {

struct RebuildReport {
    std::map<std::string, std::int64_t> rows;  // by table, in the rebuilt database
    std::vector<std::string> unreadable;       // files and why
    bool hadDatabase = false;                  // an old database could be read and was compared
    std::vector<std::string> differences;      // old against rebuilt; empty = equal row by row
};

// Makes the database again from run folders, chats and project.json alone. Blocks. A readable old database is
// replaced inside one transaction (others may have it open), a damaged one goes to backups/. Refused
// (RunBusy) while a run is live.
[[nodiscard]] engine::Result<RebuildReport> rebuild(const std::filesystem::path& projectFolder);

// Rows that differ between two databases, at most 20 lines of "table key: ...".
[[nodiscard]] engine::Result<std::vector<std::string>> compareDatabases(const std::filesystem::path& first,
                                                                        const std::filesystem::path& second);

}  // namespace caravan::projects
