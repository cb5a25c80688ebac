// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/moe/balance.h"
#include "engine/moe/expert_body.h"
#include "engine/moe/router.h"

namespace caravan::engine::moe {

// What stands behind the FFN of a sparse layer: a router that reads the FFN's input x and experts that act on
// its output u. slot = index among the sparse layers.
struct SparseBlock {
    std::int64_t slot = 0, experts = 0, topK = 0;
    std::unique_ptr<Router> router;
    std::unique_ptr<ExpertBody> body;
};

struct SparseGradient {
    at::Tensor shared;  // dL/du, complete
    at::Tensor input;   // dL/dx through the experts, or undefined
    at::Tensor logits;  // dL/dlogits: the router's part of dL/dx is added by addRouterInput()
};

[[nodiscard]] SparseGradient backward(const SparseBlock& block, const at::Tensor& g, const at::Tensor& x,
                                      const at::Tensor& u, const ops::Routing& routing, const BodyPass& pass,
                                      const BodySaved& saved, const BalanceTerm* balance);

}  // namespace caravan::engine::moe
