// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/data/batch_source.h"
#include "engine/model/model.h"
#include "engine/train/answer_loss.h"

namespace caravan::engine::evaluate {

[[nodiscard]] model::Tokens batchTokens(const MicroBatch& batch, at::Device device);
// Positions of the batch that predict a trained token of their own segment.
[[nodiscard]] train::Targets batchTargets(const MicroBatch& batch, at::Device device);

}  // namespace caravan::engine::evaluate
