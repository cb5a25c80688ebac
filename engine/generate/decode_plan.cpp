// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/decode_plan.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

#include "engine/generate/decode_parts.h"

namespace caravan::engine::generate {
namespace {

using ops::checkLaunch;
using ops::data;
constexpr std::int64_t kCountersPerLayer = 4, kMostHeadSize = 256, kMostProbabilities = 1024;

bool partsKnown(const model::FrozenLinear& frozen) {
    for (std::size_t i = 0; i < frozen.parts(); ++i)
        if (!frozen.nf4(i) && !frozen.joined().defined()) return false;
    return frozen.parts() <= kernels::kDecodeParts;
}

std::int64_t addressOf(const at::Tensor& x) {
    return x.defined() ? static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(x.data_ptr())) : 0;
}
std::int64_t positionsOf(const DecodeRequest& request) {
    return request.cache ? request.cache->capacity() : request.positions;
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
    m_qkv = at::zeros({m_places, config.queryWidth() + 2 * config.keyWidth()}, elements);
    m_attended = at::zeros({m_places, config.queryWidth()}, elements);
    m_shared = at::zeros({m_places, config.hidden}, elements);
    std::int64_t ranks = 1, passedRanks = 1, size = 1;
    const auto rankOf = [](const model::AdaptedLinear& linear) {
        std::int64_t sum = 0;
        for (const auto& part : linear.lora)
            sum += part ? part->rank : 0;
        return sum;
    };
    for (const model::Layer& layer : m_model.layers()) {
        ranks = std::max(ranks, rankOf(layer.qkv));
        passedRanks = std::max(passedRanks, rankOf(layer.out) + rankOf(layer.gateUp) + rankOf(layer.down));
        if (layer.sparse)
            size = std::max(size, m_model.trainable().working(adaptersOf(layer)->down()).size(1));
    }
    m_lora = at::zeros({m_places * ranks}, floats);
    for (Passed& passed : m_passed) {
        const std::int64_t widths[] = {config.hidden * m_x.element_size(),
                                       config.intermediate * m_x.element_size(),
                                       passedRanks * static_cast<std::int64_t>(sizeof(float))};
        std::int64_t begins[] = {0, 0, 0, 0};
        for (int i = 0; i < 3; ++i)
            begins[i + 1] = (begins[i] + m_places * widths[i] + 127) / 128 * 128;
        passed.whole = at::full({begins[3]}, 255, bytes);
        const auto part = [&](int i, at::ScalarType type) {
            return passed.whole.narrow(0, begins[i], m_places * widths[i]).view(type).view({m_places, -1});
        };
        passed.middle = part(0, m_model.compute());
        passed.activated = part(1, m_model.compute());
        passed.hidden = part(2, at::kFloat);
    }
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
    const auto linear = [&](const kernels::DecodeLinear& l) {
        if (stages & Linears) checkLaunch("decodeLinear", table.linear(m_element, l, stream));
    };
    checkLaunch("beginToken", table.beginToken(m_element, m_choice.state, m_places,
                                               m_model.embedding().data_ptr(), m_x.size(1), m_x.data_ptr(),
                                               data<std::uint32_t>(m_counters), m_counters.numel(), stream));
    for (const LayerPlan& layer : m_layers) {
        linear(layer.qkv);
        if (stages & Attention)
            checkLaunch("splitAttention", table.attention(m_element, layer.attention, stream));
        if (m_chained && (stages & Linears))
            checkLaunch("decodeChain", table.chain(m_element, layer.chain, stream));
        for (std::int32_t i = 0; i < (m_chained ? 0 : layer.chain.count); ++i)
            linear(layer.chain.linears[i]);
        if (layer.experts && (stages & Experts))
            checkLaunch("decodeExperts", table.experts(m_element, *layer.experts, stream));
    }
    if (stages & Head) checkLaunch("decodeHead", table.head(m_element, m_head, stream));
    if (stages & Choice) checkLaunch("chooseToken", table.chooseToken(m_choice, stream));
}

}  // namespace caravan::engine::generate
