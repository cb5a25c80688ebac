// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/generator.h"

#include <ATen/Functions.h>

#include <chrono>

#include "engine/generate/sampler.h"
#include "engine/generate/stop_filter.h"
#include "engine/generate/token_routing.h"
#include "engine/ops/ops.h"

namespace caravan::engine::generate {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double uniformFor(std::uint64_t seed, std::int64_t index) {
    const ops::RandomKey key{.seed = seed, .purpose = ops::Purpose::Sampling, .step = index};
    return std::min(1.0 - 1e-9, 0.5 + static_cast<double>(ops::uniformHost({1}, 0.5, key).item<float>()));
}

[[noreturn]] void badOption(const char* key, std::int64_t value, const std::string& range) {
    throw EngineException(ErrorCode::BadOption,
                          {{"key", key}, {"value", std::to_string(value)}, {"range", range}});
}

std::size_t commonPrefix(std::span<const TokenId> a, std::span<const TokenId> b) {
    std::size_t n = 0;
    while (n < a.size() && n < b.size() && a[n] == b[n])
        ++n;
    return n;
}

bool same(const std::vector<SteerExpert>& a, const std::vector<SteerExpert>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const SteerExpert& x, const SteerExpert& y) {
        return x.layer == y.layer && x.expert == y.expert && x.use == y.use && x.bias == y.bias;
    });
}

// Text of an answer as it becomes certain: whole characters, no stop string.
class AnswerText {
  public:
    AnswerText(const Tokenizer& tokenizer, bool atStart, std::vector<std::string> stops)
        : m_decoder(tokenizer, atStart), m_filter(std::move(stops)) {}
    std::string feed(TokenId id) { return kept(m_filter.feed(m_decoder.feed(id))); }
    std::string finish() {
        std::string rest = kept(m_filter.feed(m_decoder.finish()));
        return rest + kept(m_filter.finish());
    }
    [[nodiscard]] bool stopped() const { return m_filter.stopped(); }
    [[nodiscard]] const std::string& text() const { return m_text; }

  private:
    std::string kept(std::string text) {
        m_text += text;
        return text;
    }
    StreamDecoder m_decoder;
    StopFilter m_filter;
    std::string m_text;
};

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

void checkSteering(const GenerateOptions& options, const ModelConfig& config) {
    const std::int64_t experts = config.moe ? config.moe->experts : 0;
    if (options.activeExperts && (*options.activeExperts < 1 || *options.activeExperts > experts))
        badOption("active_experts", *options.activeExperts,
                  experts ? "1 to " + std::to_string(experts) : "a model with experts");
    for (const auto& steer : options.steer) {
        if (steer.expert < 0 || steer.expert >= experts)
            badOption("steer.expert", steer.expert,
                      experts ? "0 to " + std::to_string(experts - 1) : "a model with experts");
        if (steer.layer < -1 || steer.layer >= config.layers)
            badOption("steer.layer", steer.layer, "-1 to " + std::to_string(config.layers - 1));
    }
}

Generator::Generator(model::Model& model, const Tokenizer& tokenizer)
    : m_model(model), m_tokenizer(tokenizer) {}

// Logits [1, V] after the prompt, from the cached turn where the prompt begins like it.
at::Tensor Generator::prefill(std::span<const TokenId> prompt, const model::ForwardOptions& forward) {
    std::size_t reused = 0;
    if (m_cache) {
        // One by one costs more than all at once: only a short rest is appended. The last id is always
        // computed anew.
        reused = std::min(commonPrefix(m_cached, prompt), prompt.size() - 1);
        if (prompt.size() - reused > 32 && prompt.size() - reused > prompt.size() / 16) reused = 0;
    }
    if (reused == 0) m_cache.emplace(m_model.makeCache(static_cast<std::int64_t>(prompt.size()) + 256));
    m_cache->truncate(static_cast<std::int64_t>(reused));
    m_cached.assign(prompt.begin(), prompt.end());
    const at::Tensor hidden = m_model.decode(prompt.subspan(reused), *m_cache, forward);
    return m_model.logits(hidden.narrow(0, hidden.size(0) - 1, 1));
}

