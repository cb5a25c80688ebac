// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/moe/sparse_block.h"

#include <ATen/Functions.h>

namespace caravan::engine::moe {

SparseGradient backward(const SparseBlock& block, const at::Tensor& g, const at::Tensor& x,
                        const at::Tensor& u, const ops::Routing& routing, const BodyPass& pass,
                        const BodySaved& saved, const BalanceTerm* balance) {
    BodyGradient body = block.body->backward(g, x, u, routing, pass, saved);
    BalanceGradient term;
    if (balance) term = balance->gradient(block.slot);
    if (!term.f.defined()) term.f = at::zeros({block.experts}, routing.logits.options());
    SparseGradient result{.shared = std::move(body.shared), .input = std::move(body.input), .logits = {}};
    result.logits = block.router->backward(routing, body.weights, term, x, pass.parameters);
    return result;
}

}  // namespace caravan::engine::moe
