// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/device_decoder.h"

#include <ATen/Functions.h>
#include <ATen/ops/from_blob.h>

#include <array>
#include <cmath>

namespace caravan::engine::generate {
namespace {

using ops::checkLaunch;
constexpr std::int64_t kAhead = 2, kMostProbabilities = 1024;
static_assert(kAhead < kernels::kRecordSlots, "a record is read before its slot is used again");

const cuda::DecodeTable& table() {
    return ops::cudaTable().decode;
}

template <class T>
void copyToDevice(const at::Tensor& to, const T& value) {
    to.copy_(at::from_blob(const_cast<T*>(&value), {static_cast<std::int64_t>(sizeof(T))}, at::kByte));
}

}  // namespace

struct DeviceDecoder::Resources {
    kernels::cuda::Stream stream = nullptr;
    void* graph = nullptr;
    std::array<void*, kernels::kRecordSlots> events{};
    void *records = nullptr, *noted = nullptr;

    Resources() {
        checkLaunch("decode stream", table().createStream(&stream));
        for (void*& event : events)
            checkLaunch("decode event", table().createEvent(&event));
        checkLaunch("decode records",
                    table().allocateHost(&records, sizeof(kernels::TokenRecord) * kernels::kRecordSlots));
    }
    ~Resources() {
        table().synchronizeStream(stream);
        if (graph) table().destroyGraph(graph);
        for (void* event : events)
            if (event) table().destroyEvent(event);
        if (noted) table().freeHost(noted);
        if (records) table().freeHost(records);
        table().destroyStream(stream);
    }
    void capture(const DecodePlan& plan) {
        if (graph) table().destroyGraph(graph);
        graph = nullptr;
        checkLaunch("decode capture", table().beginCapture(stream));
        try {
            plan.launch(stream);
        } catch (...) {
            table().endCapture(stream, &graph);
            throw;
        }
        checkLaunch("decode capture", table().endCapture(stream, &graph));
    }
};

bool DeviceDecoder::supports(model::Model& model, const SamplerOptions& sampler) {
    return sampler.alternatives <= kernels::kMostAlternatives && DecodePlan::supports(model);
}

DeviceDecoder::DeviceDecoder(model::Model& model) : m_model(model) {
    ops::streamOf(model.embedding());  // makes its device the current one
    m_resources = std::make_unique<Resources>();
}

DeviceDecoder::~DeviceDecoder() {
    finish();
}

// A plan and its graph for this cache and these options, or those that are there.
void DeviceDecoder::prepare(const DecodeRequest& request) {
    std::vector<std::int64_t> key = DecodePlan::keyOf(m_model, request);
    if (m_plan && key == m_key) return;
    m_key.clear();
    m_plan = std::make_unique<DecodePlan>(m_model, request);
    if (m_resources->noted) table().freeHost(m_resources->noted);
    m_resources->noted = nullptr;
    const auto notes = static_cast<std::size_t>(std::max<std::int64_t>(1, m_plan->noteCount()));
    checkLaunch("decode notes",
                table().allocateHost(&m_resources->noted, notes * kernels::kRecordSlots * sizeof(float)));
    m_plan->setRecords(static_cast<kernels::TokenRecord*>(m_resources->records),
                       static_cast<float*>(m_resources->noted));
    m_resources->capture(*m_plan);
    m_key = std::move(key);
}

void DeviceDecoder::upload(const Start& start) {
    const SamplerOptions& sampler = start.sampler;
    kernels::ChoiceSettings settings;
    settings.temperature = static_cast<float>(sampler.temperature);
    settings.penalty = static_cast<float>(sampler.repetitionPenalty);
    settings.topP = sampler.topP;
    settings.topK = static_cast<std::int32_t>(std::min<std::int64_t>(sampler.topK, 1 << 30));
    settings.alternatives = static_cast<std::int32_t>(sampler.alternatives);
    settings.key = ops::philoxKey({.seed = start.seed, .purpose = ops::Purpose::Sampling});
    copyToDevice(m_plan->settings, settings);
    copyToDevice(m_plan->state,
                 kernels::TokenState{.token = start.first,
                                     .position = static_cast<std::int32_t>(start.request.cache->length()),
                                     .index = 1});
    at::Tensor seen = at::zeros({m_plan->seen.numel()}, at::kByte);
    auto* marks = seen.mutable_data_ptr<std::uint8_t>();
    const auto mark = [&](TokenId id) {
        if (id >= 0 && id < seen.numel()) marks[id] = 1;
    };
    for (const TokenId id : start.prompt)
        mark(id);
    mark(start.first);
    m_plan->seen.copy_(seen);
}

void DeviceDecoder::start(const Start& start) {
    finish();
    prepare(start.request);
    upload(start);
    m_launched = m_taken = 0;
    m_wanted = start.tokens;
    checkLaunch("decode", table().follow(m_resources->stream, ops::streamOf(m_model.embedding())));
    for (std::int64_t i = 0; i < kAhead; ++i)
        launchOne();
}

void DeviceDecoder::launchOne() {
    if (m_launched >= m_wanted) return;
    checkLaunch("decode", table().launchGraph(m_resources->graph, m_resources->stream));
    // Token number n of a start has index n + 1: the first was chosen before.
    const auto slot = static_cast<std::size_t>((m_launched + 1) % kernels::kRecordSlots);
    checkLaunch("decode", table().recordEvent(m_resources->events[slot], m_resources->stream));
    ++m_launched;
}

DeviceDecoder::Token DeviceDecoder::next() {
    if (m_taken >= m_launched)
        throw EngineException(ErrorCode::Internal, {{"detail", "no token was asked for"}});
    const auto slot = static_cast<std::size_t>(++m_taken % kernels::kRecordSlots);
    checkLaunch("decode", table().awaitEvent(m_resources->events[slot]));
    launchOne();
    const auto& record = static_cast<const kernels::TokenRecord*>(m_resources->records)[slot];
    if (record.index != m_taken)
        throw EngineException(ErrorCode::Internal, {{"detail", "a decoded token is not the one expected"}});
    Token token;
    token.sampled = {.id = record.id,
                     .logprob = record.logprob,
                     .entropy = record.entropy,
                     .rank = record.rank,
                     .alternatives = {}};
    for (int i = 0; i < record.alternatives; ++i)
        token.sampled.alternatives.push_back({record.alternativeIds[i], record.alternativeLogprobs[i]});
    token.notes = static_cast<const float*>(m_resources->noted) +
                  static_cast<std::ptrdiff_t>(slot) * m_plan->noteCount();
    return token;
}

void DeviceDecoder::finish() noexcept {
    if (m_launched > m_taken) table().synchronizeStream(m_resources->stream);
    m_launched = m_taken = 0;
}

void DeviceDecoder::describe(const Token& token, TokenEvent& event) const {
    if (m_plan->noteCount() == 0) return;
    const std::int64_t k = m_plan->choices(), experts = m_plan->experts();
    const auto& layers = m_model.sparseLayers();
    const bool full = static_cast<std::int64_t>(layers.size()) * experts <= kMostProbabilities;
    const float* at = token.notes;
    for (const std::int64_t layer : layers) {
        event.layers.push_back(layer);
        const auto* chosen = reinterpret_cast<const std::int32_t*>(at);
        event.experts.emplace_back(chosen, chosen + k);
        event.weights.emplace_back(at + k, at + 2 * k);
        const float* logits = at + 2 * k;
        at = logits + experts;
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

}  // namespace caravan::engine::generate
