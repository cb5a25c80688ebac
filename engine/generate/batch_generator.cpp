// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/batch_generator.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <numeric>

#include "engine/generate/answer_writer.h"
#include "engine/generate/batch_decoder.h"
#include "engine/generate/device_decoder.h"
#include "engine/generate/generator.h"
#include "engine/generate/token_routing.h"
#include "engine/model/decode_together.h"
#include "engine/ops/few_rows.h"
#include "engine/ops/parallel.h"

namespace caravan::engine::generate {
namespace {

using Clock = std::chrono::steady_clock;
static_assert(kMostTogether == ops::kFewRows);

std::span<const float> rowOf(const at::Tensor& logits, std::int64_t row) {
    const auto width = static_cast<std::size_t>(logits.size(1));
    return {logits.const_data_ptr<float>() + static_cast<std::size_t>(row) * width, width};
}

bool wantsRouting(const BatchSequence& sequence) {
    return sequence.options.routing;
}

}  // namespace

// A sequence that is being written.
struct BatchGenerator::Active {
    std::size_t index;
    const BatchSequence& sequence;
    model::KvCache cache;
    Sampler sampler;
    AnswerWriter answer;
    std::int64_t left = 0;      // tokens that may come, this side of any end
    std::vector<TokenId> said;  // the prompt first
    TokenId last = 0;
    std::int64_t drawn = 0;

    [[nodiscard]] double draw() {
        const std::int64_t index = drawn++;
        return sequence.options.temperature > 0 ? uniformFor(sequence.options.seed, index) : 0;
    }
    // Any thread.
    [[nodiscard]] SampledToken choose(std::span<const float> logits, double uniform) {
        SampledToken sampled = sampler.sample(logits, uniform);
        last = sampled.id;
        sampler.saw(std::span(&last, 1));
        return sampled;
    }
    [[nodiscard]] DeviceSequence onDevice() {
        return {.cache = &cache,
                .last = last,
                .chosen = std::ssize(said) - std::ssize(sequence.prompt),
                .sampler = samplerOptions(sequence.options),
                .seed = sequence.options.seed,
                .seen = said,
                .tokens = left};
    }
};

// A prompt that was read, kept while a sequence that waits has the same one.
struct BatchGenerator::Prompt {
    std::vector<TokenId> ids;
    model::KvCache cache;
    at::Tensor logits;  // [1, V] fp32 behind it
    std::vector<moe::LayerRouting> routing;
};

struct BatchGenerator::Batch {
    std::span<const BatchSequence> sequences;
    const AnswerTokenFunction& token;
    const ProgressFunction& progress;
    const std::stop_token& stop;
    bool dense;
    Clock::time_point start = Clock::now();
    model::ForwardOptions forward = {};
    std::vector<moe::LayerRouting> routing = {};  // of the last pass, where wanted
    std::size_t next = 0;                         // the first that waits
    std::vector<std::unique_ptr<Active>> active = {};
    std::unique_ptr<Prompt> prompt = {};
    std::int64_t ended = 0;
    BatchOutcome outcome = {};

