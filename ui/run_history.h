// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QVector>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "engine/api/run_events.h"
#include "ui/step_table.h"

namespace caravan::ui {

// What a run's events tell, as columns for curves. A value; pages feed it from the run's metrics file and
// from the live batches alike. Of a step that comes again (a resumed run) the later one is in force and what
// came after it is dropped.
class RunHistory {
  public:
    explicit RunHistory(int generation = 0) : m_generation(generation) {}
    void clear();
    void apply(const engine::RunEvent& event);

    [[nodiscard]] const StepTable& steps() const { return m_steps; }
    [[nodiscard]] const std::vector<engine::Evaluation>& evaluations() const { return m_evaluations; }
    [[nodiscard]] const std::vector<engine::Sample>& samples() const { return m_samples; }
    [[nodiscard]] const std::vector<engine::CheckpointInfo>& checkpoints() const { return m_checkpoints; }
    [[nodiscard]] const std::vector<engine::Alarm>& alarms() const { return m_alarms; }
    [[nodiscard]] const std::optional<engine::StepMetrics>& latest() const { return m_latest; }
    [[nodiscard]] const std::optional<engine::RoutingRecord>& latestRouting() const {
        return m_latestRouting;
    }
    [[nodiscard]] const std::optional<engine::StateChange>& latestState() const { return m_latestState; }
    [[nodiscard]] bool isEmpty() const { return m_steps.empty() && m_evaluations.empty(); }
    [[nodiscard]] engine::StepIndex lastStep() const {
        return m_steps.empty() ? 0 : m_steps.stepAt(m_steps.size() - 1);
    }
    // Rises whenever rows that were there are gone: curves must be filled anew.
    [[nodiscard]] int generation() const { return m_generation; }
    // Domains in the order of the first evaluation.
    [[nodiscard]] std::vector<std::string> heldoutDomains() const;
    [[nodiscard]] const engine::Evaluation* bestEvaluation() const;  // by mean; nullptr without held-out data
    // The row of `step`, or the last before it; none if there is none.
    [[nodiscard]] std::optional<StepRow> rowAt(engine::StepIndex step) const;
    // Seconds and tokens at a step, 0 before the first.
    [[nodiscard]] double secondsAt(engine::StepIndex step) const;
    [[nodiscard]] double tokensAt(engine::StepIndex step) const;
    // Seconds a step takes, over the last steps; 0 = not known.
    [[nodiscard]] double secondsPerStep() const;
    [[nodiscard]] int sparseLayers() const { return m_sparseLayers; }

  private:
    void add(const engine::StepMetrics& metrics);
    template <class T>
    void replaceFrom(std::vector<T>& list, engine::StepIndex step);

    StepTable m_steps;
    std::vector<engine::Evaluation> m_evaluations;
    std::vector<engine::Sample> m_samples;
    std::vector<engine::CheckpointInfo> m_checkpoints;
    std::vector<engine::Alarm> m_alarms;
    std::optional<engine::StepMetrics> m_latest;
    std::optional<engine::RoutingRecord> m_latestRouting;
    std::optional<engine::StateChange> m_latestState;
    int m_generation;
    int m_sparseLayers = 0;
};

}  // namespace caravan::ui
