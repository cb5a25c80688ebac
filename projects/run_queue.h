// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/api/result.h"
#include "projects/project.h"

namespace caravan::projects {

class Connection;

// Runs that wait: state "queued", rows of table queue by place, names once more in project.json. Whoever is
// free (engine, command line) takes the first; nobody else gets it then. All block on the disk.

// A run that was created but never started goes to the end of the queue; recipe: JSON with absolute paths, ""
// keeps the row's. BadOption if it has started before, AlreadyExists if it waits already.
[[nodiscard]] engine::Result<void> queueRun(Project& project, const std::string& run,
                                            const std::string& recipe = "");
// Back to created. NotFound if it does not wait.
[[nodiscard]] engine::Result<void> unqueueRun(Project& project, const std::string& run);
// To a place from 0 on; places beyond the end are the end.
[[nodiscard]] engine::Result<void> moveQueuedRun(Project& project, const std::string& run,
                                                 std::int64_t place);
[[nodiscard]] engine::Result<std::vector<std::string>> queuedRuns(Project& project);

struct QueuedRun {
    std::string run;
    std::string recipe;  // JSON
};
// The first of the queue, out of it; nothing if none waits. The caller claims it (RunRecorder) and starts it.
[[nodiscard]] engine::Result<std::optional<QueuedRun>> takeQueuedRun(Project& project);

// For who writes the database: out of the queue, inside the caller's transaction.
void leaveQueue(Connection& db, const Project& project, const std::string& run);
// A run that was taken but never claimed, because its taker died, is a created one again.
inline constexpr const char* kDropStrays =
    "UPDATE runs SET state = 'created' WHERE state = 'queued' AND name NOT IN (SELECT run FROM queue)";

}  // namespace caravan::projects
