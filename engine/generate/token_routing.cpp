// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/token_routing.h"

#include <ATen/Functions.h>

namespace caravan::engine::generate {

void describeRouting(const std::vector<moe::LayerRouting>& routing, TokenEvent& event, std::int64_t row) {
    if (routing.empty()) return;
    constexpr std::int64_t kMostProbabilities = 1024;
    const std::int64_t experts = routing.front().routing.logits.size(1),
                       topK = routing.front().routing.chosen.size(1);
    const bool full = static_cast<std::int64_t>(routing.size()) * experts <= kMostProbabilities;
    // One copy to the host for each kind: a first token waits for all of this.
    std::vector<at::Tensor> chosenRows, weightRows, logitRows;
    for (const auto& layer : routing) {
        const auto token = row < 0 ? layer.routing.logits.size(0) - 1 : row;
        chosenRows.push_back(layer.routing.chosen.narrow(0, token, 1));
        weightRows.push_back(layer.routing.weights.narrow(0, token, 1));
        if (full) logitRows.push_back(layer.routing.logits.narrow(0, token, 1));
    }
    const at::Tensor chosenOnHost = at::cat(chosenRows).to(at::kCPU, at::kInt).contiguous(),
                     weightsOnHost = at::cat(weightRows).to(at::kCPU, at::kFloat).contiguous();
    at::Tensor probabilities;
    if (full) probabilities = at::softmax(at::cat(logitRows).to(at::kCPU, at::kFloat), 1).contiguous();
    const auto* expert = chosenOnHost.const_data_ptr<std::int32_t>();
    const auto* weight = weightsOnHost.const_data_ptr<float>();
    const float* probability = full ? probabilities.const_data_ptr<float>() : nullptr;
    for (const auto& layer : routing) {
        event.layers.push_back(layer.layer);
        event.experts.emplace_back(expert, expert + topK);
        event.weights.emplace_back(weight, weight + topK);
        expert += topK;
        weight += topK;
        if (!full) continue;
        event.probabilities.emplace_back(probability, probability + experts);
        probability += experts;
    }
}

}  // namespace caravan::engine::generate
