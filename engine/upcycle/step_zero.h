// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <stop_token>
#include <vector>

#include "engine/api/engine.h"
#include "engine/model/model.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::upcycle {

// What the dense model says of a real text, kept on the host to hold the sparse model against.
struct DenseReference {
    std::vector<std::int32_t> ids;
    at::Tensor logits;                    // [T, V] fp32
    std::vector<at::Tensor> layerInputs;  // per layer [T, D], and the final norm's input
};

// A paragraph of prose and code in the model's ids; without a tokenizer ids spread over the vocabulary.
[[nodiscard]] std::vector<std::int32_t> proofIds(const Tokenizer* tokenizer, const ModelConfig& config);
// Logits [T, V] fp32 on the host.
[[nodiscard]] at::Tensor logitsOf(model::Model& model, std::span<const std::int32_t> ids,
                                  const model::ForwardOptions& options = {});
// Of the base, before experts are attached.
[[nodiscard]] DenseReference denseReference(model::Model& base, std::vector<std::int32_t> ids);
// Passes with the router's own choice and with every expert alone in turn; the largest difference over all of
// them.
[[nodiscard]] StepZeroProof proveStepZero(model::Model& sparse, const DenseReference& dense,
                                          const ProgressFunction& progress, std::stop_token stop);

}  // namespace caravan::engine::upcycle
