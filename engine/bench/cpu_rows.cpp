// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "engine/bench/random_batch.h"
#include "engine/bench/sheet.h"
#include "engine/model/decode_together.h"
#include "engine/model/model.h"
#include "engine/plan/plan.h"
#include "engine/train/stepper.h"

// Rows C1 to C3: fp32, the small model, as many threads as the engine has.
namespace caravan::engine::bench {
namespace {

constexpr std::int64_t kExperts = 8, kTopK = 2, kAdapterSize = 64, kRank = 64;
constexpr int kWarm = 2, kRepeats = 10;

std::unique_ptr<model::Model> mixture(const std::string& folder) {
    auto model = model::loadModel(folder, {});
    std::vector<std::int64_t> layers(static_cast<std::size_t>(model->config().layers));
    for (std::size_t i = 0; i < layers.size(); ++i)
        layers[i] = static_cast<std::int64_t>(i);
    model->attachPesc({.experts = kExperts,
                       .topK = kTopK,
                       .adapterSize = kAdapterSize,
                       .scaling = 1.0,
                       .layers = layers,
                       .seed = 1});
    model->attachLora({.rank = kRank, .alpha = 16, .targets = Recipe{}.tune.loraTargets, .seed = 1});
    model->finishAttach();
    return model;
}

// Floating-point operations a token, as `plan` counts them.
double operationsPerToken(const ModelConfig& mixed, std::int64_t length) {
    ModelConfig base = mixed;
    base.moe.reset();
    Recipe recipe;
    recipe.model.quantization = Quantization::None;
    recipe.upcycle.experts = kExperts;
    recipe.upcycle.topK = kTopK;
    recipe.upcycle.adapterSize = kAdapterSize;
    recipe.tune.loraRank = kRank;
    recipe.tune.sequenceLength = length;
    return unwrap(planRun(recipe, base, nullptr, DeviceKind::Cpu)).flopsPerToken;
}

// FLOP/s of LibTorch's fp32 product, the best of some.
double productCeiling(const Sheet& sheet) {
    constexpr std::int64_t kSize = 2048;
    const at::Tensor a = ops::uniformHost({kSize, kSize}, 1, {.seed = 1});
    double best = 1e9;
    for (int i = 0; i < 4; ++i) {
        sheet.at("product", i, 4);
        const auto start = Clock::now();
        const at::Tensor c = at::mm(a, a);
        best = std::min(best, since(start));
    }
    return 2.0 * kSize * kSize * kSize / best;
}

// Bytes/s of a plain sum over a buffer as large as what is read.
double readBandwidth(std::int64_t bytes) {
    const at::Tensor buffer = at::ones({bytes / 4}, at::kFloat);
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
        const auto start = Clock::now();
        const at::Tensor sum = buffer.sum();
        best = std::min(best, since(start));
    }
    return static_cast<double>(bytes) / best;
}

}  // namespace

void cpuStep(const Sheet& sheet) {
    const auto model = mixture(sheet.model);
    train::Stepper stepper(*model, {.seed = 1, .domains = 2});
    StepIndex step = 0;
    const std::pair<std::int64_t, std::int64_t> shapes[] = {{4, 256}, {8, 256}, {4, 512}};
    for (const auto& [rows, length] : shapes) {
        const std::string shape = std::to_string(rows) + "x" + std::to_string(length);
        const double ceiling = productCeiling(sheet);
        std::vector<double> times;
        for (int i = 0; i < kWarm + kRepeats; ++i) {
            sheet.at("C1 " + shape, i, kWarm + kRepeats);
            const train::TokenBatch batch =
                randomBatch(rows, length, model->config().vocabulary, static_cast<std::uint64_t>(i));
            const auto start = Clock::now();
            stepper.run(++step, std::span(&batch, 1), 1e-3);
            (void)stepper.take();
            if (i >= kWarm) times.push_back(since(start));
        }
        BenchFigure figure = Sheet::rate("C1", "tuning step, " + shape, static_cast<double>(rows * length),
                                         "tokens/s", spreadOf(times));
        figure.ceiling = ceiling * 1e-9;
        figure.ceilingUnit = "GFLOP/s";
        figure.ceilingOf = "fp32 product of 2048^3";
        figure.share = figure.value * operationsPerToken(model->config(), length) / ceiling;
        sheet.figure(figure);
    }
}

