// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/api/engine.h"
#include "engine/ops/ops.h"

namespace caravan::engine::moe {

// How a user bends the router while generating. mute: never chosen; force: always among the chosen; bias:
// added to the logit. Gate weights are the softmax over the (biased) logits of those chosen.
struct Steering {
    std::vector<SteerExpert> experts;
    std::optional<std::int64_t> activeExperts;  // k in force
    [[nodiscard]] bool none() const { return experts.empty() && !activeExperts; }
};

// What a forward pass noted of one sparse layer: the router's step for every token, in the pass's token
// order.
struct LayerRouting {
    std::int64_t layer = 0;
    ops::Routing routing;
};

// What steering adds at one layer, both [E] fp32 on the host: bias to the logits, preference to what is
// compared when experts are chosen (very high: forced, very low: muted).
struct SteeringTerms {
    at::Tensor bias, preference;
};
[[nodiscard]] SteeringTerms steeringTerms(const Steering& steering, std::int64_t layer, std::int64_t experts);

// Router step with steering; without steering ops::route alone.
[[nodiscard]] ops::Routing routeSteered(const at::Tensor& logits, std::int64_t k, std::int64_t layer,
                                        const Steering* steering);

}  // namespace caravan::engine::moe
