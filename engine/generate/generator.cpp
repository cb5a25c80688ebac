// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/generator.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <chrono>

#include "engine/generate/answer_writer.h"
#include "engine/generate/sampler.h"
#include "engine/generate/token_source.h"
#include "engine/ops/ops.h"

namespace caravan::engine::generate {
namespace {

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

// Of one sparse layer: with k experts at work, at least k may be chosen and at most k must be.
void checkLayer(const GenerateOptions& options, std::int64_t layer, std::int64_t experts, std::int64_t k) {
    std::vector<SteerExpert::Use> uses(static_cast<std::size_t>(experts), SteerExpert::Use::Normal);
    for (const auto& steer : options.steer)
        if ((steer.layer == -1 || steer.layer == layer) && steer.use != SteerExpert::Use::Normal)
            uses[static_cast<std::size_t>(steer.expert)] = steer.use;
    const std::int64_t left = experts - std::count(uses.begin(), uses.end(), SteerExpert::Use::Mute);
    const std::int64_t forced = std::count(uses.begin(), uses.end(), SteerExpert::Use::Force);
    const std::string place = " experts in layer " + std::to_string(layer);
    if (left < k)
        throw EngineException(
            ErrorCode::BadOption,
            {{"key", "steer.mute"},
             {"value", std::to_string(experts - left) + " of " + std::to_string(experts) + place},
             {"range", "at most " + std::to_string(experts - k) + " while " + std::to_string(k) +
                           " are active: mute fewer or activate fewer"}});
    if (forced > k)
        throw EngineException(
            ErrorCode::BadOption,
            {{"key", "steer.force"},
             {"value", std::to_string(forced) + place},
             {"range", "at most the " + std::to_string(k) + " active ones: force fewer or activate more"}});
}
}  // namespace

bool sameSteering(const std::vector<SteerExpert>& a, const std::vector<SteerExpert>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const SteerExpert& x, const SteerExpert& y) {
        return x.layer == y.layer && x.expert == y.expert && x.use == y.use && x.bias == y.bias;
    });
}

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
    if (!config.moe || options.steer.empty()) return;
    for (const std::int64_t layer : config.moe->layers)
        checkLayer(options, layer, experts, options.activeExperts.value_or(config.moe->topK));
}

Generator::Generator(model::Model& model, const Tokenizer& tokenizer)
    : m_model(model), m_tokenizer(tokenizer) {}

Generator::~Generator() = default;

void Generator::forget() {
    m_cache.reset();
}

// Logits [1, V] after the prompt, from the cached turn where the prompt begins like it.
at::Tensor Generator::prefill(std::span<const TokenId> prompt, const model::ForwardOptions& forward,
                              std::int64_t room) {
    std::size_t reused = 0;
    if (m_cache) {
        // One by one costs more than all at once: only a short rest is appended. The last id is always
        // computed anew.
        reused = std::min(commonPrefix(m_cached, prompt), prompt.size() - 1);
        if (prompt.size() - reused > 32 && prompt.size() - reused > prompt.size() / 16) reused = 0;
    }
    const auto length = static_cast<std::int64_t>(prompt.size());
    if (reused == 0 && (!m_cache || !m_model.device().is_cuda() || m_cache->capacity() < length + room))
        m_cache.emplace(m_model.makeCache(length + room));
    m_cache->truncate(static_cast<std::int64_t>(reused));
    m_cached.assign(prompt.begin(), prompt.end());
    const at::Tensor hidden = m_model.decode(prompt.subspan(reused), *m_cache, forward);
    return m_model.logits(hidden.narrow(0, hidden.size(0) - 1, 1));
}

void checkPrompt(std::span<const TokenId> prompt, const ModelConfig& config) {
    const auto tokens = static_cast<std::int64_t>(prompt.size());
    if (prompt.empty()) badOption("prompt", 0, "at least one token: this tokenizer has no bos token");
    if (tokens >= config.maxPositions)
        badOption("prompt", tokens,
                  "fewer than the model's " + std::to_string(config.maxPositions) + " tokens");
}

void Generator::check(std::span<const TokenId> prompt, const GenerateOptions& options, bool dense) {
    checkSteering(options, m_model.config());
    checkPrompt(prompt, m_model.config());
    if (!sameSteering(options.steer, m_steer) || options.activeExperts != m_activeExperts || dense != m_dense)
        forget();
    m_dense = dense;
    m_steer = options.steer;
    m_activeExperts = options.activeExperts;
}

GenerateSummary Generator::run(std::span<const TokenId> prompt, const GenerateOptions& options,
                               const TokenFunction& token, std::stop_token stop, bool dense) {
    const auto start = std::chrono::steady_clock::now();
    check(prompt, options, dense);
    const ModelConfig& config = m_model.config();
    const auto promptTokens = static_cast<std::int64_t>(prompt.size());
    const std::int64_t limit = answerLimit(options, promptTokens, config);
    const moe::Steering steering{options.steer, options.activeExperts};
    std::vector<moe::LayerRouting> routing;
    const bool routed = options.routing && !dense && !m_model.sparseLayers().empty();
    const model::ForwardOptions forward{.dense = dense,
                                        .steering = steering.none() ? nullptr : &steering,
                                        .routing = routed ? &routing : nullptr,
                                        .lastAlone = true};
    const SamplerOptions chosenBy = samplerOptions(options);
    Sampler sampler(chosenBy, static_cast<std::size_t>(config.vocabulary));
    sampler.saw(prompt);

    // A base without its run's parts, and more experts at once than the decoding kernels know, go through the
    // model's own pass.
    const bool onDevice = !dense && DeviceDecoder::supports(m_model, chosenBy) &&
                          options.activeExperts.value_or(0) <= kernels::kDecodeChoices;
    // A graph holds the cache's address: room for the whole answer at once.
    at::Tensor logits = prefill(prompt, forward, onDevice ? std::max<std::int64_t>(256, limit) : 256);
    const AnswerContext context{m_model, *m_cache, m_cached, forward, chosenBy, options.seed};
    HostTokens host(context, std::move(sampler), std::move(logits), routing);
    if (!onDevice) return write(host, limit, {start, promptTokens, options}, token, stop);
    m_cache->reserve(promptTokens + limit);
    if (!m_decoder) m_decoder = std::make_unique<DeviceDecoder>(m_model);
    DeviceTokens device(context, host, *m_decoder, {prompt.begin(), prompt.end()}, limit);
    return write(device, limit, {start, promptTokens, options}, token, stop);
}

GenerateSummary Generator::write(TokenSource& source, std::int64_t limit, const Asked& asked,
                                 const TokenFunction& token, const std::stop_token& stop) {
    AnswerWriter answer(m_tokenizer, asked.options, {asked.start, asked.promptTokens, limit});
    while (answer.open()) {
        const SampledToken sampled = source.next();
        answer.take(
            sampled, [&](TokenEvent& event) { source.describe(event); }, token, stop);
    }
    return answer.summary();
}

}  // namespace caravan::engine::generate
