// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/moe/expert_body.h"

namespace caravan::engine::moe {

at::Tensor SerialAdapters::forward(const at::Tensor& /*x*/, const at::Tensor& u, const ops::Routing& routing,
                                   const BodyPass& pass, BodySaved& saved) const {
    ops::Adapters result =
        ops::adapters(u, routing, pass.parameters.working(m_down), pass.parameters.working(m_up), m_scaling,
                      pass.dropout, pass.key, {.add = pass.residual, .keepRows = pass.keepRows});
    if (pass.saving) saved = {.tensors = {result.h, result.rows}, .replacesShared = result.rows.defined()};
    return result.y;
}

BodyGradient SerialAdapters::backward(const at::Tensor& g, const at::Tensor& /*x*/, const at::Tensor& u,
                                      const ops::Routing& routing, const BodyPass& pass,
                                      const BodySaved& saved) const {
    ops::AdapterGradient gradient = ops::adaptersBackward(
        g, u, routing, saved.tensors[0], pass.parameters.working(m_down), pass.parameters.working(m_up),
        m_scaling, pass.dropout, pass.key, pass.parameters.gradient(m_down), pass.parameters.gradient(m_up),
        saved.tensors[1]);
    return {.shared = gradient.u, .input = {}, .weights = gradient.weights};
}

}  // namespace caravan::engine::moe
