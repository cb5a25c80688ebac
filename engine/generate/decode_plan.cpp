// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/decode_plan.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

#include "engine/moe/expert_body.h"
#include "engine/moe/router.h"

namespace caravan::engine::generate {
namespace {

using ops::checkLaunch;
using ops::data;
constexpr std::int64_t kCountersPerLayer = 4, kMostHeadSize = 256, kMostProbabilities = 1024;

const moe::LinearRouter* routerOf(const model::Layer& layer) {
    return dynamic_cast<const moe::LinearRouter*>(layer.sparse->router.get());
}
const moe::SerialAdapters* adaptersOf(const model::Layer& layer) {
    return dynamic_cast<const moe::SerialAdapters*>(layer.sparse->body.get());
}
std::int64_t choicesOf(const model::Layer& layer, const moe::Steering* steering) {
    if (!steering || !steering->activeExperts) return layer.sparse->topK;
    return std::clamp<std::int64_t>(*steering->activeExperts, 1, layer.sparse->experts);
}

bool partsKnown(const model::FrozenLinear& frozen) {
    for (std::size_t i = 0; i < frozen.parts(); ++i)
        if (!frozen.nf4(i) && !frozen.joined().defined()) return false;
    return frozen.parts() <= kernels::kDecodeParts;
}

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

std::int64_t addressOf(const at::Tensor& x) {
    return x.defined() ? static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(x.data_ptr())) : 0;
}
std::int64_t positionsOf(const DecodeRequest& request) {
    return request.cache ? request.cache->capacity() : request.positions;
}

// Element `offset` of a tensor.
const void* at_(const at::Tensor& x, std::int64_t offset) {
    return static_cast<const char*>(x.data_ptr()) + offset * static_cast<std::int64_t>(x.element_size());
}

}  // namespace

bool DecodePlan::supports(model::Model& model) {
    const ModelConfig& config = model.config();
    if (!model.device().is_cuda() || (model.compute() != at::kFloat && model.compute() != at::kBFloat16))
        return false;
    if (config.headSize > kMostHeadSize || config.headSize % 2 != 0) return false;
    for (const model::Layer& layer : model.layers()) {
        for (const model::AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down})
            if (!partsKnown(linear->frozen)) return false;
        if (!layer.sparse) continue;
        if (!routerOf(layer) || !adaptersOf(layer) || layer.sparse->topK > kernels::kDecodeChoices ||
            layer.sparse->experts > 256)
            return false;
    }
    return true;
}

std::vector<std::int64_t> DecodePlan::keyOf(model::Model& model, const DecodeRequest& request) {
    const std::int64_t last = model.config().layers - 1;
    std::vector<std::int64_t> key{request.routing, request.places,
                                  addressOf(model.ropeTable(positionsOf(request)).cos), model.hasLora(),
                                  static_cast<std::int64_t>(model.sparseLayers().size())};
    if (request.cache)
        key.insert(key.end(), {request.cache->capacity(), addressOf(request.cache->keys(0)),
                               addressOf(request.cache->values(last))});
    if (!model.trainable().empty()) key.push_back(addressOf(model.trainable().working(0)));
    if (request.steering) {
        key.push_back(request.steering->activeExperts.value_or(-1));
        for (const SteerExpert& steer : request.steering->experts)
            key.insert(key.end(), {steer.layer, steer.expert, static_cast<std::int64_t>(steer.use),
                                   static_cast<std::int64_t>(steer.bias * 1e6)});
    }
    return key;
}

