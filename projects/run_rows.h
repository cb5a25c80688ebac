// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/api/run_events.h"
#include "projects/owner.h"
#include "projects/sqlite.h"

namespace caravan::projects {

// Rows of one run, written the same way while it runs and when the database is rebuilt from its folder.
// All are called on the store's writer thread, inside a transaction.

struct RunRow {
    std::string name;
    engine::RunState state = engine::RunState::Created;
    std::string reason;  // JSON of the error, or ""
    engine::StepIndex step = 0, steps = 0;
    std::string recipe = "{}";
    std::string title, notes;
    std::vector<std::string> tags;
    Owner owner;
    std::int64_t createdAt = 0, startedAt = 0, changedAt = 0, endedAt = 0;  // ms since 1970, 0 = not yet
    friend bool operator==(const RunRow&, const RunRow&) = default;
};

void putRun(Connection& db, const RunRow& row);
[[nodiscard]] std::optional<RunRow> getRun(Connection& db, const std::string& name);
[[nodiscard]] RunRow runRowFrom(Statement& row);  // columns of kRunColumns
extern const char* const kRunColumns;

// runFolder: paths of checkpoints are stored relative to it.
void applyEvent(Connection& db, const std::string& run, const std::filesystem::path& runFolder,
                const engine::RunEvent& event);
void importChanges(Connection& db, const std::string& run, const std::filesystem::path& runFolder);

// run.json: the row as a file, so that the folder tells all. Replaced atomically.
void mirrorRun(Connection& db, const std::string& run, const std::filesystem::path& runFolder);
[[nodiscard]] std::optional<RunRow> readRunFile(const std::filesystem::path& runFolder,
                                                const std::string& run);
[[nodiscard]] std::string readRecipeText(const std::filesystem::path& runFolder);  // minified; "" without one

// All rows of the run anew from its folder. liveOwner: the run's owner lives, its state is left alone;
// otherwise a live state becomes interrupted, unless the files say that it ended.
void importRun(Connection& db, const std::string& run, const std::filesystem::path& runFolder,
               bool keepState);

[[nodiscard]] bool isLive(engine::RunState state);  // loading, running, paused, stopping, queued

}  // namespace caravan::projects
