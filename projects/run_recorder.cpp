// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/run_recorder.h"

#include "engine/api/event_json.h"
#include "projects/run_rows.h"

namespace caravan::projects {

RunRecorder::RunRecorder(std::shared_ptr<Project> project, std::string run, std::string ownerKind,
                         std::string recipe, engine::StepIndex steps)
    : m_project(std::move(project)), m_run(std::move(run)) {
    const auto folder = m_project->runFolder(m_run);
    auto claim = [folder, name = m_run, owner = thisProcess(std::move(ownerKind)), recipe = std::move(recipe),
                  steps](Connection& db) {
        auto row = getRun(db, name);
        if (!row) {
            row.emplace();
            row->name = name;
            row->createdAt = nowMilliseconds();
        }
        row->state = engine::RunState::Loading;
        row->reason.clear();
        row->owner = owner;
        if (!recipe.empty()) row->recipe = recipe;
        if (steps > 0) row->steps = steps;
        row->changedAt = nowMilliseconds();
        row->endedAt = 0;
        putRun(db, *row);
        mirrorRun(db, name, folder);
    };
    m_project->store().post(std::move(claim), Store::Urgency::Now);
}

void RunRecorder::onEvent(const engine::RunEvent& event) {
    using namespace engine;
    if (std::holds_alternative<Progress>(event) || std::holds_alternative<RoutingRecord>(event) ||
        std::holds_alternative<LogLine>(event) || std::holds_alternative<RunResult>(event))
        return;
    const bool urgent =
        std::holds_alternative<StateChange>(event) || std::holds_alternative<CheckpointInfo>(event);
    m_project->store().post([run = m_run, folder = m_project->runFolder(m_run),
                             event](Connection& db) { applyEvent(db, run, folder, event); },
                            urgent ? Store::Urgency::Now : Store::Urgency::Batched);
}

void RunRecorder::abandon(const engine::Error& error) {
    engine::StateChange change;
    change.from = engine::RunState::Loading;
    change.to = engine::RunState::Failed;
    change.reason = error;
    onEvent(change);
}

}  // namespace caravan::projects
