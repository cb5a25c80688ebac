// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/batch_decoder.h"

#include <algorithm>
#include <bit>

#include "engine/api/answer_batch.h"

namespace caravan::engine::generate {
namespace {

constexpr std::int64_t kAhead = 2;
static_assert(kAhead < kernels::kRecordSlots, "a record is read before its slot is used again");
static_assert(kMostTogether == kernels::kDecodeBatch);

}  // namespace

BatchDecoder::BatchDecoder(model::Model& model, const Options& options)
    : m_model(model), m_options(options), m_stream(model) {}

BatchDecoder::~BatchDecoder() {
    m_stream.finish();  // the graphs go before the stream
}

// The smallest that seats so many.
DecodeGraph& BatchDecoder::graphOf(std::int64_t sequences) {
    const auto size = std::bit_width(static_cast<std::uint64_t>(sequences - 1));
    Kind& kind = m_kinds[static_cast<std::size_t>(size)];
    const DecodeRequest request{.steering = m_options.steering,
                                .routing = m_options.routing,
                                .places = std::int64_t{1} << size,
                                .positions = m_options.positions};
    std::vector<std::int64_t> key = DecodePlan::keyOf(m_model, request);
    if (kind.graph && kind.key == key) return *kind.graph;
    kind.graph.reset();
    kind.graph = std::make_unique<DecodeGraph>(m_model, request, m_stream);
    kind.key = std::move(key);
    return *kind.graph;
}

void BatchDecoder::seat(std::span<const DeviceSequence> sequences) {
    if (underWay() > 0 || sequences.empty() || std::ssize(sequences) > kMostTogether)
        throw EngineException(ErrorCode::Internal, {{"detail", "places are not free"}});
    m_graph = nullptr;
    DecodeGraph& graph = graphOf(std::ssize(sequences));
    graph.upload(sequences);
    m_graph = &graph;
    m_seats.clear();
    m_wanted = 0;
    for (const DeviceSequence& sequence : sequences) {
        m_seats.push_back({sequence.chosen, sequence.tokens});
        m_wanted = std::max(m_wanted, sequence.tokens);
    }
    m_launched = m_taken = 0;
    m_held = false;
    m_stream.follow();
    for (std::int64_t i = 0; i < kAhead; ++i)
        launchOne();
}

void BatchDecoder::launchOne() {
    if (m_held || m_launched >= m_wanted) return;
    m_stream.launch(m_graph->get(), ++m_launched);
}

std::vector<std::optional<BatchDecoder::Token>> BatchDecoder::next() {
    if (underWay() == 0) throw EngineException(ErrorCode::Internal, {{"detail", "no token was asked for"}});
    const std::int64_t pass = m_taken++;
    m_stream.await(pass + 1);
    launchOne();
    std::vector<std::optional<Token>> tokens(m_seats.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (pass >= m_seats[i].tokens) continue;
        const auto place = static_cast<std::int64_t>(i), index = m_seats[i].chosen + pass;
        tokens[i] = Token{m_graph->token(place, index), m_graph->notes(place, index)};
    }
    return tokens;
}

void BatchDecoder::describe(const Token& token, TokenEvent& event) const {
    m_graph->plan().describe(token.notes, event);
}

}  // namespace caravan::engine::generate
