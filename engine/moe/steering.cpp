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

SteeringTerms steeringTerms(const Steering& steering, std::int64_t layer, std::int64_t experts) {
    SteeringTerms terms{at::zeros({experts}, at::kFloat), at::zeros({experts}, at::kFloat)};
    auto* bias = terms.bias.mutable_data_ptr<float>();
    auto* preference = terms.preference.mutable_data_ptr<float>();
    for (const SteerExpert& steer : steering.experts) {
        if (!concerns(steer, layer, experts)) continue;
        bias[steer.expert] += static_cast<float>(steer.bias);
        if (steer.use == SteerExpert::Use::Mute) preference[steer.expert] = -kAlways;
        if (steer.use == SteerExpert::Use::Force) preference[steer.expert] = kAlways;
    }
    return terms;
}

ops::Routing routeSteered(const at::Tensor& logits, std::int64_t k, std::int64_t layer,
                          const Steering* steering) {
    if (!steering || steering->none()) return ops::route(logits, k);
    const std::int64_t experts = logits.size(1);
    if (steering->activeExperts) k = std::clamp<std::int64_t>(*steering->activeExperts, 1, experts);
    const auto [bias, choice] = steeringTerms(*steering, layer, experts);
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
