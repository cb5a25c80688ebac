// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace caravan::engine::train {

double learningRateAt(StepIndex step, StepIndex steps, double learningRate, double warmupRatio,
                      Schedule schedule) {
    const auto warmup = static_cast<StepIndex>(std::ceil(warmupRatio * static_cast<double>(steps)));
    if (warmup > 0 && step <= warmup)
        return learningRate * static_cast<double>(step) / static_cast<double>(warmup);
    const double rest = static_cast<double>(std::max<StepIndex>(1, steps - warmup));
    const double done = std::clamp(static_cast<double>(step - 1 - warmup) / rest, 0.0, 1.0);
    switch (schedule) {
        case Schedule::Constant:
            return learningRate;
        case Schedule::Linear:
            return learningRate * (1.0 - done);
        case Schedule::Cosine:
            return learningRate * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
    }
    return learningRate;
}

}  // namespace caravan::engine::train
