// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/api/config/descriptors.h"
#include "engine/api/config/recipe.h"
#include "engine/api/model_config.h"
#include "engine/api/result.h"
#include "engine/api/run_plan.h"

namespace caravan::engine {

enum class DeviceKind { Cpu, Cuda };

// Frozen matrices in the compute type (linears and head) up to which tuning on the CPU keeps them laid out
// for its products, once for each direction.
inline constexpr Bytes kMostPanels = Bytes{256} << 20;

// What is known of the data; engine/data counts it.
struct DataFacts {
    std::int64_t rowsPerEpoch = 0;
    std::int64_t tokensPerEpoch = 0;  // after the cut
    std::int64_t domains = 1;
};

// Parameters by place, no LoRA.
struct ParameterCounts {
    std::int64_t embeddings = 0, attention = 0, ffn = 0, norms = 0,
                 head = 0;  // biases count with their linear
    std::int64_t adapters = 0, routers = 0;
    [[nodiscard]] std::int64_t dense() const { return embeddings + attention + ffn + norms + head; }
    [[nodiscard]] std::int64_t total() const { return dense() + adapters + routers; }
};
[[nodiscard]] ParameterCounts countParameters(const ModelConfig& config);
// LoRA of rank on the named linears ("q_proj", ...) of every layer.
[[nodiscard]] std::int64_t countLora(const ModelConfig& config, std::int64_t rank,
                                     const std::vector<std::string>& targets);

// The model that a recipe makes of a base: its moe part from recipe.upcycle (a base that is a mixture keeps
// its own).
[[nodiscard]] Result<ModelConfig> plannedModel(const Recipe& recipe, const ModelConfig& base);

// Pure arithmetic, below 5 ms. data may be null: steps 0 unless the recipe says them. Errors: BadOption.
[[nodiscard]] Result<RunPlan> planRun(const Recipe& recipe, const ModelConfig& base, const DataFacts* data,
                                      DeviceKind device);

// Values in force where the recipe leaves them open.
[[nodiscard]] std::int64_t sequenceLengthOf(const Recipe& recipe, const ModelConfig& base);
[[nodiscard]] std::int64_t microBatchTokensOf(const Recipe& recipe, const ModelConfig& base,
                                              DeviceKind device);
[[nodiscard]] std::int64_t stepsOf(const Recipe& recipe, const DataFacts& data, std::int64_t sequenceLength);

}  // namespace caravan::engine
