// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/decode_graph.h"

#include <ATen/Functions.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>

namespace caravan::engine::generate {
namespace {

using ops::checkLaunch;

const cuda::DecodeTable& table() {
    return ops::cudaTable().decode;
}

std::size_t slotOf(std::int64_t pass) {
    return static_cast<std::size_t>(pass % kernels::kRecordSlots);
}

template <class T>
void copyToDevice(const at::Tensor& to, const std::vector<T>& values) {
    to.copy_(at::from_blob(const_cast<T*>(values.data()),
                           {static_cast<std::int64_t>(values.size() * sizeof(T))}, at::kByte));
}

kernels::ChoiceSettings settingsOf(const DeviceSequence& sequence) {
    const SamplerOptions& sampler = sequence.sampler;
    kernels::ChoiceSettings settings;
    settings.temperature = static_cast<float>(sampler.temperature);
    settings.penalty = static_cast<float>(sampler.repetitionPenalty);
    settings.topP = sampler.topP;
    settings.topK = static_cast<std::int32_t>(std::min<std::int64_t>(sampler.topK, 1 << 30));
    settings.alternatives = static_cast<std::int32_t>(sampler.alternatives);
    settings.key = ops::philoxKey({.seed = sequence.seed, .purpose = ops::Purpose::Sampling});
    return settings;
}

}  // namespace

DecodeStream::DecodeStream(model::Model& model) : m_model(model) {
    ops::streamOf(model.embedding());  // makes its device the current one
    checkLaunch("decode stream", table().createStream(&m_stream));
    for (void*& event : m_events)
        checkLaunch("decode event", table().createEvent(&event));
}

DecodeStream::~DecodeStream() {
    finish();
    for (void* event : m_events)
        if (event) table().destroyEvent(event);
    table().destroyStream(m_stream);
}

void DecodeStream::follow() {
    checkLaunch("decode", table().follow(m_stream, ops::streamOf(m_model.embedding())));
}

void DecodeStream::launch(void* graph, std::int64_t pass) {
    checkLaunch("decode", table().launchGraph(graph, m_stream));
    checkLaunch("decode", table().recordEvent(m_events[slotOf(pass)], m_stream));
}

void DecodeStream::await(std::int64_t pass) const {
    checkLaunch("decode", table().awaitEvent(m_events[slotOf(pass)]));
}

void DecodeStream::finish() noexcept {
    table().synchronizeStream(m_stream);
}

DecodeGraph::DecodeGraph(model::Model& model, const DecodeRequest& request, const DecodeStream& stream)
    : m_places(request.places), m_table(request.cache == nullptr), m_plan(model, request) {
    const auto slots = static_cast<std::size_t>(m_places * kernels::kRecordSlots),
               notes = static_cast<std::size_t>(std::max<std::int64_t>(1, m_plan.noteCount()));
    try {
        checkLaunch("decode records", table().allocateHost(&m_records, sizeof(kernels::TokenRecord) * slots));
        checkLaunch("decode notes", table().allocateHost(&m_noted, notes * slots * sizeof(float)));
        m_plan.setRecords(static_cast<kernels::TokenRecord*>(m_records), static_cast<float*>(m_noted));
        capture(stream.get());
    } catch (...) {
        release();
        throw;
    }
}

DecodeGraph::~DecodeGraph() {
    release();
}

void DecodeGraph::release() noexcept {
    if (m_graph) table().destroyGraph(m_graph);
    if (m_noted) table().freeHost(m_noted);
    if (m_records) table().freeHost(m_records);
}

void DecodeGraph::capture(kernels::cuda::Stream stream) {
    checkLaunch("decode capture", table().beginCapture(stream));
    try {
        m_plan.launch(stream);
    } catch (...) {
        table().endCapture(stream, &m_graph);
        throw;
    }
    checkLaunch("decode capture", table().endCapture(stream, &m_graph));
}

void DecodeGraph::upload(std::span<const DeviceSequence> sequences) {
    const auto places = static_cast<std::size_t>(m_places);
    if (sequences.size() > places)
        throw EngineException(ErrorCode::Internal, {{"detail", "more sequences than places"}});
    std::vector<kernels::ChoiceSettings> settings(places);
    std::vector<kernels::TokenState> states(places, {.position = -1, .left = 0});
    std::vector<model::KvCache*> caches(places);
    at::Tensor seen = at::zeros(m_plan.seen.sizes(), at::kByte);
    for (std::size_t i = 0; i < sequences.size(); ++i) {
        const DeviceSequence& sequence = sequences[i];
        settings[i] = settingsOf(sequence);
        caches[i] = sequence.cache;
        if (sequence.tokens > 0)
            states[i] = {.token = sequence.last,
                         .position = static_cast<std::int32_t>(sequence.cache->length()),
                         .index = static_cast<std::int32_t>(sequence.chosen),
                         .left = static_cast<std::int32_t>(sequence.tokens)};
        const auto vocabulary = m_plan.seen.size(1);
        auto* marks = seen.mutable_data_ptr<std::uint8_t>() + static_cast<std::int64_t>(i) * vocabulary;
        for (const TokenId id : sequence.seen)
            if (id >= 0 && id < vocabulary) marks[id] = 1;
    }
    copyToDevice(m_plan.settings, settings);
    copyToDevice(m_plan.state, states);
    m_plan.seen.copy_(seen);
    if (m_table) m_plan.useCaches(caches);
}

SampledToken DecodeGraph::token(std::int64_t place, std::int64_t index) const {
    const std::size_t slot = static_cast<std::size_t>(place * kernels::kRecordSlots) + slotOf(index);
    const auto& record = static_cast<const kernels::TokenRecord*>(m_records)[slot];
    if (record.index != index)
        throw EngineException(ErrorCode::Internal, {{"detail", "a decoded token is not the one expected"}});
    SampledToken sampled{.id = record.id,
                         .logprob = record.logprob,
                         .entropy = record.entropy,
                         .rank = record.rank,
                         .alternatives = {}};
    for (int i = 0; i < record.alternatives; ++i)
        sampled.alternatives.push_back({record.alternativeIds[i], record.alternativeLogprobs[i]});
    return sampled;
}

const float* DecodeGraph::notes(std::int64_t place, std::int64_t index) const {
    const auto slot = place * kernels::kRecordSlots + static_cast<std::int64_t>(slotOf(index));
    return static_cast<const float*>(m_noted) + slot * m_plan.noteCount();
}

}  // namespace caravan::engine::generate
