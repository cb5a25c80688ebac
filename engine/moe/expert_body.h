// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/model/trainable.h"
#include "engine/ops/ops.h"

namespace caravan::engine::moe {

// Where a pass stands; dropout is 0 outside tuning.
struct BodyPass {
    model::Trainable& parameters;
    double dropout = 0;
    ops::RandomKey key;     // purpose AdapterDropout, this layer
    bool saving = false;    // a backward will follow
    bool keepRows = false;  // what a GPU gathers of u may be kept in its place
    at::Tensor residual;    // [T, D], if defined: forward returns it plus y
};
struct BodySaved {
    std::vector<at::Tensor> tensors;  // the body's own
    bool replacesShared = false;      // backward does not read u
};
struct BodyGradient {
    at::Tensor shared;   // dL/du [T, D], complete
    at::Tensor input;    // dL/dx [T, D] through the experts; undefined: the body does not read x
    at::Tensor weights;  // dL/dw [T, k] fp32
};

// What an expert computes (methods.md section 3, "body"): y [T, D] from the block's input x [T, D], the
// shared FFN's output u [T, D] and the router's choices. Parameters lie in the Trainable store; backward adds
// to their gradients.
class ExpertBody {
  public:
    virtual ~ExpertBody() = default;
    [[nodiscard]] virtual at::Tensor forward(const at::Tensor& x, const at::Tensor& u,
                                             const ops::Routing& routing, const BodyPass& pass,
                                             BodySaved& saved) const = 0;
    [[nodiscard]] virtual BodyGradient backward(const at::Tensor& g, const at::Tensor& x, const at::Tensor& u,
                                                const ops::Routing& routing, const BodyPass& pass,
                                                const BodySaved& saved) const = 0;
    // True: with fresh parameters y = u exactly.
    [[nodiscard]] virtual bool keepsDenseFunction() const = 0;
};

// y = u + s sum_k w_k W_up GELU(W_down drop(u)): PESC's serial adapters.
class SerialAdapters final : public ExpertBody {
  public:
    SerialAdapters(model::BlockId down, model::BlockId up, double scaling)
        : m_down(down), m_up(up), m_scaling(scaling) {}
    at::Tensor forward(const at::Tensor& x, const at::Tensor& u, const ops::Routing& routing,
                       const BodyPass& pass, BodySaved& saved) const override;
    BodyGradient backward(const at::Tensor& g, const at::Tensor& x, const at::Tensor& u,
                          const ops::Routing& routing, const BodyPass& pass,
                          const BodySaved& saved) const override;
    bool keepsDenseFunction() const override { return true; }
    [[nodiscard]] model::BlockId down() const { return m_down; }
    [[nodiscard]] model::BlockId up() const { return m_up; }
    [[nodiscard]] double scaling() const { return m_scaling; }

  private:
    model::BlockId m_down, m_up;  // [E, r, D], [E, D, r]
    double m_scaling;
};

}  // namespace caravan::engine::moe
