// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/bridge/run_controller.h"

#include <QDateTime>
#include <QFileInfo>

#include "engine/api/config/descriptors.h"

namespace caravan::ui {
namespace {
constexpr qint64 kTimeLeftEveryMs = 5000;
}

RunController::RunController(EngineLink* engine, QObject* parent) : QObject(parent), m_engine(engine) {
    qRegisterMetaType<engine::RunState>();
    qRegisterMetaType<engine::Error>();
    connect(engine, &EngineLink::runEvents, this, &RunController::take);
    connect(engine, &EngineLink::died, this, &RunController::engineDied);
    connect(engine, &EngineLink::stateChanged, this,
            [this, before = EngineState::Stopped](EngineState state) mutable {
                const bool fresh = before == EngineState::Starting || before == EngineState::Restarting ||
                                   before == EngineState::Stopped;
                if (fresh && (state == EngineState::Ready || state == EngineState::Busy)) attach();
                before = state;
            });
    if (engine->isUsable()) attach();
}

void RunController::attach() {
    m_engine->request("run.attach", nlohmann::json::object(), this,
                      [this](const engine::Result<nlohmann::json>& result) {
                          if (!result || !result->contains("runs")) return;
                          for (const auto& run : (*result)["runs"]) {
                              const auto state = engine::stateFromWord(run.value("state", ""));
                              if (!state) continue;
                              setRun(QString::fromStdString(run.value("run", "")));
                              m_live.state = *state;
                              m_live.step = run.value("step", engine::StepIndex(0));
                              m_live.engineDied = false;
                              if (run.contains("steps")) m_live.steps = run.value("steps", std::int64_t(0));
                              Q_EMIT stateChanged(m_live.folder, m_live.state);
                          }
                          Q_EMIT liveChanged();
                      });
}

void RunController::setRun(const QString& folder) {
    if (m_live.folder == folder) return;
    m_live = LiveRun{};
    m_live.folder = folder;
    m_live.name = QFileInfo(folder).fileName();
    m_secondsPerStep = 0;
    m_lastSeconds = -1;
    m_timeLeftAt = 0;
}

void RunController::start(const engine::Recipe& recipe, const QString& recipeFolder, const QString& runFolder,
                          std::int64_t steps) {
    setRun(runFolder);
    m_live = LiveRun{
        .folder = m_live.folder, .name = m_live.name, .state = engine::RunState::Loading, .steps = steps};
    Q_EMIT liveChanged();
    command("run.start", {{"recipe", engine::recipeToJson(recipe)},
                          {"folder", recipeFolder.toStdString()},
                          {"run", runFolder.toStdString()}});
}

void RunController::resume(const QString& runFolder, std::optional<engine::StepIndex> step,
                           std::int64_t steps) {
    setRun(runFolder);
    m_live.state = engine::RunState::Loading;
    m_live.engineDied = false;
    m_live.reason.reset();
    m_live.stage.reset();
    m_secondsPerStep = 0;
    m_lastSeconds = -1;
    if (steps > 0) m_live.steps = steps;
    Q_EMIT liveChanged();
    nlohmann::json body{{"run", runFolder.toStdString()}};
    if (step) body["step"] = *step;
    command("run.resume", std::move(body));
}

void RunController::command(const std::string& type, nlohmann::json body) {
    const bool starts = type == "run.start" || type == "run.resume";
    m_engine->request(type, std::move(body), this,
                      [this, starts](const engine::Result<nlohmann::json>& result) {
                          if (result) return;
                          if (starts && m_live.state == engine::RunState::Loading) {
                              m_live.state = result.error().code == engine::ErrorCode::EngineGone
                                                 ? engine::RunState::Interrupted
                                                 : engine::RunState::Failed;
                              m_live.reason = result.error();
                              Q_EMIT liveChanged();
                              Q_EMIT stateChanged(m_live.folder, m_live.state);
                          }
                          if (result.error().code != engine::ErrorCode::EngineGone)
                              Q_EMIT refused(result.error());
                      });
}

void RunController::pause() {
    command("run.pause", {{"run", m_live.folder.toStdString()}});
}
void RunController::proceed() {
    command("run.continue", {{"run", m_live.folder.toStdString()}});
}
void RunController::stop() {
    command("run.stop", {{"run", m_live.folder.toStdString()}});
}
void RunController::discard() {
    command("run.cancel", {{"run", m_live.folder.toStdString()}});
}
void RunController::checkpoint() {
    command("run.checkpoint", {{"run", m_live.folder.toStdString()}});
}
void RunController::sampleNow() {
    command("run.sample", {{"run", m_live.folder.toStdString()}});
}
void RunController::change(const std::string& key, const std::string& value) {
    command("run.change", {{"run", m_live.folder.toStdString()}, {"key", key}, {"value", value}});
}

void RunController::setSteps(const QString& runFolder, std::int64_t steps) {
    if (runFolder != m_live.folder || steps <= 0 || m_live.steps == steps) return;
    m_live.steps = steps;
    Q_EMIT liveChanged();
}

void RunController::setLastCheckpoint(const QString& runFolder, engine::StepIndex step) {
    if (runFolder != m_live.folder || step <= m_live.lastCheckpoint) return;
    m_live.lastCheckpoint = step;
    Q_EMIT liveChanged();
}

void RunController::take(const RunEventBatch& batch) {
    for (qsizetype at = 0; at < batch.size();) {
        const QString run = batch[at].run;
        RunEventBatch part;
        for (; at < batch.size() && batch[at].run == run; ++at)
            part << batch[at];
        if (run != m_live.folder && !m_live.isActive()) setRun(run);
        const engine::RunState before = m_live.state;
        if (run == m_live.folder) {
            for (const RunEventItem& item : part)
                apply(item.event);
            renewTimeLeft();
            Q_EMIT liveChanged();
        }
        Q_EMIT events(run, part);
        if (run == m_live.folder && m_live.state != before) Q_EMIT stateChanged(run, m_live.state);
    }
}

void RunController::apply(const engine::RunEvent& event) {
    if (const auto* step = std::get_if<engine::StepMetrics>(&event)) {
        if (m_lastSeconds >= 0 && step->step > m_lastStep && step->seconds > m_lastSeconds) {
            const double each =
                (step->seconds - m_lastSeconds) / static_cast<double>(step->step - m_lastStep);
            m_secondsPerStep = m_secondsPerStep > 0 ? 0.9 * m_secondsPerStep + 0.1 * each : each;
        }
        m_lastSeconds = step->seconds;
        m_lastStep = step->step;
        m_live.step = step->step;
        m_live.tokensSeen += step->tokens;
        m_live.stage.reset();
        if (m_live.state == engine::RunState::Loading) m_live.state = engine::RunState::Running;
    } else if (const auto* change = std::get_if<engine::StateChange>(&event)) {
        m_live.state = change->to;
        m_live.step = std::max(m_live.step, change->step);
        m_live.reason = change->reason;
        m_live.engineDied = false;
        if (change->to != engine::RunState::Loading) m_live.stage.reset();
    } else if (const auto* checkpoint = std::get_if<engine::CheckpointInfo>(&event)) {
        m_live.lastCheckpoint = checkpoint->step;
    } else if (const auto* progress = std::get_if<engine::Progress>(&event)) {
        if (progress->stage == engine::kTuningStage) {
            m_live.steps = progress->total;
            m_live.step = std::max(m_live.step, progress->done);
            m_live.stage.reset();
        } else {
            m_live.stage = *progress;
        }
    }
}

void RunController::renewTimeLeft() {
    if (m_live.steps <= 0 || m_secondsPerStep <= 0) return;
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    if (now - m_timeLeftAt < kTimeLeftEveryMs) return;
    m_timeLeftAt = now;
    m_live.secondsLeft =
        m_secondsPerStep * static_cast<double>(std::max<std::int64_t>(0, m_live.steps - m_live.step));
}

void RunController::engineDied(const QString& reason) {
    if (!m_live.isActive()) return;
    m_live.state = engine::RunState::Interrupted;
    m_live.engineDied = true;
    m_live.secondsLeft = -1;
    m_live.stage.reset();
    m_live.reason = engine::Error{engine::ErrorCode::EngineGone, {{"detail", reason.toStdString()}}};
    Q_EMIT stateChanged(m_live.folder, m_live.state);
    Q_EMIT liveChanged();
}

}  // namespace caravan::ui
