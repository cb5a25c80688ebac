// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/trash.h"

#include "projects/files.h"
#include "projects/run_queue.h"
#include "projects/run_rows.h"

namespace caravan::projects {
namespace fs = std::filesystem;
using engine::EngineException;
using engine::ErrorCode;

namespace {

fs::path trashed(const Project& project, const std::string& run) {
    return project.folder() / "trash" / run;
}

}  // namespace

engine::Result<void> trashRun(Project& project, const std::string& run) {
    return project.store().execute([&](Connection& db) {
        const auto row = getRun(db, run);
        if (!row) throw EngineException(ErrorCode::NotFound, {{"what", "run"}, {"name", run}});
        if (isLive(row->state) && isAlive(row->owner))
            throw EngineException(ErrorCode::RunBusy, {{"run", run}});
        const fs::path place = trashed(project, run);
        if (fs::exists(place)) throw EngineException(ErrorCode::AlreadyExists, {{"path", place.string()}});
        if (row->state == engine::RunState::Queued) leaveQueue(db, project, run);
        mirrorRun(db, run, project.runFolder(run));  // title, notes and tags go with the folder
        db.prepare("DELETE FROM runs WHERE name = ?").bindAll(run).run();
        fs::create_directories(place.parent_path());
        fs::rename(project.runFolder(run), place);  // throws: the rows stay
    });
}

engine::Result<void> restoreRun(Project& project, const std::string& run) {
    return project.store().execute([&](Connection& db) {
        const fs::path place = trashed(project, run), folder = project.runFolder(run);
        if (!fs::exists(place)) throw EngineException(ErrorCode::NotFound, {{"what", "run"}, {"name", run}});
        if (fs::exists(folder)) throw EngineException(ErrorCode::AlreadyExists, {{"path", folder.string()}});
        fs::rename(place, folder);
        try {
            importRun(db, run, folder, false);
        } catch (...) {
            fs::rename(folder, place);
            throw;
        }
    });
}

}  // namespace caravan::projects
