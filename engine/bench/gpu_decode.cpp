// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <c10/core/InferenceMode.h>

#include "engine/bench/gpu_clock.h"
#include "engine/bench/random_model.h"
#include "engine/generate/batch_decoder.h"
#include "engine/generate/token_source.h"
#include "engine/model/decode_together.h"

// Rows B10, B11 and B15: answers of a random 7B model with 8 experts of 512 and LoRA of rank 64, NF4, greedy,
// five alternatives a token; one answer, and in B10 several together.
namespace caravan::engine::bench {
namespace {

constexpr std::int64_t kContext = 512, kTokens = 121, kWarm = 20, kLongPrompt = 2048;

std::vector<TokenId> randomPrompt(std::int64_t length, std::int64_t vocabulary, std::uint64_t seed) {
    const at::Tensor drawn = ops::uniformHost({length}, 0.5, {.seed = seed});
    std::vector<TokenId> ids;
    for (std::int64_t i = 0; i < length; ++i)
        ids.push_back(static_cast<TokenId>((static_cast<double>(drawn.const_data_ptr<float>()[i]) + 0.5) *
                                           static_cast<double>(vocabulary - 1)));
    return ids;
}

// Bytes that a token at this context must read.
double bytesPerToken(model::Model& model, std::int64_t context) {
    const ModelConfig& c = model.config();
    double sum = static_cast<double>(model.head().nbytes() + 2 * model.embedding().size(1));
    for (const model::Layer& layer : model.layers())
        for (const model::AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down})
            sum += static_cast<double>(linear->frozen.bytes());
    const auto& trainable = model.trainable();
    sum += 2.0 * static_cast<double>(trainable.count(model::ParameterGroup::Lora) +
                                     trainable.count(model::ParameterGroup::Router));
    if (c.moe)
        sum += 2.0 * static_cast<double>(trainable.count(model::ParameterGroup::Adapter)) *
               static_cast<double>(c.moe->topK) / static_cast<double>(c.moe->experts);
    return sum + 4.0 * static_cast<double>(c.layers * c.keyWidth() * context);
}

// Seconds to the first token, and per token after the twentieth.
std::pair<double, double> answer(model::Model& model, generate::DeviceDecoder& decoder, std::int64_t length,
                                 std::int64_t tokens, bool routes, std::uint64_t seed) {
    model::KvCache cache = model.makeCache(length + tokens + 8);
    std::vector<TokenId> cached = randomPrompt(length, model.config().vocabulary, seed);
    const std::vector<TokenId> prompt = cached;
    std::vector<moe::LayerRouting> routing;
    const model::ForwardOptions forward{.routing = routes ? &routing : nullptr, .lastAlone = true};
    const generate::SamplerOptions greedy{.temperature = 0, .alternatives = 5};
    gpuTable().synchronize(0);
    const auto start = Clock::now();
    const at::Tensor hidden = model.decode(prompt, cache, forward);
    const at::Tensor logits = model.logits(hidden.narrow(0, hidden.size(0) - 1, 1));
    const generate::AnswerContext context{model, cache, cached, forward, greedy, 0};
    generate::HostTokens host(context,
                              generate::Sampler(greedy, static_cast<std::size_t>(model.config().vocabulary)),
                              logits, routing);
    generate::DeviceTokens source(context, host, decoder, prompt, tokens);
    TokenEvent event;
    (void)source.next();
    source.describe(event);
    const double first = since(start);
    auto mark = Clock::now();
    for (std::int64_t i = 1; i < tokens; ++i) {
        (void)source.next();
        TokenEvent token;
        source.describe(token);
        if (i == kWarm) mark = Clock::now();
    }
    return {first, tokens > kWarm + 1 ? since(mark) / static_cast<double>(tokens - kWarm - 1) : 0};
}

Spread perToken(const Sheet& sheet, model::Model& model, bool routes) {
    generate::DeviceDecoder decoder(model);
    std::vector<double> times;
    for (std::uint64_t i = 0; i < 5; ++i) {
        sheet.at(routes ? "B10 decoding" : "B15 without routes", static_cast<std::int64_t>(i), 5);
        times.push_back(answer(model, decoder, kContext, kTokens, routes, i + 1).second);
    }
    return spreadOf(times);
}

// Several answers behind one prompt, each with another first token: seconds of a step.
Spread perStep(const Sheet& sheet, model::Model& model, std::int64_t count) {
    std::vector<model::KvCache> caches;
    for (std::int64_t i = 0; i < count; ++i) {
        caches.push_back(model.makeCache(kContext + kTokens));
        if (i == 0)
            (void)model.decode(randomPrompt(kContext, model.config().vocabulary, 1), caches[0]);
        else
            model::copyPrefix(model, caches[0], kContext, caches.back());
    }
    generate::BatchDecoder decoder(model, {.routing = true, .positions = kContext + kTokens});
    std::vector<double> times;
    for (std::int64_t repeat = 0; repeat < 5; ++repeat) {
        sheet.at("B10 decoding together", repeat, 5);
        std::vector<generate::DeviceSequence> sequences;
        for (std::int64_t i = 0; i < count; ++i)
            sequences.push_back({.cache = &caches[static_cast<std::size_t>(i)],
                                 .last = static_cast<TokenId>(1000 + 77 * i + repeat),
                                 .sampler = {.temperature = 0, .alternatives = 5},
                                 .tokens = kTokens});
        decoder.seat(sequences);
        auto mark = Clock::now();
        for (std::int64_t step = 0; step < kTokens; ++step) {
            for (const auto& token : decoder.next()) {
                TokenEvent event;
                decoder.describe(token.value(), event);
            }
            if (step == kWarm) mark = Clock::now();
        }
        times.push_back(since(mark) / static_cast<double>(kTokens - kWarm - 1));
    }
    return spreadOf(times);
}

void firstToken(const Sheet& sheet, model::Model& model) {
    generate::DeviceDecoder decoder(model);
    std::vector<double> times;
    for (std::uint64_t i = 0; i < 11; ++i) {
        sheet.at("B11", static_cast<std::int64_t>(i), 11);
        const double first = answer(model, decoder, kLongPrompt, 2, true, i + 50).first;
        if (i > 0) times.push_back(first);  // libraries load in the first
    }
    const Spread seconds = spreadOf(times);
    sheet.figure({.row = "B11",
                  .what = "first token of a prompt of 2,048",
                  .value = seconds.median * 1e3,
                  .lowest = seconds.shortest * 1e3,
                  .highest = seconds.longest * 1e3,
                  .unit = "ms"});
}

}  // namespace

