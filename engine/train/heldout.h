// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/api/run_events.h"
#include "engine/data/data_set.h"
#include "engine/model/model.h"

namespace caravan::engine::train {

// Held-out loss per domain (nats per answer token, dropout off) and their unweighted mean.
[[nodiscard]] Evaluation evaluateHeldout(model::Model& model, const DataSet& data, StepIndex step,
                                         const ProgressFunction& progress, std::stop_token stop);

}  // namespace caravan::engine::train
