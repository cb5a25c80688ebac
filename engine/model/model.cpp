// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/model.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "engine/model/layer.h"
#include "engine/model/linear.h"
#include "engine/model/rope.h"
#include "engine/model/step_state.h"
#include "engine/plan/plan.h"

namespace caravan::engine::model {

Model::Model(ModelConfig config, at::Device device, at::ScalarType compute)
    : m_config(std::move(config)),
      m_device(device),
      m_compute(compute),
      m_trainable(device, compute),
      m_workspace(std::make_unique<Workspace>()) {}

Model::~Model() = default;

std::int64_t Model::weightBytes() const {
    auto bytesOf = [](const at::Tensor& tensor) {
        return tensor.defined() ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
    };
    std::int64_t sum = bytesOf(m_embedding) + bytesOf(m_finalNorm);
    if (!m_head.is_same(m_embedding)) sum += bytesOf(m_head);
    for (const Layer& layer : m_layers) {
        for (const AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down})
            sum += linear->frozen.bytes() + bytesOf(linear->bias);
        for (const at::Tensor* norm : {&layer.inputNorm, &layer.middleNorm, &layer.queryNorm, &layer.keyNorm})
            sum += bytesOf(*norm);
    }
    return sum;
}

bool Model::quantized() const {
    return !m_layers.empty() && m_layers.front().down.frozen.nf4(0) != nullptr;
}

void Model::keepDequantised(bool keep) {
    for (Layer& layer : m_layers)
        for (AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down}) {
            if (keep)
                linear->frozen.keepDequantised(*m_workspace, m_compute);
            else
                linear->frozen.dropDequantised();
        }
}

void Model::keepFp8(bool keep) {
    if (keep) ops::requireFp8(m_device, m_compute);
    for (Layer& layer : m_layers)
        for (AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down}) {
            if (keep)
                linear->frozen.keepFp8(*m_workspace, m_compute);
            else
                linear->frozen.dropFp8();
        }
}

void Model::keepPanels() {
    if (!m_device.is_cpu()) return;
    std::int64_t bytes = m_head.defined() ? static_cast<std::int64_t>(m_head.nbytes()) : 0;
    for (const Layer& layer : m_layers)
        for (const AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down})
            if (linear->frozen.joined().defined())
                bytes += static_cast<std::int64_t>(linear->frozen.joined().nbytes());
    if (bytes > kMostPanels) return;
    for (Layer& layer : m_layers)
        for (AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down})
            linear->frozen.keepPanels();
    if (m_head.defined() && !m_headPanels.transposed.defined()) m_headPanels = ops::packFrozen(m_head);
}

const ops::Nf4* Model::nf4Of(std::int64_t layer, const std::string& linear) const {
    std::size_t part = 0;
    const AdaptedLinear* found =
        const_cast<Layer&>(m_layers.at(static_cast<std::size_t>(layer))).linearNamed(linear, part);
    return found ? found->frozen.nf4(part) : nullptr;
}

std::vector<Model::LoraInfo> Model::loraInfo() const {
    std::vector<LoraInfo> result;
    for (const Layer& layer : m_layers)
        for (const AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down})
            for (std::size_t part = 0; part < linear->lora.size(); ++part)
                if (const auto& lora = linear->lora[part])
                    result.push_back({layer.index, linear->frozen.nameOf(part), lora->rank, lora->scale});
    return result;
}

KvCache Model::makeCache(std::int64_t capacity) const {
    return {m_config, m_device, m_compute, capacity};
}

at::Tensor Model::embed(const at::Tensor& ids) const {
    return at::embedding(m_embedding, ids);
}

void Model::reserveRope(std::int64_t positions) {
    if (m_rope.cos.defined() && m_rope.cos.size(0) >= positions) return;
    const std::int64_t step = 1024;
    m_rope = makeRopeTable(m_config.rope, m_config.headSize, (positions + step - 1) / step * step, m_device);
}

LayerPass Model::layerPass(const Tokens& tokens) {
    reserveRope(tokens.segments.longest);
    return {.config = m_config,
            .parameters = m_trainable,
            .workspace = *m_workspace,
            .rope = m_rope,
            .compute = m_compute,
            .positions = tokens.positions,
            .segments = &tokens.segments};
}

at::Tensor Model::forward(const Tokens& tokens, const ForwardOptions& options) {
    LayerPass pass = layerPass(tokens);
    pass.options = &options;
    return run(tokens.ids, pass);
}

at::Tensor Model::run(const at::Tensor& ids, LayerPass pass, bool lastAlone) {
    at::Tensor x = embed(ids);
    for (const Layer& layer : m_layers) {
        pass.lastRow = lastAlone && &layer == &m_layers.back();
        x = model::forward(layer, x, pass, nullptr);
    }
    return ops::rmsNorm(x, m_finalNorm, m_config.normEps).y;
}