    void end(std::size_t index, GenerateSummary summary) {
        outcome.answers[index] = std::move(summary);
        ++ended;
        if (progress)
            progress({.stage = "writing answers",
                      .done = ended,
                      .total = static_cast<std::int64_t>(sequences.size())});
    }
};

BatchGenerator::BatchGenerator(model::Model& model, const Tokenizer& tokenizer)
    : m_model(model), m_tokenizer(tokenizer) {}

BatchGenerator::~BatchGenerator() = default;

void BatchGenerator::check(std::span<const BatchSequence> sequences) const {
    for (const BatchSequence& sequence : sequences) {
        checkSteering(sequence.options, m_model.config());
        checkPrompt(sequence.prompt, m_model.config());
        const GenerateOptions &first = sequences.front().options, &options = sequence.options;
        if (!sameSteering(options.steer, first.steer) || options.activeExperts != first.activeExperts)
            throw EngineException(ErrorCode::BadOption, {{"key", "steer"},
                                                         {"value", "several in one batch"},
                                                         {"range", "the same for all answers of a batch"}});
    }
}

BatchGenerator::Way BatchGenerator::wayOf(std::span<const BatchSequence> sequences, const BatchLimits& limits,
                                          bool dense) const {
    if (limits.oneByOne) return Way::OneByOne;
    if (model::decodesTogether(m_model)) return Way::Steps;
    const bool known = !dense && std::all_of(sequences.begin(), sequences.end(), [&](const auto& sequence) {
        return DeviceDecoder::supports(m_model, samplerOptions(sequence.options)) &&
               sequence.options.activeExperts.value_or(0) <= kernels::kDecodeChoices;
    });
    return known ? Way::Graphs : Way::OneByOne;
}

// Positions of a sequence's cache: the last token is told, not read.
std::int64_t BatchGenerator::positions(const BatchSequence& sequence) const {
    const auto prompt = static_cast<std::int64_t>(sequence.prompt.size());
    return prompt + std::max<std::int64_t>(1, answerLimit(sequence.options, prompt, m_model.config())) - 1;
}

std::int64_t BatchGenerator::places(std::span<const BatchSequence> sequences, const BatchLimits& limits,
                                    bool together) const {
    const std::int64_t wanted = together ? std::clamp<std::int64_t>(limits.places, 1, kMostTogether) : 1;
    if (!limits.memory) return wanted;
    std::vector<Bytes> caches;
    Bytes prompt = 0;  // the one that is kept
    for (std::size_t i = 0; i < sequences.size(); ++i) {
        caches.push_back(model::cacheBytes(m_model, positions(sequences[i])));
        if (together && i > 0 && sequences[i].prompt == sequences[i - 1].prompt)
            prompt = std::max(prompt, model::cacheBytes(m_model, std::ssize(sequences[i].prompt)));
    }
    std::sort(caches.rbegin(), caches.rend());
    std::int64_t fit = 0;
    for (Bytes taken = prompt; fit < std::ssize(caches) && fit < wanted; ++fit)
        if ((taken += caches[static_cast<std::size_t>(fit)]) > *limits.memory) break;
    if (fit == 0 && !caches.empty())
        throw EngineException(
            ErrorCode::MemoryShort,
            {{"needed", std::to_string(caches.front() + prompt)},
             {"available", std::to_string(*limits.memory)},
             {"remedy", "Ask for fewer tokens, shorten the prompt, or close other programs."}});
    return std::max<std::int64_t>(1, fit);
}

BatchOutcome BatchGenerator::run(std::span<const BatchSequence> sequences, const AnswerTokenFunction& token,
                                 const ProgressFunction& progress, const std::stop_token& stop,
                                 const BatchLimits& limits, bool dense) {
    check(sequences);
    const Way way = wayOf(sequences, limits, dense);
    const std::int64_t places = this->places(sequences, limits, way != Way::OneByOne);
    Batch batch{sequences, token, progress, stop, dense};
    batch.outcome.answers.resize(sequences.size());
    if (way == Way::OneByOne)
        oneByOne(batch);
    else
        together(batch, places, way == Way::Graphs);
    BatchOutcome outcome = std::move(batch.outcome);
    outcome.seconds = std::chrono::duration<double>(Clock::now() - batch.start).count();
    std::int64_t tokens = 0;
    for (const GenerateSummary& answer : outcome.answers)
        tokens += answer.tokens;
    if (outcome.seconds > 0) outcome.tokensPerSecond = static_cast<double>(tokens) / outcome.seconds;
    return outcome;
}

void BatchGenerator::oneByOne(Batch& batch) {
    Generator generator(m_model, m_tokenizer);
    for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
        const BatchSequence& sequence = batch.sequences[i];
        GenerateSummary summary{.promptTokens = std::ssize(sequence.prompt), .finish = "cancelled"};
        if (!batch.stop.stop_requested()) {
            const auto index = static_cast<std::int64_t>(i);
            summary = generator.run(
                sequence.prompt, sequence.options,
                [&](const TokenEvent& event) {
                    if (batch.token) batch.token(index, event);
                },
                batch.stop, batch.dense);
            batch.outcome.together = 1;
            ++batch.outcome.prefills;
        }
        batch.end(i, std::move(summary));
    }
}

void BatchGenerator::together(Batch& batch, std::int64_t places, bool graphs) {
    if (batch.sequences.empty()) return;
    const GenerateOptions& options = batch.sequences.front().options;
    const moe::Steering steering{options.steer, options.activeExperts};
    const bool routed = !batch.dense && !m_model.sparseLayers().empty() &&
                        std::any_of(batch.sequences.begin(), batch.sequences.end(), wantsRouting);
    batch.forward = {.dense = batch.dense,
                     .steering = steering.none() ? nullptr : &steering,
                     .routing = routed ? &batch.routing : nullptr,
                     .lastAlone = true};
    // Before the caches are freed, its destructor waits for the passes that are under way.
    std::unique_ptr<BatchDecoder> decoder;
    if (graphs) {
        std::int64_t longest = 0;
        for (const BatchSequence& sequence : batch.sequences)
            longest = std::max(longest, positions(sequence));
        decoder = std::make_unique<BatchDecoder>(
            m_model, BatchDecoder::Options{
                         .steering = batch.forward.steering, .routing = routed, .positions = longest});
    }
    while (batch.next < batch.sequences.size() || !batch.active.empty()) {
        if (batch.stop.stop_requested() && batch.active.empty()) {
            const auto prompt = std::ssize(batch.sequences[batch.next].prompt);
            batch.end(batch.next++, {.promptTokens = prompt, .finish = "cancelled"});
            continue;
        }
        admit(batch, places);
        if (batch.active.empty()) continue;
        if (decoder)
            advance(batch, *decoder);
        else
            step(batch);
        leave(batch);
    }
}

void BatchGenerator::admit(Batch& batch, std::int64_t places) {
    while (!batch.stop.stop_requested() && batch.next < batch.sequences.size() &&
           std::ssize(batch.active) < places)
        admitOne(batch);
}

