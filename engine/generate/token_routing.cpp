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
    std::vector<at::Tensor> rows;  // per layer: k experts, k weights, E probabilities
    for (const auto& layer : routing) {
        const auto token = row < 0 ? layer.routing.logits.size(0) - 1 : row;
        rows.push_back(layer.routing.chosen[token].to(at::kFloat));
        rows.push_back(layer.routing.weights[token].to(at::kFloat));
        if (full) rows.push_back(at::softmax(layer.routing.logits[token].to(at::kFloat), 0));
    }
    const at::Tensor host = at::cat(rows).to(at::kCPU).contiguous();
    const float* at = host.const_data_ptr<float>();
    for (const auto& layer : routing) {
        event.layers.push_back(layer.layer);
        auto& chosen = event.experts.emplace_back();
        for (std::int64_t i = 0; i < topK; ++i)
            chosen.push_back(static_cast<std::int32_t>(*at++));
        event.weights.emplace_back(at, at + topK);
        at += topK;
        if (!full) continue;
        event.probabilities.emplace_back(at, at + experts);
        at += experts;
    }
}

}  // namespace caravan::engine::generate
