// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/api/config/recipe.h"
#include "engine/api/ids.h"

namespace caravan::engine::train {

// Learning rate of step t >= 1 of steps: linear warm-up over W = ceil(ratio x steps) steps, lr min(1, t / W);
// then constant, or linear or as a half cosine towards 0, which would be reached one step behind the last.
[[nodiscard]] double learningRateAt(StepIndex step, StepIndex steps, double learningRate, double warmupRatio,
                                    Schedule schedule);

}  // namespace caravan::engine::train
