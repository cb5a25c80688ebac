// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/model/model.h"
#include "engine/train/stepper.h"

namespace caravan::engine::train {

// A forward and a backward of made-up tokens on a GPU, so that kernels and libraries are loaded before the
// first step: by themselves they come with it (one H200, reference run in fp32: 0.3 to 0.4 s where a step
// takes 17 ms). Leaves the trained values alone; gradients are what a step clears first. For a thread of its
// own beside the reading of data; nothing else may use the model meanwhile. Never throws: what fails here
// fails in the first step, which tells it. Takes no more tokens than a micro-batch of the run.
void warmUp(model::Model& model, const StepperOptions& options, std::int64_t sequenceLength,
            std::int64_t microBatchTokens);

}  // namespace caravan::engine::train