GenerateSummary Generator::run(std::span<const TokenId> prompt, const GenerateOptions& options,
                               const TokenFunction& token, std::stop_token stop) {
    const auto start = Clock::now();
    const ModelConfig& config = m_model.config();
    checkSteering(options, config);
    const auto promptTokens = static_cast<std::int64_t>(prompt.size());
    if (prompt.empty()) badOption("prompt", 0, "at least one token: this tokenizer has no bos token");
    if (promptTokens >= config.maxPositions)
        badOption("prompt", promptTokens,
                  "fewer than the model's " + std::to_string(config.maxPositions) + " tokens");
    if (!same(options.steer, m_steer) || options.activeExperts != m_activeExperts) forget();
    m_steer = options.steer;
    m_activeExperts = options.activeExperts;

    const moe::Steering steering{options.steer, options.activeExperts};
    std::vector<moe::LayerRouting> routing;
    const bool noteRouting = options.routing && !m_model.sparseLayers().empty();
    const model::ForwardOptions forward{.steering = steering.none() ? nullptr : &steering,
                                        .routing = noteRouting ? &routing : nullptr};
    Sampler sampler({options.temperature, options.topP, options.topKTokens, options.repetitionPenalty,
                     options.alternatives},
                    static_cast<std::size_t>(config.vocabulary));
    sampler.saw(prompt);
    AnswerText answer(m_tokenizer, options.raw && promptTokens <= 1, options.stop);

    GenerateSummary summary{.promptTokens = promptTokens, .finish = "length"};
    at::Tensor logits = prefill(prompt, forward);
    const std::int64_t limit = std::min(options.maxTokens, config.maxPositions - promptTokens + 1);
    const auto& eos = m_tokenizer.eosIds();
    auto decodeStart = start;
    while (summary.tokens < limit) {
        const at::Tensor row = logits.to(at::kCPU, at::kFloat).contiguous();
        const std::span<const float> values(row.const_data_ptr<float>(),
                                            static_cast<std::size_t>(row.numel()));
        const auto sampled =
            sampler.sample(values, options.temperature > 0 ? uniformFor(options.seed, summary.tokens) : 0);
        if (std::find(eos.begin(), eos.end(), sampled.id) != eos.end()) {
            summary.finish = "eos";
            // The end token is no part of the answer, but what was held back before it is.
            TokenEvent event = makeEvent(sampled, m_tokenizer);
            event.bytes.clear();
            event.text = answer.finish();
            if (noteRouting) describeRouting(routing, event);
            if (token && !event.text.empty()) token(event);
            break;
        }
        if (++summary.tokens == 1) {
            summary.secondsToFirstToken = secondsSince(start);
            decodeStart = Clock::now();
        }
        TokenEvent event = makeEvent(sampled, m_tokenizer);
        if (noteRouting) describeRouting(routing, event);
        event.text = answer.feed(sampled.id);
        const bool last = answer.stopped() || summary.tokens == limit || stop.stop_requested();
        if (last) event.text += answer.finish();
        if (token) token(event);
        if (answer.stopped()) {
            summary.finish = "stop";
            break;
        }
        if (stop.stop_requested()) {  // maybe by the callback
            summary.finish = "cancelled";
            break;
        }
        if (last) break;
        sampler.saw(std::span(&sampled.id, 1));
        routing.clear();
        const at::Tensor hidden = m_model.decode(std::span(&sampled.id, 1), *m_cache, forward);
        m_cached.push_back(sampled.id);
        logits = m_model.logits(hidden);
    }
    summary.text = answer.text();
    const double seconds = secondsSince(decodeStart);
    summary.tokensPerSecond =
        summary.tokens > 1 && seconds > 0 ? static_cast<double>(summary.tokens - 1) / seconds : 0;
    return summary;
}

}  // namespace caravan::engine::generate
