// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/moe/router.h"

#include <ATen/Functions.h>

namespace caravan::engine::moe {

ops::Routing LinearRouter::forward(const at::Tensor& x, model::Trainable& parameters, std::int64_t layer,
                                   const Steering* steering) const {
    if (!steering || steering->none()) return ops::route(x, parameters.working(m_weight), m_topK);
    at::Tensor logits = ops::linear(x, parameters.working(m_weight));
    if (logits.scalar_type() == at::kBFloat16) logits = logits.to(at::kFloat);
    return routeSteered(logits, m_topK, layer, steering);
}

at::Tensor LinearRouter::backward(const ops::Routing& routing, const at::Tensor& dWeights,
                                  const BalanceGradient& balance, const at::Tensor& x,
                                  model::Trainable& parameters) const {
    const at::Tensor dLogits = ops::routeBackward(routing, dWeights, balance.f, balance.coefficient);
    at::Tensor& gradient = parameters.gradient(m_weight);
    if (x.scalar_type() == gradient.scalar_type())
        gradient.addmm_(dLogits.t(), x);
    else
        gradient.add_(at::mm(dLogits.to(x.scalar_type()).t(), x));
    return dLogits;
}

void LinearRouter::addInputGradient(const at::Tensor& dLogits, model::Trainable& parameters,
                                    at::Tensor& dx) const {
    dx.addmm_(dLogits.to(dx.scalar_type()), parameters.working(m_weight));
}

}  // namespace caravan::engine::moe