DecodePlan::DecodePlan(model::Model& model, const DecodeRequest& request)
    : m_model(model),
      m_element(model.compute() == at::kBFloat16 ? kernels::cuda::Element::BF16
                                                 : kernels::cuda::Element::F32),
      m_routing(request.routing && !model.sparseLayers().empty()),
      m_places(request.places) {
    if (m_places < 1 || m_places > kernels::kDecodeBatch || (request.cache && m_places != 1))
        throw EngineException(ErrorCode::Internal, {{"detail", "a decoding plan that cannot be"}});
    for (const model::Layer& layer : model.layers()) {
        if (!layer.sparse) continue;
        m_k = std::max(m_k, choicesOf(layer, request.steering));
        m_experts = std::max(m_experts, layer.sparse->experts);
    }
    if (m_k > kernels::kDecodeChoices)
        throw EngineException(ErrorCode::BadOption,
                              {{"key", "active_experts"},
                               {"value", std::to_string(m_k)},
                               {"range", "at most " + std::to_string(kernels::kDecodeChoices)}});
    allocate(request);
    const ops::RopeTable& rope = model.ropeTable(positionsOf(request));
    for (const model::Layer& layer : model.layers())
        addLayer(layer, request, rope);
    addExchanges();
    addEnds();
}

void DecodePlan::allocate(const DecodeRequest& request) {
    const ModelConfig& config = m_model.config();
    const auto elements = at::TensorOptions().device(m_model.device()).dtype(m_model.compute());
    const auto floats = elements.dtype(at::kFloat), integers = elements.dtype(at::kInt),
               bytes = elements.dtype(at::kByte);
    const auto slots = static_cast<std::int64_t>(m_model.sparseLayers().size());
    m_x = at::zeros({m_places, config.hidden}, elements);
    m_middle = at::zeros({m_places, config.hidden}, elements);
    m_qkv = at::zeros({m_places, config.queryWidth() + 2 * config.keyWidth()}, elements);
    m_attended = at::zeros({m_places, config.queryWidth()}, elements);
    m_activated = at::zeros({m_places, config.intermediate}, elements);
    m_shared = at::zeros({m_places, config.hidden}, elements);
    std::int64_t ranks = 1, size = 1;
    for (const model::Layer& layer : m_model.layers()) {
        for (const model::AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down}) {
            std::int64_t sum = 0;
            for (const auto& part : linear->lora)
                sum += part ? part->rank : 0;
            ranks = std::max(ranks, sum);
        }
        if (layer.sparse)
            size = std::max(size, m_model.trainable().working(adaptersOf(layer)->down()).size(1));
    }
    m_lora = at::zeros({m_places * ranks}, floats);
    m_routerLogits = at::zeros({m_places, std::max<std::int64_t>(1, m_experts)}, floats);
    m_hidden = at::zeros({m_places, std::max<std::int64_t>(1, m_k * size)}, floats);
    if (slots > 1) m_exchange = at::full({3, m_hidden.numel()}, -1, integers);
    m_notes = at::zeros({m_places, slots * (2 * m_k + m_experts)}, floats);
    m_steer = at::zeros({slots, 2, std::max<std::int64_t>(1, m_experts)}, floats);
    // Blocks of one key head each: about four for every multiprocessor of a large card.
    m_splits = std::clamp<std::int64_t>(512 / config.kvHeads, 1, 32);
    m_partial = at::zeros({m_places, config.heads * m_splits * (config.headSize + 2)}, floats);
    m_logits = at::zeros({m_places, config.vocabulary}, floats);
    m_mass = at::zeros({m_places, config.vocabulary}, floats);
    m_counters = at::zeros({kCountersPerLayer * config.layers}, integers);
    m_arrived = at::zeros({m_places, config.heads}, integers);
    if (!request.cache) m_caches = at::zeros({config.layers, 2, m_places}, elements.dtype(at::kLong));
    state = at::zeros({m_places * static_cast<std::int64_t>(sizeof(kernels::TokenState))}, bytes);
    settings = at::zeros({m_places * static_cast<std::int64_t>(sizeof(kernels::ChoiceSettings))}, bytes);
    seen = at::zeros({m_places, config.vocabulary}, bytes);
}

