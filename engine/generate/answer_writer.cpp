// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/answer_writer.h"

#include <algorithm>

namespace caravan::engine::generate {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

TokenEvent makeEvent(const SampledToken& sampled, const Tokenizer& tokenizer) {
    TokenEvent event;
    event.id = sampled.id;
    event.bytes = tokenizer.piece(sampled.id);
    event.logprob = sampled.logprob;
    event.entropy = sampled.entropy;
    event.rank = sampled.rank;
    for (const auto& alternative : sampled.alternatives)
        event.alternatives.push_back(
            {alternative.id, tokenizer.pieceName(alternative.id), alternative.logprob});
    return event;
}

}  // namespace

std::int64_t answerLimit(const GenerateOptions& options, std::int64_t promptTokens,
                         const ModelConfig& config) {
    return std::min(options.maxTokens, config.maxPositions - promptTokens + 1);
}

AnswerWriter::AnswerWriter(const Tokenizer& tokenizer, const GenerateOptions& options, const Asked& asked)
    : m_tokenizer(tokenizer),
      m_asked(asked),
      m_decoder(tokenizer, options.raw && asked.promptTokens <= 1),
      m_filter(options.stop),
      m_summary{.promptTokens = asked.promptTokens, .finish = "length"},
      m_decodeStart(asked.start),
      m_end(asked.start),
      m_open(asked.limit > 0) {}

void AnswerWriter::take(const SampledToken& sampled, const std::function<void(TokenEvent&)>& describe,
                        const TokenFunction& token, const std::stop_token& stop) {
    TokenEvent event = makeEvent(sampled, m_tokenizer);
    describe(event);
    if (ends(sampled.id)) {
        // The end token is no part of the answer, but what was held back before it is.
        event.bytes.clear();
        event.text = finish();
        if (token && !event.text.empty()) token(event);
        return close("eos");
    }
    if (++m_summary.tokens == 1) {
        m_decodeStart = Clock::now();
        m_summary.secondsToFirstToken = seconds(m_asked.start, m_decodeStart);
    }
    event.text = feed(sampled.id);
    const bool last = m_filter.stopped() || m_summary.tokens == m_asked.limit || stop.stop_requested();
    if (last) event.text += finish();
    if (token) token(event);
    if (m_filter.stopped()) return close("stop");
    if (stop.stop_requested()) return close("cancelled");
    if (last) close("length");
}

GenerateSummary AnswerWriter::summary() const {
    GenerateSummary summary = m_summary;
    const double spent = seconds(m_decodeStart, m_open ? Clock::now() : m_end);
    if (summary.tokens > 1 && spent > 0)
        summary.tokensPerSecond = static_cast<double>(summary.tokens - 1) / spent;
    return summary;
}

std::string AnswerWriter::feed(TokenId id) {
    std::string text = m_filter.feed(m_decoder.feed(id));
    m_summary.text += text;
    return text;
}

std::string AnswerWriter::finish() {
    std::string rest = m_filter.feed(m_decoder.finish());
    rest += m_filter.finish();
    m_summary.text += rest;
    return rest;
}

bool AnswerWriter::ends(TokenId id) const {
    const auto& eos = m_tokenizer.eosIds();
    return std::find(eos.begin(), eos.end(), id) != eos.end();
}

void AnswerWriter::close(const char* finish) {
    m_open = false;
    m_end = Clock::now();
    m_summary.finish = finish;
}

}  // namespace caravan::engine::generate