void cpuDecode(const Sheet& sheet) {
    const auto model = model::loadModel(sheet.model, {});
    const std::int64_t bytes = model->weightBytes();
    auto cache = model->makeCache(256);
    std::int32_t next = 1;
    std::vector<double> times;
    constexpr int kTokens = 200;
    for (int i = 0; i < kTokens; ++i) {
        sheet.at("C2", i, kTokens);
        const auto start = Clock::now();
        const std::int32_t ids[] = {next};
        const at::Tensor hidden = model->decode(ids, cache);
        next = static_cast<std::int32_t>(model->logits(hidden).argmax().item<std::int64_t>());
        if (i >= 20) times.push_back(since(start));
    }
    const double ceiling = readBandwidth(bytes);
    BenchFigure figure = Sheet::rate("C2", "decoding, batch 1", 1, "tokens/s", spreadOf(times));
    figure.ceiling = ceiling * 1e-9;
    figure.ceilingUnit = "GB/s";
    figure.ceilingOf = "reading as many bytes as the weights have";
    figure.share = figure.value * static_cast<double>(bytes) / ceiling;
    sheet.figure(figure);
}

namespace {
// So many sequences that go on together, from a context of 32.
class Together {
  public:
    Together(model::Model& model, std::int64_t count) : m_model(model) {
        const std::vector<std::int32_t> prompt(32, 5);
        for (std::int64_t i = 0; i < count; ++i) {
            m_caches.push_back(model.makeCache(256));
            (void)model.decode(prompt, m_caches.back());
        }
        m_ids.assign(static_cast<std::size_t>(count), 7);
    }
    void step() {
        std::vector<model::KvCache*> caches;
        for (model::KvCache& cache : m_caches)
            caches.push_back(&cache);
        const auto start = Clock::now();
        const at::Tensor logits = m_model.logits(model::decodeTogether(m_model, m_ids, caches, {}));
        const at::Tensor next = logits.argmax(1);
        m_times.push_back(since(start));
        std::copy_n(next.const_data_ptr<std::int64_t>(), m_ids.size(), m_ids.begin());
    }
    [[nodiscard]] double count() const { return static_cast<double>(m_ids.size()); }
    [[nodiscard]] Spread spread() const { return spreadOf(m_times); }

  private:
    model::Model& m_model;
    std::vector<model::KvCache> m_caches;
    std::vector<std::int32_t> m_ids;
    std::vector<double> m_times;
};
}  // namespace

// In turns, so that all see the machine alike.
void cpuDecodeTogether(const Sheet& sheet) {
    const auto model = mixture(sheet.model);
    std::vector<Together> batches;
    for (const std::int64_t count : {1, 4, 16})
        batches.emplace_back(*model, count);
    constexpr int kTurns = 150;
    for (int turn = 0; turn < kTurns; ++turn) {
        sheet.at("C3", turn, kTurns);
        for (Together& batch : batches)
            batch.step();
    }
    const double one = 1 / batches.front().spread().median;
    for (const Together& batch : batches) {
        BenchFigure figure =
            Sheet::rate("C3", "decoding with experts, batch " + std::to_string(std::lround(batch.count())),
                        batch.count(), "tokens/s", batch.spread());
        figure.ceiling = batch.count() * one;
        figure.ceilingUnit = "tokens/s";
        figure.ceilingOf = "as often what one has";
        figure.share = figure.value / figure.ceiling;
        sheet.figure(figure);
    }
}

}  // namespace caravan::engine::bench
