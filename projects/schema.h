// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <span>

#include "projects/sqlite.h"

namespace caravan::projects {

// migrations[i] takes a database from version i to i + 1 (PRAGMA user_version). Never edit one that was
// released.
[[nodiscard]] std::span<const char* const> schemaMigrations();

// WAL, or DELETE on a network file system (where shared memory does not work); foreign keys; quick_check. A
// database that fails the check is refused (FileBad) with the remedy "projects rebuild".
void prepareConnection(Connection& connection, bool networkFileSystem, bool wholeCheck = true);
// Whether every page of a database is to be read before it is used, said before it is opened. Of a large one
// that takes longer than the rest of opening (292 MB: more than half a second beside other programs), so only
// where the last program that had it open did not close it: its log is still there.
[[nodiscard]] bool wantsWholeCheck(const std::filesystem::path& database);
// Brings the schema up to date; before each step a copy goes to backups/ beside the database. A newer
// database is refused.
void migrate(Connection& connection, const std::filesystem::path& backups,
             std::span<const char* const> migrations = schemaMigrations());

[[nodiscard]] bool onNetworkFileSystem(const std::filesystem::path& path);

}  // namespace caravan::projects
