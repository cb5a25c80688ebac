// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "engine/model/trainable.h"
#include "engine/moe/balance.h"
#include "engine/moe/steering.h"
#include "engine/ops/ops.h"

namespace caravan::engine::moe {

// Chooses experts per token from the block's input (methods.md section 3, "router").
class Router {
  public:
    virtual ~Router() = default;
    [[nodiscard]] virtual ops::Routing forward(const at::Tensor& x, model::Trainable& parameters,
                                               std::int64_t layer, const Steering* steering) const = 0;
    // dL/dlogits [T, E] from dL/dw [T, k] and a balance term; adds to the router's gradients.
    [[nodiscard]] virtual at::Tensor backward(const ops::Routing& routing, const at::Tensor& dWeights,
                                              const BalanceGradient& balance, const at::Tensor& x,
                                              model::Trainable& parameters) const = 0;
    // dx [T, D] += dL/dlogits W
    virtual void addInputGradient(const at::Tensor& dLogits, model::Trainable& parameters,
                                  at::Tensor& dx) const = 0;
};

// z = W x, top-k of the raw logits, softmax over the chosen.
class LinearRouter final : public Router {
  public:
    LinearRouter(model::BlockId weight, std::int64_t topK) : m_weight(weight), m_topK(topK) {}
    ops::Routing forward(const at::Tensor& x, model::Trainable& parameters, std::int64_t layer,
                         const Steering* steering) const override;
    at::Tensor backward(const ops::Routing& routing, const at::Tensor& dWeights,
                        const BalanceGradient& balance, const at::Tensor& x,
                        model::Trainable& parameters) const override;
    void addInputGradient(const at::Tensor& dLogits, model::Trainable& parameters,
                          at::Tensor& dx) const override;
    [[nodiscard]] model::BlockId weight() const { return m_weight; }

  private:
    model::BlockId m_weight;  // [E, D]
    std::int64_t m_topK;
};

}  // namespace caravan::engine::moe
