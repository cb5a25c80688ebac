// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/decode_parts.h"
#include "engine/generate/decode_plan.h"

// The calls of each layer of a decoding pass.
namespace caravan::engine::generate {
namespace {

using ops::data;

kernels::StoredType storedType(at::ScalarType type) {
    if (type == at::kBFloat16) return kernels::StoredType::BF16;
    return type == at::kHalf ? kernels::StoredType::F16 : kernels::StoredType::F32;
}

kernels::Nf4Source sourceOf(const ops::Nf4& weight) {
    kernels::Nf4Source source{data<std::uint8_t>(weight.codes), nullptr, nullptr, nullptr, nullptr,
                              static_cast<float>(weight.offset)};
    if (weight.doubleQuantised()) {
        source.absmaxCodes = data<std::uint8_t>(weight.absmax);
        source.nestedAbsmax = data<float>(weight.nestedAbsmax);
        source.nestedMap = data<float>(weight.nestedMap);
    } else {
        source.absmax = data<float>(weight.absmax);
    }
    return source;
}

// Element `offset` of a tensor.
const void* at_(const at::Tensor& x, std::int64_t offset) {
    return static_cast<const char*>(x.data_ptr()) + offset * static_cast<std::int64_t>(x.element_size());
}

// What a linear's kernel reads first, for the kernel ahead of it to ask for while it waits: of the first
// part.
template <class Call>
void askAhead(Call& call, const kernels::DecodeLinear& next, std::int64_t elementSize) {
    constexpr std::int64_t kMost = std::int64_t{8} << 20;
    const kernels::DecodePart& part = next.parts[0];
    const std::int64_t values = part.rows * next.inner;
    call.ahead = part.dense ? part.dense : part.nf4.codes;
    call.aheadBytes = std::min(kMost, part.dense ? values * elementSize : values / 2) / 128 * 128;
}
// Of `count` calls in a row of which each empties what the next one writes, the first again after the last:
// two places in turns, a third where the number is odd.
std::size_t inTurns(std::size_t i, std::size_t count) {
    return i + 1 == count && count % 2 == 1 ? 2 : i % 2;
}

}  // namespace

kernels::DecodeLinear DecodePlan::linearOf(const model::AdaptedLinear& linear, const at::Tensor& input,
                                           const at::Tensor& output, float*& hidden) {
    kernels::DecodeLinear l;
    l.inner = linear.frozen.in();
    l.batch = m_places;
    l.input = input.data_ptr();
    l.out = output.data_ptr();
    l.outStride = output.size(1);
    l.partCount = static_cast<std::int32_t>(linear.frozen.parts());
    l.arrived = data<std::uint32_t>(m_counters) + m_usedCounters++;
    for (std::size_t i = 0; i < linear.frozen.parts(); ++i) {
        kernels::DecodePart& part = l.parts[i];
        part.rows = linear.frozen.outOf(i);
        part.column = linear.frozen.offsetOf(i);
        if (const ops::Nf4* nf4 = linear.frozen.nf4(i)) {
            part.nf4 = sourceOf(*nf4);
            part.stored = storedType(linear.frozen.storedOf(i));
        } else {
            part.dense = at_(linear.frozen.joined(), part.column * l.inner);
        }
        if (linear.bias.defined()) part.bias = at_(linear.bias, part.column);
        if (!linear.lora[i]) continue;
        const model::LoraPart& lora = *linear.lora[i];
        part.loraB = m_model.trainable().working(lora.b).data_ptr();
        part.loraHidden = hidden;
        part.rank = lora.rank;
        part.scale = static_cast<float>(lora.scale);
        l.sides[l.sideCount++] = {m_model.trainable().working(lora.a).data_ptr(), lora.rank, hidden};
        hidden += m_places * lora.rank;
    }
    return l;
}

kernels::SplitAttention DecodePlan::attentionOf(const model::Layer& layer, const DecodeRequest& request,
                                                const ops::RopeTable& rope) const {
    const ModelConfig& config = m_model.config();
    kernels::SplitAttention a;
    a.heads = config.heads;
    a.kvHeads = config.kvHeads;
    a.headSize = config.headSize;
    a.positionStride = config.keyWidth();  // as model::KvCache lays them out
    a.headStride = config.headSize;
    a.window = layer.window.value_or(0);
    a.splits = m_splits;
    a.batch = m_places;
    a.qkv = m_qkv.data_ptr();
    if (config.qkNorm) {
        a.queryNorm = layer.queryNorm.data_ptr();
        a.keyNorm = layer.keyNorm.data_ptr();
    }
    a.eps = static_cast<float>(config.normEps);
    a.cos = data<float>(rope.cos);
    a.sin = data<float>(rope.sin);
    a.position = &reinterpret_cast<const kernels::TokenState*>(state.data_ptr())->position;
    a.positionStep = sizeof(kernels::TokenState) / sizeof(std::int32_t);
    if (request.cache) {
        a.keys = request.cache->keys(layer.index).data_ptr();
        a.values = request.cache->values(layer.index).data_ptr();
    } else {
        a.keysOf = static_cast<void* const*>(m_caches[layer.index][0].data_ptr());
        a.valuesOf = static_cast<void* const*>(m_caches[layer.index][1].data_ptr());
    }
    a.out = m_attended.data_ptr();
    a.partial = data<float>(m_partial);
    a.arrived = data<std::uint32_t>(m_arrived);
    a.hopper = ops::hopperPaths();
    return a;
}

kernels::DecodeExperts DecodePlan::expertsOf(const model::Layer& layer, const DecodeRequest& request) {
    const moe::SerialAdapters& body = *adaptersOf(layer);
    const at::Tensor& down = m_model.trainable().working(body.down());
    const std::int64_t slot = layer.sparse->slot, experts = layer.sparse->experts;
    float* notes = data<float>(m_notes) + slot * (2 * m_k + m_experts);
    kernels::DecodeExperts e;
    e.shape = {down.size(2), down.size(1)};
    e.down = down.data_ptr();
    e.up = m_model.trainable().working(body.up()).data_ptr();
    e.scaling = static_cast<float>(body.scaling());
    e.u = m_shared.data_ptr();
    e.hidden = data<float>(m_hidden);
    e.out = m_x.data_ptr();
    e.choice.experts = experts;
    e.choice.k = choicesOf(layer, request.steering);
    e.choice.logits = data<float>(m_routerLogits);
    e.choice.chosen = reinterpret_cast<std::int32_t*>(notes);
    e.choice.weights = notes + m_k;
    e.choice.noted = notes + 2 * m_k;
    e.choice.batch = m_places;
    e.choice.noteStride = m_notes.size(1);
    if (request.steering) {
        const moe::SteeringTerms terms = moe::steeringTerms(*request.steering, layer.index, experts);
        m_steer[slot][0].narrow(0, 0, experts).copy_(terms.bias);
        m_steer[slot][1].narrow(0, 0, experts).copy_(terms.preference);
        e.choice.bias = data<float>(m_steer) + 2 * slot * m_experts;
        e.choice.preference = e.choice.bias + m_experts;
    }
    return e;
}

void DecodePlan::addLayer(const model::Layer& layer, const DecodeRequest& request,
                          const ops::RopeTable& rope) {
    const auto eps = static_cast<float>(m_model.config().normEps);
    const Passed& passed = m_passed[inTurns(m_layers.size(), m_model.layers().size())];
    float *hidden = data<float>(m_lora), *passedHidden = data<float>(passed.hidden);
    LayerPlan plan;
    plan.qkv = linearOf(layer.qkv, m_x, m_qkv, hidden);
    plan.qkv.norm = layer.inputNorm.data_ptr();
    plan.qkv.eps = eps;
    plan.attention = attentionOf(layer, request, rope);
    plan.chain.count = 3;
    auto& [out, gateUp, down] = plan.chain.linears;
    out = linearOf(layer.out, m_attended, passed.middle, passedHidden);
    out.residual = m_x.data_ptr();
    gateUp = linearOf(layer.gateUp, passed.middle, passed.activated, passedHidden);
    gateUp.norm = layer.middleNorm.data_ptr();
    gateUp.eps = eps;
    gateUp.swiglu = true;
    down = linearOf(layer.down, passed.activated, layer.sparse ? m_shared : m_x, passedHidden);
    if (layer.sparse) {
        const at::Tensor& router = m_model.trainable().working(routerOf(layer)->weight());
        gateUp.sides[gateUp.sideCount++] = {router.data_ptr(), router.size(0), data<float>(m_routerLogits)};
        plan.experts = expertsOf(layer, request);
        plan.experts->residual = passed.middle.data_ptr();
    } else {
        down.residual = passed.middle.data_ptr();
    }
    if (m_places == 1) askAhead(plan.attention, out, m_x.element_size());
    if (m_places == 1 && !m_layers.empty() && m_layers.back().experts)
        askAhead(*m_layers.back().experts, plan.qkv, m_x.element_size());
    m_layers.push_back(plan);
}

// Each layer leaves the next one's places empty, the last one the first one's.
void DecodePlan::addExchanges() {
    m_chained = true;
    for (std::size_t i = 0; i < m_layers.size(); ++i) {
        const at::Tensor& next = m_passed[inTurns((i + 1) % m_layers.size(), m_layers.size())].whole;
        m_layers[i].chain.cleared = next.data_ptr();
        m_layers[i].chain.clearedBytes = static_cast<std::int64_t>(next.nbytes());
        m_chained = m_chained && m_layers.size() > 1 &&
                    ops::cudaTable().decode.takesChain(m_element, m_layers[i].chain);
    }

    std::vector<kernels::DecodeExperts*> all;
    for (LayerPlan& layer : m_layers)
        if (layer.experts) all.push_back(&*layer.experts);
    const std::size_t count = all.size();
    const bool equal = std::all_of(all.begin(), all.end(), [&](const kernels::DecodeExperts* e) {
        return e->choice.k == all[0]->choice.k && e->shape.size == all[0]->shape.size;
    });
    if (count < 2 || !equal) return;
    const auto bufferOf = [&](std::size_t i) {
        return static_cast<float*>(m_exchange[static_cast<std::int64_t>(inTurns(i, count))].data_ptr());
    };
    for (std::size_t i = 0; i < count; ++i)
        all[i]->exchange = bufferOf(i), all[i]->cleared = bufferOf((i + 1) % count);
}

}  // namespace caravan::engine::generate