// Reads the prompt of the first that waits, or takes what was read of the same one, and chooses its first
// token.
void BatchGenerator::admitOne(Batch& batch) {
    const std::size_t index = batch.next++;
    const BatchSequence& sequence = batch.sequences[index];
    const auto length = std::ssize(sequence.prompt);
    model::KvCache cache = m_model.makeCache(positions(sequence));
    at::Tensor logits;
    if (batch.prompt && batch.prompt->ids == sequence.prompt) {
        model::copyPrefix(m_model, batch.prompt->cache, length, cache);
        logits = batch.prompt->logits;
        batch.routing = batch.prompt->routing;
    } else {
        batch.prompt.reset();
        batch.routing.clear();
        const at::Tensor hidden = m_model.decode(sequence.prompt, cache, batch.forward);
        logits =
            m_model.logits(hidden.narrow(0, hidden.size(0) - 1, 1)).to(at::kCPU, at::kFloat).contiguous();
        ++batch.outcome.prefills;
        if (batch.next < batch.sequences.size() && batch.sequences[batch.next].prompt == sequence.prompt) {
            model::KvCache kept = m_model.makeCache(length);
            model::copyPrefix(m_model, cache, length, kept);
            batch.prompt =
                std::make_unique<Prompt>(Prompt{sequence.prompt, std::move(kept), logits, batch.routing});
        }
    }
    const std::int64_t limit = answerLimit(sequence.options, length, m_model.config());
    auto active = std::make_unique<Active>(
        Active{index,
               sequence,
               std::move(cache),
               {samplerOptions(sequence.options), static_cast<std::size_t>(m_model.config().vocabulary)},
               {m_tokenizer, sequence.options, {batch.start, length, limit}},
               limit,
               sequence.prompt});
    active->sampler.saw(sequence.prompt);
    if (active->answer.open()) tell(batch, *active, active->choose(rowOf(logits, 0), active->draw()), -1);
    if (active->answer.open())
        batch.active.push_back(std::move(active));
    else
        batch.end(index, active->answer.summary());
}

// The next token of each.
void BatchGenerator::step(Batch& batch) {
    const std::int64_t count = std::ssize(batch.active);
    std::vector<std::int32_t> ids;
    std::vector<model::KvCache*> caches;
    for (const auto& active : batch.active) {
        ids.push_back(active->last);
        caches.push_back(&active->cache);
    }
    batch.routing.clear();
    const at::Tensor hidden = model::decodeTogether(m_model, ids, caches, batch.forward);
    const at::Tensor logits = m_model.logits(hidden).to(at::kCPU, at::kFloat).contiguous();
    batch.outcome.together = std::max(batch.outcome.together, count);
    std::vector<SampledToken> sampled(batch.active.size());
    std::vector<double> uniform;
    for (const auto& active : batch.active)
        uniform.push_back(active->draw());
    ops::parallelRows(count, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
            const auto i = static_cast<std::size_t>(row);
            sampled[i] = batch.active[i]->choose(rowOf(logits, row), uniform[i]);
        }
    });
    for (std::size_t i = 0; i < sampled.size(); ++i)
        tell(batch, *batch.active[i], sampled[i], static_cast<std::int64_t>(i));
}

// The device is up to two tokens ahead: those that come behind an answer's end are nobody's.
void BatchGenerator::advance(Batch& batch, BatchDecoder& decoder) {
    std::vector<DeviceSequence> sequences;
    for (const auto& active : batch.active)
        sequences.push_back(active->onDevice());
    batch.outcome.together = std::max(batch.outcome.together, std::ssize(batch.active));
    decoder.seat(sequences);
    do {
        const auto tokens = decoder.next();
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            Active& active = *batch.active[i];
            if (!active.answer.open()) continue;
            const BatchDecoder::Token& token = tokens[i].value();
            active.cache.advance(1);
            active.last = token.sampled.id;
            tell(batch, active, token.sampled, [&](TokenEvent& event) { decoder.describe(token, event); });
            if (!active.answer.open()) decoder.hold();
        }
    } while (decoder.underWay() > 0);
}

void BatchGenerator::leave(Batch& batch) {
    for (const auto& active : batch.active)
        if (!active->answer.open()) batch.end(active->index, active->answer.summary());
    std::erase_if(batch.active, [](const auto& active) { return !active->answer.open(); });
}

// row: of the last pass's routing; -1: the prompt's last token
void BatchGenerator::tell(Batch& batch, Active& active, const SampledToken& sampled, std::int64_t row) {
    tell(batch, active, sampled, [&](TokenEvent& event) { describeRouting(batch.routing, event, row); });
}

void BatchGenerator::tell(Batch& batch, Active& active, const SampledToken& sampled,
                          const std::function<void(TokenEvent&)>& describe) {
    const auto index = static_cast<std::int64_t>(active.index);
    const bool routed = batch.forward.routing != nullptr && wantsRouting(active.sequence);
    active.said.push_back(sampled.id);
    --active.left;
    active.answer.take(
        sampled,
        [&](TokenEvent& event) {
            if (routed) describe(event);
        },
        [&](const TokenEvent& event) {
            if (batch.token) batch.token(index, event);
        },
        batch.stop);
}

}  // namespace caravan::engine::generate