at::Tensor Model::logits(const at::Tensor& hidden) {
    const at::Tensor logits = ops::linear(hidden, m_head);
    return logits.scalar_type() == at::kBFloat16 ? logits.to(at::kFloat) : logits;
}

at::Tensor Model::forwardForTuning(const Tokens& tokens, const Tuning& tuning, StepState& state) {
    LayerPass pass = layerPass(tokens);
    pass.tuning = &tuning;
    state.layers.resize(m_layers.size());
    at::Tensor x = embed(tokens.ids);
    for (std::size_t i = 0; i < m_layers.size(); ++i) {
        LayerState& kept = state.layers[i];
        x = model::forward(m_layers[i], x, pass, &kept);
        if (tuning.recompute == Recompute::All) kept = LayerState{.x = kept.x, .routing = kept.routing};
        if (tuning.recompute == Recompute::GateUp) {
            kept.gateUp.reset();
            kept.lora[2].clear();
        }
    }
    ops::Normed normed = ops::rmsNorm(x, m_finalNorm, m_config.normEps);
    state.last = x;
    state.rstdLast = normed.rstd;
    return normed.y;
}

void Model::backward(const at::Tensor& dHidden, const Tokens& tokens, const Tuning& tuning,
                     StepState& state) {
    LayerPass pass = layerPass(tokens);
    pass.tuning = &tuning;
    at::Tensor g = ops::rmsNormBackward(dHidden, state.last, m_finalNorm, state.rstdLast);
    state.last.reset();
    for (std::size_t i = m_layers.size(); i-- > 0;)
        g = model::backward(m_layers[i], g, pass, state.layers[i], i > 0);
}

namespace {
// Routing of tokens that went through one by one, as if they had gone together.
void mergeRouting(std::vector<moe::LayerRouting>& all, std::size_t begin, std::size_t layers) {
    const std::size_t passes = layers == 0 ? 0 : (all.size() - begin) / layers;
    if (passes < 2) return;
    for (std::size_t layer = 0; layer < layers; ++layer) {
        std::vector<at::Tensor> logits, chosen, weights;
        for (std::size_t pass = 0; pass < passes; ++pass) {
            const ops::Routing& routing = all[begin + pass * layers + layer].routing;
            logits.push_back(routing.logits);
            chosen.push_back(routing.chosen);
            weights.push_back(routing.weights);
        }
        ops::Routing& merged = all[begin + layer].routing;
        merged = {.logits = at::cat(logits, 0), .chosen = at::cat(chosen, 0), .weights = at::cat(weights, 0)};
    }
    all.resize(begin + layers);
}
}  // namespace

at::Tensor Model::decode(std::span<const std::int32_t> ids, KvCache& cache, const ForwardOptions& options) {
    const auto count = static_cast<std::int64_t>(ids.size());
    if (count == 0) throw EngineException(ErrorCode::Internal, {{"detail", "decode of no token"}});
    cache.reserve(cache.length() + count);
    reserveRope(cache.length() + count);
    if (cache.length() == 0 && count > 1) {
        const Tokens tokens = packTokens(ids, m_device);
        LayerPass pass = layerPass(tokens);
        pass.options = &options;
        pass.cache = &cache;
        at::Tensor hidden = run(tokens.ids, pass, options.lastAlone);
        cache.advance(count);
        return hidden;
    }
    const std::size_t begin = options.routing ? options.routing->size() : 0;
    std::vector<at::Tensor> hidden;
    for (const std::int32_t id : ids) {
        hidden.push_back(decodeOne(id, cache, options));
        cache.advance(1);
    }
    if (options.routing && !options.dense) mergeRouting(*options.routing, begin, m_sparseLayers.size());
    return count == 1 || options.lastAlone ? hidden.back() : at::cat(hidden, 0);
}

at::Tensor Model::decodeOne(std::int32_t id, KvCache& cache, const ForwardOptions& options) {
    const auto position = static_cast<std::int32_t>(cache.length());
    const at::TensorOptions int32 = at::TensorOptions().dtype(at::kInt);
    LayerPass pass{.config = m_config,
                   .parameters = m_trainable,
                   .workspace = *m_workspace,
                   .rope = m_rope,
                   .compute = m_compute};
    pass.positions = at::full({1}, position, int32.device(m_device));
    pass.lengths = at::full({1}, position + 1, int32.device(m_device));
    pass.cache = &cache;
    pass.options = &options;
    return run(at::full({1}, id, at::TensorOptions().dtype(at::kLong).device(m_device)), pass);
}

at::ScalarType computeType(Compute compute, at::Device device) {
    if (compute == Compute::Auto) return device.is_cuda() ? at::kBFloat16 : at::kFloat;
    return compute == Compute::Bf16 ? at::kBFloat16 : at::kFloat;
}

}  // namespace caravan::engine::model
