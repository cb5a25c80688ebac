// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "engine/api/ids.h"

namespace caravan::engine {

// Pure arithmetic on a recipe and a model: engine/plan computes it, no device is touched.
struct MemoryItem {
    std::string key;  // "base_weights", "embeddings", "trainable", "gradients", "optimizer", "activations",
                      // "workspace", "context"
    Bytes bytes = 0;
};
struct RunPlan {
    std::int64_t parametersDense = 0;
    std::int64_t parametersTotal = 0;      // dense + L E (2 D r + D); no LoRA
    std::int64_t parametersActive = 0;     // dense + L (k 2 D r + E D)
    std::int64_t parametersTrainable = 0;  // adapters + routers + LoRA
    std::int64_t parametersLora = 0;
    std::vector<MemoryItem> memory;
    Bytes memoryTotal = 0;
    Bytes checkpointBytes = 0;
    Bytes diskBytes = 0;       // checkpoints kept (last 3, best) + routing + metrics
    double flopsPerToken = 0;  // forward + backward
    std::int64_t steps = 0;    // 0: data not chosen
    std::int64_t tokensPerStep = 0;
    std::int64_t microBatchTokens = 0;  // the value in force
    std::int64_t sequenceLength = 0;
};

}  // namespace caravan::engine
