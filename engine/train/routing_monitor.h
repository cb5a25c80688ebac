// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/model_config.h"
#include "engine/api/run_events.h"
#include "engine/train/loss_watch.h"
#include "engine/train/stepper.h"

namespace caravan::engine::train {

// Turns a step's routing sums into the figures of metrics.jsonl, and sums them to routing.bin's records.
class RoutingMonitor {
  public:
    RoutingMonitor(const MoeConfig& moe, std::vector<std::string> domains);

    // Fills expertLoad, maxVio, entropy, confidence, margin, tokenEntropy; adds the step to the open record.
    void add(const StepReport& report, StepMetrics& metrics);
    // The sum since the last record; nothing if no step was added.
    [[nodiscard]] std::optional<RoutingRecord> takeRecord();
    // Share of choices of the last step, [layers][E], and per domain [layers][domains][E].
    [[nodiscard]] const std::vector<std::vector<float>>& shares() const { return m_shares; }
    [[nodiscard]] const MoeConfig& moe() const { return m_moe; }
    // Choices of the last step by layer, expert and domain, over roles.
    [[nodiscard]] double choices(std::size_t layer, std::size_t expert, std::size_t domain) const;
    [[nodiscard]] std::size_t domains() const { return m_record.domains.size(); }

  private:
    MoeConfig m_moe;
    RoutingRecord m_record;     // open sum; firstStep 0 = empty
    std::vector<float> m_last;  // of the last step, laid out as RoutingRecord::values
    std::vector<std::vector<float>> m_shares;
};

// Watches figures over steps (methods.md section 5, alarms). Each alarm is given once, again after it had
// ended.
class AlarmWatch {
  public:
    AlarmWatch(StepIndex warmupSteps, StepIndex steps) : m_warmup(warmupSteps), m_window(windowOf(steps)) {}
    [[nodiscard]] std::vector<Alarm> add(const StepMetrics& metrics, const RoutingMonitor* monitor,
                                         bool balanceOn);
    // Of the step given last.
    [[nodiscard]] const LossWatch::Finding& loss() const { return m_finding; }
    void wentBack() { m_loss.reset(); }
    [[nodiscard]] LossWatch& lossWatch() { return m_loss; }

    // How long a figure must be bad: 200 steps, in short runs a fifth of the run, but 20 at least.
    static constexpr StepIndex kWindow = 200, kShortest = 20;
    [[nodiscard]] static StepIndex windowOf(StepIndex steps) {
        return std::clamp(steps / 5, kShortest, kWindow);
    }

  private:
    struct Condition {
        StepIndex since = 0;  // 0 = does not hold
        bool told = false;
    };
    void hold(Condition& condition, bool holds, StepIndex window, Alarm alarm, std::vector<Alarm>& alarms);
    void watchLayers(const StepMetrics& metrics, const RoutingMonitor& monitor, std::vector<Alarm>& alarms);
    void watchDead(const StepMetrics& metrics, const RoutingMonitor& monitor, std::vector<Alarm>& alarms);

    StepIndex m_warmup, m_window;
    LossWatch m_loss;
    LossWatch::Finding m_finding;
    std::vector<Condition> m_imbalance, m_collapse, m_undecided, m_dead;
    Condition m_constant, m_zero, m_spike;
    double m_constantValue = 0;
};

}  // namespace caravan::engine::train
