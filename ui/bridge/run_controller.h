// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <optional>

#include "engine/api/config/recipe.h"
#include "ui/bridge/engine_link.h"

namespace caravan::ui {

// The run that the engine works on now (or worked on last), as a value.
struct LiveRun {
    QString folder;  // absolute; "" = none
    QString name;    // folder name
    engine::RunState state = engine::RunState::Created;
    engine::StepIndex step = 0;
    std::int64_t steps = 0;   // 0 = not known
    double secondsLeft = -1;  // < 0 = not known; rounded, renewed every 5 s
    std::int64_t tokensSeen = 0;
    engine::StepIndex lastCheckpoint = -1;
    std::optional<engine::Progress> stage;  // while loading: "quantizing", 12 of 32
    std::optional<engine::Error> reason;    // of failed, interrupted
    bool engineDied = false;                // the engine ended while it ran; resume is the user's choice

    [[nodiscard]] bool exists() const { return !folder.isEmpty(); }
    [[nodiscard]] bool isActive() const {  // holds the engine
        return exists() && (state == engine::RunState::Loading || state == engine::RunState::Running ||
                            state == engine::RunState::Paused || state == engine::RunState::Stopping ||
                            state == engine::RunState::Queued);
    }
    [[nodiscard]] double fraction() const {
        return steps > 0 ? static_cast<double>(step) / static_cast<double>(steps) : 0.0;
    }
};

// Start, resume, pause, continue, stop; attaches to runs that live in the engine already. GUI thread; nothing
// blocks.
class RunController : public QObject {
    Q_OBJECT
  public:
    explicit RunController(EngineLink* engine, QObject* parent = nullptr);

    [[nodiscard]] const LiveRun& live() const { return m_live; }
    // recipeFolder: what the recipe's relative paths are relative to; runFolder: absolute, new or in state
    // created.
    void start(const engine::Recipe& recipe, const QString& recipeFolder, const QString& runFolder,
               std::int64_t steps);
    void resume(const QString& runFolder, std::optional<engine::StepIndex> step = {}, std::int64_t steps = 0);
    void pause();
    void proceed();  // continue
    void stop();     // save, then stopped
    void discard();  // stop at once, nothing saved
    void checkpoint();
    void sampleNow();
    void change(const std::string& key, const std::string& value);
    void setSteps(const QString& runFolder, std::int64_t steps);
    void setLastCheckpoint(const QString& runFolder, engine::StepIndex step);  // found on disk

  Q_SIGNALS:
    void liveChanged();                                                              // any field of live()
    void events(const QString& runFolder, const caravan::ui::RunEventBatch& batch);  // 30 Hz, all of one run
    void stateChanged(const QString& runFolder, caravan::engine::RunState state);
    void refused(const caravan::engine::Error& error);  // a command was not carried out

  private:
    void command(const std::string& type, nlohmann::json body);
    void take(const RunEventBatch& batch);
    void apply(const engine::RunEvent& event);
    void attach();
    void engineDied(const QString& reason);
    void setRun(const QString& folder);
    void renewTimeLeft();

    EngineLink* m_engine;
    LiveRun m_live;
    double m_secondsPerStep = 0;
    double m_lastSeconds = -1;
    engine::StepIndex m_lastStep = 0;
    qint64 m_timeLeftAt = 0;
};

}  // namespace caravan::ui

Q_DECLARE_METATYPE(caravan::engine::RunState)
Q_DECLARE_METATYPE(caravan::engine::Error)