kernels::DecodeLinear DecodePlan::linearOf(const model::AdaptedLinear& linear, const at::Tensor& input,
                                           const at::Tensor& output) {
    kernels::DecodeLinear l;
    l.inner = linear.frozen.in();
    l.batch = m_places;
    l.input = input.data_ptr();
    l.out = output.data_ptr();
    l.outStride = output.size(1);
    l.partCount = static_cast<std::int32_t>(linear.frozen.parts());
    l.arrived = data<std::uint32_t>(m_counters) + m_usedCounters++;
    std::int64_t rank = 0;
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
        part.loraHidden = data<float>(m_lora) + m_places * rank;
        part.rank = lora.rank;
        part.scale = static_cast<float>(lora.scale);
        l.sides[l.sideCount++] = {m_model.trainable().working(lora.a).data_ptr(), lora.rank,
                                  data<float>(m_lora) + m_places * rank};
        rank += lora.rank;
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
    e.residual = m_middle.data_ptr();
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

void DecodePlan::addLayer(const model::Layer& layer, const DecodeRequest& request,
                          const ops::RopeTable& rope) {
    const auto eps = static_cast<float>(m_model.config().normEps);
    LayerPlan plan;
    plan.qkv = linearOf(layer.qkv, m_x, m_qkv);
    plan.qkv.norm = layer.inputNorm.data_ptr();
    plan.qkv.eps = eps;
    plan.attention = attentionOf(layer, request, rope);
    plan.out = linearOf(layer.out, m_attended, m_middle);
    plan.out.residual = m_x.data_ptr();
    plan.gateUp = linearOf(layer.gateUp, m_middle, m_activated);
    plan.gateUp.norm = layer.middleNorm.data_ptr();
    plan.gateUp.eps = eps;
    plan.gateUp.swiglu = true;
    plan.down = linearOf(layer.down, m_activated, layer.sparse ? m_shared : m_x);
    if (layer.sparse) {
        const at::Tensor& router = m_model.trainable().working(routerOf(layer)->weight());
        plan.gateUp.sides[plan.gateUp.sideCount++] = {router.data_ptr(), router.size(0),
                                                      data<float>(m_routerLogits)};
        plan.experts = expertsOf(layer, request);
    } else {
        plan.down.residual = m_middle.data_ptr();
    }
    const auto elementSize = static_cast<std::int64_t>(m_x.element_size());
    if (m_places == 1) askAhead(plan.attention, plan.out, elementSize);
    if (m_places == 1 && !m_layers.empty() && m_layers.back().experts)
        askAhead(*m_layers.back().experts, plan.qkv, elementSize);
    m_layers.push_back(plan);
}

// Each layer leaves the next one's exchange empty, the last one the first one's: in turns, a third where
// their number is odd.
void DecodePlan::addExchanges() {
    std::vector<kernels::DecodeExperts*> all;
    for (LayerPlan& layer : m_layers)
        if (layer.experts) all.push_back(&*layer.experts);
    const std::size_t count = all.size();
    const bool equal = std::all_of(all.begin(), all.end(), [&](const kernels::DecodeExperts* e) {
        return e->choice.k == all[0]->choice.k && e->shape.size == all[0]->shape.size;
    });
    if (count < 2 || !equal) return;
    const auto bufferOf = [&](std::size_t i) {
        const std::size_t which = i + 1 == count && count % 2 == 1 ? 2 : i % 2;
        return static_cast<float*>(m_exchange[static_cast<std::int64_t>(which)].data_ptr());
    };
    for (std::size_t i = 0; i < count; ++i)
        all[i]->exchange = bufferOf(i), all[i]->cleared = bufferOf((i + 1) % count);
}

void DecodePlan::addEnds() {
    const ModelConfig& config = m_model.config();
    m_head.inner = config.hidden;
    m_head.batch = m_places;
    m_head.input = m_x.data_ptr();
    m_head.norm = m_model.finalNorm().data_ptr();
    m_head.eps = static_cast<float>(config.normEps);
    m_head.partCount = 1;
    m_head.parts[0].rows = config.vocabulary;
    m_head.parts[0].dense = m_model.head().data_ptr();
    m_head.wide = true;
    m_head.out = m_logits.data_ptr();
    m_head.outStride = config.vocabulary;
    m_choice.logits = data<float>(m_logits);
    m_choice.vocabulary = config.vocabulary;
    m_choice.batch = m_places;
    m_choice.seen = data<std::uint8_t>(seen);
    m_choice.mass = data<float>(m_mass);
    m_choice.settings = reinterpret_cast<const kernels::ChoiceSettings*>(settings.data_ptr());
    m_choice.state = reinterpret_cast<kernels::TokenState*>(state.data_ptr());
    m_choice.notes = data<float>(m_notes);
    m_choice.noteCount = noteCount();
}

void DecodePlan::setRecords(kernels::TokenRecord* records, float* noted) {
    m_choice.records = records;
    m_choice.noted = noted;
}

void DecodePlan::useCaches(std::span<model::KvCache* const> caches) {
    at::Tensor addresses = at::zeros(m_caches.sizes(), at::kLong);
    auto rows = addresses.accessor<std::int64_t, 3>();
    for (std::int64_t layer = 0; layer < m_model.config().layers; ++layer)
        for (std::int64_t place = 0; place < std::min(m_places, std::ssize(caches)); ++place)
            if (model::KvCache* cache = caches[static_cast<std::size_t>(place)]) {
                rows[layer][0][place] = addressOf(cache->keys(layer));
                rows[layer][1][place] = addressOf(cache->values(layer));
            }
    m_caches.copy_(addresses);
}

void DecodePlan::describe(const float* notes, TokenEvent& event) const {
    if (noteCount() == 0) return;
    const auto& layers = m_model.sparseLayers();
    const bool full = static_cast<std::int64_t>(layers.size()) * m_experts <= kMostProbabilities;
    const float* at = notes;
    for (const std::int64_t layer : layers) {
        event.layers.push_back(layer);
        const auto* chosen = reinterpret_cast<const std::int32_t*>(at);
        event.experts.emplace_back(chosen, chosen + m_k);
        event.weights.emplace_back(at + m_k, at + 2 * m_k);
        const float* logits = at + 2 * m_k;
        at = logits + m_experts;
        if (!full) continue;
        auto& probabilities = event.probabilities.emplace_back(logits, at);
        const float top = *std::max_element(probabilities.begin(), probabilities.end());
        float sum = 0;
        for (float& value : probabilities)
            sum += value = std::exp(value - top);
        for (float& value : probabilities)
            value /= sum;
    }
}

void DecodePlan::launch(kernels::cuda::Stream stream, unsigned stages) const {
    const cuda::DecodeTable& table = ops::cudaTable().decode;
    const auto linear = [&](const kernels::DecodeLinear& l, unsigned stage) {
        if (stages & stage) checkLaunch("decodeLinear", table.linear(m_element, l, stream));
    };
    checkLaunch("beginToken", table.beginToken(m_element, m_choice.state, m_places,
                                               m_model.embedding().data_ptr(), m_x.size(1), m_x.data_ptr(),
                                               data<std::uint32_t>(m_counters), m_counters.numel(), stream));
    for (const LayerPlan& layer : m_layers) {
        linear(layer.qkv, Linears);
        if (stages & Attention)
            checkLaunch("splitAttention", table.attention(m_element, layer.attention, stream));
        linear(layer.out, Linears);
        linear(layer.gateUp, Linears);
        linear(layer.down, Linears);
        if (layer.experts && (stages & Experts))
            checkLaunch("decodeExperts", table.experts(m_element, *layer.experts, stream));
    }
    if (stages & Head) checkLaunch("decodeHead", table.head(m_element, m_head, stream));
    if (stages & Choice) checkLaunch("chooseToken", table.chooseToken(m_choice, stream));
}

}  // namespace caravan::engine::generate
