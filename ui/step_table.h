// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "engine/api/run_events.h"
#include "widgets/column.h"

namespace caravan::ui {

struct StepRow {
    engine::StepIndex step = 0;
    double loss = NAN, balance = NAN, learningRate = NAN, gradientNorm = NAN, tokensPerSecond = NAN;
    double memoryGiB = NAN;
    double tokens = 0;   // seen up to and with this step
    double seconds = 0;  // of tuning, over all processes of the run
    // Means over sparse layers, NaN when dense.
    double maxVio = NAN, worstMaxVio = NAN, effectiveExperts = NAN, entropy = NAN, confidence = NAN;
};

// What the steps of a run tell, a column for each figure.
class StepTable {
  public:
    enum Figure {
        Step,
        Loss,
        Balance,
        LearningRate,
        GradientNorm,
        TokensPerSecond,
        MemoryGiB,
        Tokens,
        Seconds,
        MaxVio,  // from here on kept as floats, which is what they are means of
        WorstMaxVio,
        EffectiveExperts,
        Entropy,
        Confidence,
        FigureCount
    };

    // The row's tokens and seconds are set here. secondsOfProcess counts from the begin of the process: a
    // fall means that another one goes on.
    void append(StepRow row, double secondsOfProcess, double tokensOfStep);
    void truncate(std::size_t size);
    [[nodiscard]] std::size_t size() const { return m_columns[Step].size(); }
    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] StepRow operator[](std::size_t index) const;
    [[nodiscard]] StepRow front() const { return (*this)[0]; }
    [[nodiscard]] StepRow back() const { return (*this)[size() - 1]; }
    [[nodiscard]] engine::StepIndex stepAt(std::size_t index) const {
        return static_cast<engine::StepIndex>(m_columns[Step][index]);
    }
    [[nodiscard]] std::size_t lowerIndex(engine::StepIndex step) const;  // first row of `step` or later
    [[nodiscard]] const widgets::Column& column(Figure figure) const { return m_columns[figure]; }
    [[nodiscard]] std::size_t bytes() const;

  private:
    std::array<widgets::Column, FigureCount> m_columns;
    struct Process {
        std::size_t firstRow;
        double secondsBefore;
    };
    std::vector<Process> m_processes;
};

}  // namespace caravan::ui
