// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/moe/steering.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <limits>

namespace caravan::engine::moe {

namespace {
constexpr float kAlways = 1e30F;

bool concerns(const SteerExpert& steer, std::int64_t layer, std::int64_t experts) {
    return (steer.layer == -1 || steer.layer == layer) && steer.expert >= 0 && steer.expert < experts;
}
}  // namespace

ops::Routing routeSteered(const at::Tensor& logits, std::int64_t k, std::int64_t layer,
                          const Steering* steering) {
    if (!steering || steering->none()) return ops::route(logits, k);
    const std::int64_t experts = logits.size(1);
    if (steering->activeExperts) k = std::clamp<std::int64_t>(*steering->activeExperts, 1, experts);
    at::Tensor bias = at::zeros({experts}, at::kFloat);
    at::Tensor choice = at::zeros({experts}, at::kFloat);  // only for choosing
    auto* biasOf = bias.mutable_data_ptr<float>();
    auto* choiceOf = choice.mutable_data_ptr<float>();
    for (const SteerExpert& steer : steering->experts) {
        if (!concerns(steer, layer, experts)) continue;
        biasOf[steer.expert] += static_cast<float>(steer.bias);
        if (steer.use == SteerExpert::Use::Mute) choiceOf[steer.expert] = -kAlways;
        if (steer.use == SteerExpert::Use::Force) choiceOf[steer.expert] = kAlways;
    }
    // A muted expert that must fill the k-th place for want of others gets no weight.
    const at::Tensor biased = logits + bias.to(logits.device());
    ops::Routing routing = ops::route(biased + choice.to(logits.device()), k);
    const at::Tensor chosen = routing.chosen.to(at::kLong);
    const at::Tensor muted = at::clamp_max(choice, 0.0).to(logits.device());
    routing.weights = at::softmax((biased + muted).gather(1, chosen), 1);
    routing.logits = biased;
    return routing;
}

}  // namespace caravan::engine::moe
