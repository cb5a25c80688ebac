// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <deque>

#include "engine/api/ids.h"

namespace caravan::engine::train {

// Tells a step's loss that stands far above those before it. "Far" is ten times the usual scatter (median
// absolute deviation) over the median of the last 50 steps, and at least 2 nats (4 as long as fewer than ten
// steps are known): no batch of the same data does that, weights that went astray do.
class LossWatch {
  public:
    struct Finding {
        bool spike = false;
        double usual = 0;     // median of the steps before; 0 = none known
        StepIndex since = 0;  // first spike of this row; 0 = no spike
    };
    [[nodiscard]] Finding add(StepIndex step, double loss);
    void reset() { m_memory.since = 0; }  // the run went back to good weights: a row of spikes has ended

    // What it remembers; a checkpoint keeps it, so that a resumed run judges as the uninterrupted one.
    struct Memory {
        std::deque<double> usual;  // losses of the last steps that were no spikes, oldest first
        StepIndex since = 0;
    };
    [[nodiscard]] const Memory& memory() const { return m_memory; }
    void restore(Memory memory);

    static constexpr std::size_t kWindow = 50;       // steps
    static constexpr std::size_t kEnough = 10;       // steps from which on the scatter is trusted
    static constexpr double kLeast = 2, kFew = 4;    // nats
    static constexpr double kScatter = 10 * 1.4826;  // times the median absolute deviation: ten sigma

  private:
    Memory m_memory;
};

}  // namespace caravan::engine::train
