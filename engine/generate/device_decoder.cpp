// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/device_decoder.h"

namespace caravan::engine::generate {
namespace {

constexpr std::int64_t kAhead = 2;
static_assert(kAhead < kernels::kRecordSlots, "a record is read before its slot is used again");

}  // namespace

bool DeviceDecoder::supports(model::Model& model, const SamplerOptions& sampler) {
    return sampler.alternatives <= kernels::kMostAlternatives && DecodePlan::supports(model);
}

DeviceDecoder::DeviceDecoder(model::Model& model) : m_model(model), m_stream(model) {}

DeviceDecoder::~DeviceDecoder() {
    finish();
}

// A plan and its graph for this cache and these options, or those that are there.
void DeviceDecoder::prepare(const DecodeRequest& request) {
    std::vector<std::int64_t> key = DecodePlan::keyOf(m_model, request);
    if (m_graph && key == m_key) return;
    m_key.clear();
    m_graph.reset();
    m_graph = std::make_unique<DecodeGraph>(m_model, request, m_stream);
    m_key = std::move(key);
}

void DeviceDecoder::start(const Start& start) {
    finish();
    prepare(start.request);
    std::vector<TokenId> seen(start.prompt.begin(), start.prompt.end());
    seen.push_back(start.first);
    const DeviceSequence sequence{.cache = start.request.cache,
                                  .last = start.first,
                                  .sampler = start.sampler,
                                  .seed = start.seed,
                                  .seen = seen,
                                  .tokens = start.tokens};
    m_graph->upload(std::span(&sequence, 1));
    m_launched = m_taken = 0;
    m_wanted = start.tokens;
    m_stream.follow();
    for (std::int64_t i = 0; i < kAhead; ++i)
        launchOne();
}

void DeviceDecoder::launchOne() {
    if (m_launched >= m_wanted) return;
    m_stream.launch(m_graph->get(), ++m_launched);
}

DeviceDecoder::Token DeviceDecoder::next() {
    if (m_taken >= m_launched)
        throw EngineException(ErrorCode::Internal, {{"detail", "no token was asked for"}});
    m_stream.await(++m_taken);
    launchOne();
    // Token number n of a start has index n: the first was chosen before.
    return {m_graph->token(0, m_taken), m_graph->notes(0, m_taken)};
}

void DeviceDecoder::finish() noexcept {
    if (m_launched > m_taken) m_stream.finish();
    m_launched = m_taken = 0;
}

void DeviceDecoder::describe(const Token& token, TokenEvent& event) const {
    m_graph->plan().describe(token.notes, event);
}

}  // namespace caravan::engine::generate
