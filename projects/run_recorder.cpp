// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/run_recorder.h"

#include "engine/api/event_json.h"
#include "projects/run_rows.h"

namespace caravan::projects {

engine::Result<std::shared_ptr<RunRecorder>> RunRecorder::claim(std::shared_ptr<Project> project,
                                                                const std::string& run,
                                                                const std::string& ownerKind,
                                                                const std::string& recipe,
                                                                engine::StepIndex steps) {
    const std::shared_ptr<RunRecorder> recorder(new RunRecorder(std::move(project), run));
    const auto folder = recorder->m_project->runFolder(run);
    const Owner owner = thisProcess(ownerKind);
    const auto claimed = recorder->m_project->store().execute([&](Connection& db) {
        recorder->m_before = getRun(db, run);
        RunRow row = recorder->m_before.value_or(RunRow{});
        if (isLive(row.state) && isAlive(row.owner) && row.owner.pid != owner.pid)
            throw engine::EngineException(engine::ErrorCode::RunBusy, {{"run", folder.string()}});
        const std::int64_t now = nowMilliseconds();
        row.name = run;
        if (row.createdAt == 0) row.createdAt = now;
        row.state = engine::RunState::Loading;
        row.reason.clear();
        row.owner = owner;
        if (!recipe.empty()) row.recipe = recipe;
        if (steps > 0) row.steps = steps;
        row.changedAt = now;
        row.endedAt = 0;
        putRun(db, row);
        mirrorRun(db, run, folder);
    });
    if (!claimed) return tl::unexpected(claimed.error());
    return recorder;
}

void RunRecorder::onEvent(const engine::RunEvent& event) {
    using namespace engine;
    if (std::holds_alternative<RoutingRecord>(event) || std::holds_alternative<LogLine>(event) ||
        std::holds_alternative<RunResult>(event))
        return;
    if (const auto* progress = std::get_if<Progress>(&event)) {
        // The plan in steps, told before the first one.
        if (progress->stage == kTuningStage && progress->total > 0)
            m_project->store().post([run = m_run, total = progress->total](Connection& db) {
                db.prepare("UPDATE runs SET steps = ? WHERE name = ?").bindAll(total, run).run();
            });
        return;
    }
    const bool urgent =
        std::holds_alternative<StateChange>(event) || std::holds_alternative<CheckpointInfo>(event);
    m_project->store().post([run = m_run, folder = m_project->runFolder(m_run),
                             event](Connection& db) { applyEvent(db, run, folder, event); },
                            urgent ? Store::Urgency::Now : Store::Urgency::Batched);
}

void RunRecorder::abandon(const engine::Error& error) {
    const bool begun = m_before && m_before->state != engine::RunState::Created &&
                       m_before->state != engine::RunState::Queued;
    if (begun) {
        m_project->store().post(
            [before = *m_before, folder = m_project->runFolder(m_run)](Connection& db) {
                putRun(db, before);
                mirrorRun(db, before.name, folder);
            },
            Store::Urgency::Now);
        return;
    }
    engine::StateChange change;
    change.from = engine::RunState::Loading;
    change.to = engine::RunState::Failed;
    change.reason = error;
    onEvent(change);
}

}  // namespace caravan::projects
