// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/run_queue.h"

#include <algorithm>

#include "projects/run_rows.h"
#include "projects/sqlite.h"

namespace caravan::projects {
using engine::EngineException;
using engine::ErrorCode;
using engine::RunState;

namespace {

std::vector<std::string> namesIn(Connection& db) {
    std::vector<std::string> names;
    Statement s = db.prepare("SELECT run FROM queue ORDER BY place");
    while (s.step())
        names.push_back(s.text(0));
    return names;
}

void keepOrder(Connection& db, const Project& project, const std::vector<std::string>& names) {
    db.execute("DELETE FROM queue");
    std::int64_t place = 0;
    for (const std::string& name : names)
        db.prepare("INSERT INTO queue VALUES(?,?)").bindAll(name, place++).run();
    changeProjectFile(project.folder(), "queue", names);
}

void setState(Connection& db, const Project& project, RunRow row, RunState state) {
    row.state = state;
    row.changedAt = nowMilliseconds();
    putRun(db, row);
    mirrorRun(db, row.name, project.runFolder(row.name));
}

RunRow known(Connection& db, const std::string& run) {
    auto row = getRun(db, run);
    if (!row) throw EngineException(ErrorCode::NotFound, {{"what", "run"}, {"name", run}});
    return *row;
}

[[noreturn]] void notQueued(const std::string& run) {
    throw EngineException(ErrorCode::NotFound, {{"what", "queued run"}, {"name", run}});
}

}  // namespace

engine::Result<void> queueRun(Project& project, const std::string& run, const std::string& recipe) {
    return project.store().execute([&](Connection& db) {
        RunRow row = known(db, run);
        if (row.state == RunState::Queued)
            throw EngineException(ErrorCode::AlreadyExists, {{"path", run + " in the queue"}});
        if (row.state != RunState::Created)
            throw EngineException(ErrorCode::BadOption,
                                  {{"key", "the state of " + run},
                                   {"value", engine::stateWord(row.state)},
                                   {"range", "created: a run is queued before it starts"}});
        if (!recipe.empty()) row.recipe = recipe;
        std::vector<std::string> names = namesIn(db);
        names.push_back(run);
        setState(db, project, std::move(row), RunState::Queued);
        keepOrder(db, project, names);
    });
}

void leaveQueue(Connection& db, const Project& project, const std::string& run) {
    std::vector<std::string> names = namesIn(db);
    if (std::erase(names, run) == 0) notQueued(run);
    keepOrder(db, project, names);
    setState(db, project, known(db, run), RunState::Created);
}

engine::Result<void> unqueueRun(Project& project, const std::string& run) {
    return project.store().execute([&](Connection& db) { leaveQueue(db, project, run); });
}

engine::Result<void> moveQueuedRun(Project& project, const std::string& run, std::int64_t place) {
    return project.store().execute([&](Connection& db) {
        std::vector<std::string> names = namesIn(db);
        if (std::erase(names, run) == 0) notQueued(run);
        const auto last = static_cast<std::int64_t>(names.size());
        names.insert(names.begin() + std::clamp<std::int64_t>(place, 0, last), run);
        keepOrder(db, project, names);
    });
}

engine::Result<std::vector<std::string>> queuedRuns(Project& project) {
    std::vector<std::string> names;
    const auto read = project.store().execute([&](Connection& db) { names = namesIn(db); });
    if (!read) return tl::unexpected(read.error());
    return names;
}

engine::Result<std::optional<QueuedRun>> takeQueuedRun(Project& project) {
    std::optional<QueuedRun> taken;
    const auto done = project.store().execute([&](Connection& db) {
        taken.reset();
        std::vector<std::string> names = namesIn(db);
        if (names.empty()) return;
        const std::string run = names.front();
        taken = QueuedRun{run, known(db, run).recipe};
        names.erase(names.begin());
        keepOrder(db, project, names);
    });
    if (!done) return tl::unexpected(done.error());
    return taken;
}

}  // namespace caravan::projects
