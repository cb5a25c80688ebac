// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/observed_model.h"

#include "engine/model/layer.h"

namespace caravan::engine::routing {
namespace {

// Stands before a layer's body and tells what passes; computes nothing itself.
class WatchedBody final : public moe::ExpertBody {
  public:
    WatchedBody(const moe::ExpertBody& body, std::size_t slot, const LayerWatch& watch)
        : m_body(body), m_slot(slot), m_watch(watch) {}
    at::Tensor forward(const at::Tensor& x, const at::Tensor& u, const ops::Routing& routing,
                       const moe::BodyPass& pass, moe::BodySaved& saved) const override {
        m_watch(m_slot, u, routing);
        return m_body.forward(x, u, routing, pass, saved);
    }
    moe::BodyGradient backward(const at::Tensor& g, const at::Tensor& x, const at::Tensor& u,
                               const ops::Routing& routing, const moe::BodyPass& pass,
                               const moe::BodySaved& saved) const override {
        return m_body.backward(g, x, u, routing, pass, saved);
    }
    bool keepsDenseFunction() const override { return m_body.keepsDenseFunction(); }

  private:
    const moe::ExpertBody& m_body;
    std::size_t m_slot;
    const LayerWatch& m_watch;
};

}  // namespace

ObservedModel::ObservedModel(model::Model& model, LayerWatch watch)
    : m_model(model), m_watch(std::move(watch)) {
    for (model::Layer& layer : m_model.layers())
        if (layer.sparse) {
            m_bodies.push_back(std::move(layer.sparse->body));
            layer.sparse->body =
                std::make_unique<WatchedBody>(*m_bodies.back(), m_bodies.size() - 1, m_watch);
        }
}

ObservedModel::~ObservedModel() {
    std::size_t slot = 0;
    for (model::Layer& layer : m_model.layers())
        if (layer.sparse) layer.sparse->body = std::move(m_bodies[slot++]);
}

}  // namespace caravan::engine::routing
