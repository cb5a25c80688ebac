// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/ffn_outputs.h"

#include <ATen/Functions.h>

#include <map>

#include "engine/model/layer.h"

namespace caravan::engine::routing {
namespace {

constexpr std::int64_t kChunkTokens = 1024;

// A router and a body that choose and add nothing: they stand behind a dense FFN and see its input.
class NoChoice final : public moe::Router {
  public:
    ops::Routing forward(const at::Tensor&, model::Trainable&, std::int64_t,
                         const moe::Steering*) const override {
        return {};
    }
    at::Tensor backward(const ops::Routing&, const at::Tensor&, const moe::BalanceGradient&,
                        const at::Tensor&, model::Trainable&) const override {
        return {};
    }
    void addInputGradient(const at::Tensor&, model::Trainable&, at::Tensor&) const override {}
};
class InputWatch final : public moe::ExpertBody {
  public:
    explicit InputWatch(std::vector<at::Tensor>& inputs) : m_inputs(inputs) {}
    at::Tensor forward(const at::Tensor& x, const at::Tensor& u, const ops::Routing&,
                       const moe::BodyPass& pass, moe::BodySaved&) const override {
        m_inputs.push_back(x.clone());
        return pass.residual.defined() ? at::add(pass.residual, u) : u;
    }
    moe::BodyGradient backward(const at::Tensor& g, const at::Tensor&, const at::Tensor&, const ops::Routing&,
                               const moe::BodyPass&, const moe::BodySaved&) const override {
        return {.shared = g, .input = {}, .weights = {}};
    }
    bool keepsDenseFunction() const override { return true; }

  private:
    std::vector<at::Tensor>& m_inputs;
};

// While it lives, the named layers of a dense model tell what their FFNs see.
class WatchedLayers {
  public:
    WatchedLayers(model::Model& model, std::map<std::int64_t, std::vector<at::Tensor>>& inputs)
        : m_model(model), m_inputs(inputs) {
        for (model::Layer& layer : m_model.layers())
            if (const auto found = m_inputs.find(layer.index); found != m_inputs.end())
                layer.sparse.emplace(moe::SparseBlock{.slot = 0,
                                                      .experts = 1,
                                                      .topK = 1,
                                                      .router = std::make_unique<NoChoice>(),
                                                      .body = std::make_unique<InputWatch>(found->second)});
    }
    ~WatchedLayers() {
        for (model::Layer& layer : m_model.layers())
            if (m_inputs.contains(layer.index)) layer.sparse.reset();
    }
    WatchedLayers(const WatchedLayers&) = delete;
    WatchedLayers& operator=(const WatchedLayers&) = delete;

  private:
    model::Model& m_model;
    std::map<std::int64_t, std::vector<at::Tensor>>& m_inputs;
};

}  // namespace

std::vector<at::Tensor> ffnInputs(model::Model& model, const std::vector<std::int64_t>& layers,
                                  const std::vector<DomainBatches>& domains,
                                  const std::function<void(std::int64_t)>& told,
                                  const std::stop_token& stop) {
    std::map<std::int64_t, std::vector<at::Tensor>> inputs;
    for (const std::int64_t layer : layers)
        inputs[layer] = {};
    {
        const WatchedLayers watched(model, inputs);
        for (const DomainBatches& domain : domains)
            for (std::size_t i = 0; i < domain.batches.size(); ++i) {
                if (stop.stop_requested())
                    throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
                static_cast<void>(model.forward(domain.batches[i].tokens));
                if (told) told(domain.rows[i]);
            }
    }
    std::vector<at::Tensor> out;
    for (const std::int64_t layer : layers) {
        out.push_back(at::cat(inputs[layer]));
        inputs[layer].clear();
    }
    return out;
}

at::Tensor ffnOutputs(model::Model& model, std::int64_t index, const at::Tensor& x) {
    const model::Layer& layer = model.layers().at(static_cast<std::size_t>(index));
    const model::LinearPass pass{
        .parameters = model.trainable(), .workspace = model.workspace(), .compute = model.compute()};
    const std::int64_t width = model.config().intermediate;
    at::Tensor out = at::empty({x.size(0), model.config().hidden}, x.options().dtype(at::kFloat));
    for (std::int64_t at = 0; at < x.size(0); at += kChunkTokens) {
        const std::int64_t part = std::min(kChunkTokens, x.size(0) - at);
        const at::Tensor gateUp = layer.gateUp.forward(x.narrow(0, at, part), pass, nullptr);
        const at::Tensor inner = ops::swiglu(gateUp.narrow(1, 0, width), gateUp.narrow(1, width, width));
        out.narrow(0, at, part).copy_(layer.down.forward(inner, pass, nullptr));
    }
    return out;
}

}  // namespace caravan::engine::routing
