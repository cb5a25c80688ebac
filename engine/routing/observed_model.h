// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/model/model.h"
#include "engine/moe/expert_body.h"

namespace caravan::engine::routing {

// What a sparse layer's experts were given: slot = index among the sparse layers, u [T, D] the shared FFN's
// output.
using LayerWatch = std::function<void(std::size_t slot, const at::Tensor& u, const ops::Routing& routing)>;

// While it lives, every forward pass of the model tells what its sparse layers saw. The model must outlive
// it.
class ObservedModel {
  public:
    ObservedModel(model::Model& model, LayerWatch watch);
    ~ObservedModel();
    ObservedModel(const ObservedModel&) = delete;
    ObservedModel& operator=(const ObservedModel&) = delete;

    [[nodiscard]] model::Model& model() { return m_model; }
    // The layer's own body.
    [[nodiscard]] const moe::ExpertBody& body(std::size_t slot) const { return *m_bodies[slot]; }

  private:
    model::Model& m_model;
    LayerWatch m_watch;
    std::vector<std::unique_ptr<moe::ExpertBody>> m_bodies;
};

}  // namespace caravan::engine::routing
