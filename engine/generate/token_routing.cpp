// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/token_routing.h"

#include <ATen/Functions.h>

namespace caravan::engine::generate {
namespace {

constexpr std::int64_t kMostProbabilities = 1024;

NotedRouting noted(const std::vector<moe::LayerRouting>& routing, std::int64_t row, bool wait) {
    NotedRouting result;
    if (routing.empty()) return result;
    const std::int64_t experts = routing.front().routing.logits.size(1);
    const bool full = static_cast<std::int64_t>(routing.size()) * experts <= kMostProbabilities;
    std::vector<at::Tensor> chosen, weights, logits;
    for (const auto& layer : routing) {
        const auto token = row < 0 ? layer.routing.logits.size(0) - 1 : row;
        result.layers.push_back(layer.layer);
        chosen.push_back(layer.routing.chosen.narrow(0, token, 1));
        weights.push_back(layer.routing.weights.narrow(0, token, 1));
        if (full) logits.push_back(layer.routing.logits.narrow(0, token, 1));
    }
    result.chosen = asHostCopy(at::cat(chosen).to(at::kInt), wait);
    result.weights = asHostCopy(at::cat(weights).to(at::kFloat), wait);
    if (full) result.logits = asHostCopy(at::cat(logits).to(at::kFloat), wait);
    return result;
}

}  // namespace

at::Tensor asHostCopy(const at::Tensor& x, bool wait) {
    if (!x.is_cuda()) return x.contiguous();
    // Only memory that stays in its place is copied while the host goes on, and it is the faster one.
    at::Tensor copy = at::empty(x.sizes(), at::TensorOptions().dtype(x.scalar_type()).pinned_memory(true));
    return copy.copy_(x, !wait);
}

NotedRouting noteRouting(const std::vector<moe::LayerRouting>& routing, std::int64_t row) {
    return noted(routing, row, false);
}

void describeRouting(const NotedRouting& noted, TokenEvent& event) {
    if (noted.layers.empty()) return;
    const std::int64_t topK = noted.chosen.size(1);
    const at::Tensor probabilities =
        noted.logits.defined() ? at::softmax(noted.logits, 1).contiguous() : at::Tensor();
    const auto* expert = noted.chosen.const_data_ptr<std::int32_t>();
    const auto* weight = noted.weights.const_data_ptr<float>();
    const float* probability = probabilities.defined() ? probabilities.const_data_ptr<float>() : nullptr;
    for (const std::int64_t layer : noted.layers) {
        event.layers.push_back(layer);
        event.experts.emplace_back(expert, expert + topK);
        event.weights.emplace_back(weight, weight + topK);
        expert += topK;
        weight += topK;
        if (!probability) continue;
        event.probabilities.emplace_back(probability, probability + probabilities.size(1));
        probability += probabilities.size(1);
    }
}

void describeRouting(const std::vector<moe::LayerRouting>& routing, TokenEvent& event, std::int64_t row) {
    describeRouting(noted(routing, row, true), event);
}

}  // namespace caravan::engine::generate