void gpuDecode(const Sheet& sheet, const std::vector<std::string>& rows) {
    const c10::InferenceMode guard;
    const auto wanted = [&](const char* row) { return std::ranges::find(rows, row) != rows.end(); };
    sheet.at("making a random 7b", 0, 0);
    const auto model = model::RandomModel::make(model::randomShape("7b"), 8, 512, true);
    model->attachLora({.rank = 64, .alpha = 16, .targets = Recipe{}.tune.loraTargets});
    model->trainable().values().uniform_(-0.02, 0.02);  // B is not zero
    model->trainable().refresh();
    if (wanted("B10") || wanted("B15")) {
        const double ceiling = gpuReadCeiling(), bytes = bytesPerToken(*model, kContext + kTokens / 2);
        const Spread with = perToken(sheet, *model, true);
        if (wanted("B10")) {
            BenchFigure figure = Sheet::rate("B10", "decoding, batch 1", 1, "tokens/s", with);
            beside(figure, bytes * figure.value / ceiling, ceiling * 1e-12, "TB/s", "reading 4 GiB");
            sheet.figure(figure);
            for (const std::int64_t count : {4, 8, 16})
                sheet.figure(Sheet::rate("B10", "decoding, " + std::to_string(count) + " together",
                                         static_cast<double>(count), "tokens/s",
                                         perStep(sheet, *model, count)));
        }
        if (wanted("B15")) {
            const Spread without = perToken(sheet, *model, false);
            sheet.figure({.row = "B15",
                          .what = "routes of every token noted: time over that without",
                          .value = 100 * (with.median / without.median - 1),
                          .lowest = 100 * (with.shortest / without.longest - 1),
                          .highest = 100 * (with.longest / without.shortest - 1),
                          .unit = "%"});
        }
    }
    if (wanted("B11")) firstToken(sheet, *model);
}

}  // namespace caravan::engine::bench
