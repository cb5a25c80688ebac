// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "engine/api/config/recipe.h"
#include "engine/ops/ops.h"

namespace caravan::engine::moe {

// What a balance term asks of the router's backward: f [E] and the coefficient of p_i (f_i - sum_j f_j p_j)
// per token.
struct BalanceGradient {
    at::Tensor f;
    double coefficient = 0;
};

// A term of the loss that keeps experts in use (methods.md sections 1 and 3). One object per run, for all
// sparse layers.
class BalanceTerm {
  public:
    virtual ~BalanceTerm() = default;
    virtual void beginStep(std::int64_t tokens) = 0;  // of the whole optimizer step
    virtual void beginMicroBatch(std::int64_t tokens) = 0;
    // Called in the forward of sparse layer number `slot`, exactly once per micro-batch.
    virtual void observe(std::int64_t slot, const ops::Routing& routing) = 0;
    [[nodiscard]] virtual BalanceGradient gradient(std::int64_t slot) const = 0;
};

// L = alpha E sum_i f_i p_i per layer, f from the choices, p the mean of the full softmax. Scope micro: f of
// the micro-batch; batch: f of the step's micro-batches so far. Micro-batches count by their tokens, so that
// the step's loss is their mean.
class SwitchBalance final : public BalanceTerm {
  public:
    SwitchBalance(double alpha, BalanceScope scope, std::int64_t layers, std::int64_t experts,
                  std::int64_t topK, at::Device device,
                  at::ScalarType type = at::kFloat);  // fp64 in gradient checks
    void beginStep(std::int64_t tokens) override;
    void beginMicroBatch(std::int64_t tokens) override;
    void observe(std::int64_t slot, const ops::Routing& routing) override;
    BalanceGradient gradient(std::int64_t slot) const override;

    void setAlpha(double alpha) { m_alpha = alpha; }
    [[nodiscard]] double alpha() const { return m_alpha; }
    // E sum f p of the step so far per layer, [layers] fp32 on the device; 1 = uniform. Computed also with
    // alpha 0.
    [[nodiscard]] const at::Tensor& values() const { return m_values; }
    // What observe() and gradient() take from the step and micro-batch at work; within an ops::LiveStep they
    // read them from device memory.
    struct Scalars {
        double counted = 1, valueShare = 0, coefficient = 0;
    };
    [[nodiscard]] Scalars scalars() const;

  private:
    double m_alpha;
    BalanceScope m_scope;
    std::int64_t m_experts, m_topK;
    std::int64_t m_stepTokens = 0, m_tokensSoFar = 0, m_microTokens = 0;
    at::Tensor m_counts;  // [layers, E] fp32: choices of the step so far (batch) or of the micro-batch
    at::Tensor m_share;   // [layers, E] fp32: f in force
    at::Tensor m_values;  // [layers]
};

}  // namespace caravan::engine::moe
