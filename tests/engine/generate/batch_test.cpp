// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/generate/batch_generator.h"
#include "engine/generate/generator.h"
#include "engine/generate/prompt.h"
#include "engine/model/decode_together.h"
#include "engine/ops/parallel.h"

// What is said together against what each says alone: all of it bit for bit.
namespace caravan::engine::generate {
namespace {

namespace fs = std::filesystem;
const fs::path kData = CARAVAN_TEST_DATA;

struct Said {
    std::vector<TokenEvent> events;
    GenerateSummary summary;
};

void expectSame(const Said& a, const Said& b) {
    EXPECT_EQ(a.summary.text, b.summary.text);
    EXPECT_EQ(a.summary.finish, b.summary.finish);
    EXPECT_EQ(a.summary.tokens, b.summary.tokens);
    EXPECT_EQ(a.summary.promptTokens, b.summary.promptTokens);
    ASSERT_EQ(a.events.size(), b.events.size());
    for (std::size_t i = 0; i < a.events.size(); ++i) {
        const TokenEvent &x = a.events[i], &y = b.events[i];
        EXPECT_EQ(x.id, y.id) << i;
        EXPECT_EQ(x.text, y.text) << i;
        EXPECT_EQ(x.bytes, y.bytes) << i;
        EXPECT_EQ(x.logprob, y.logprob) << i;
        EXPECT_EQ(x.entropy, y.entropy) << i;
        EXPECT_EQ(x.rank, y.rank) << i;
        EXPECT_EQ(x.layers, y.layers) << i;
        EXPECT_EQ(x.experts, y.experts) << i;
        EXPECT_EQ(x.weights, y.weights) << i;
        EXPECT_EQ(x.probabilities, y.probabilities) << i;
        ASSERT_EQ(x.alternatives.size(), y.alternatives.size()) << i;
        for (std::size_t k = 0; k < x.alternatives.size(); ++k) {
            EXPECT_EQ(x.alternatives[k].id, y.alternatives[k].id) << i;
            EXPECT_EQ(x.alternatives[k].logprob, y.alternatives[k].logprob) << i;
        }
    }
}

// A small mixture with LoRA whose parts are not at their start.
class Batch : public ::testing::Test {
  protected:
    void SetUp() override {
        ops::setThreads(2);
        load(Quantization::None);
    }
    void load(Quantization quantization) {
        model::LoadOptions how;
        how.quantization = quantization;
        model = model::loadModel(kData / "models/stories260k", how);
        tokenizer = unwrap(loadTokenizer(kData / "models/stories260k"));
        model->attachPesc({.experts = 4, .topK = 2, .adapterSize = 8, .layers = {1, 3}});
        model->attachLora({.rank = 4, .alpha = 4, .targets = {"q_proj", "o_proj", "up_proj", "down_proj"}});
        for (const model::Parameter& parameter : model->trainable().parameters())
            model->trainable().value(parameter).copy_(
                (at::arange(parameter.elements(), at::kFloat) * 0.37 + parameter.offset)
                    .sin()
                    .reshape(parameter.shape) *
                0.2);
        model->trainable().refresh();
    }
    [[nodiscard]] BatchSequence sequence(const std::string& text, std::int64_t tokens, double temperature = 0,
                                         std::uint64_t seed = 0) const {
        BatchSequence made{rawPrompt(*tokenizer, text), {}};
        made.options.raw = true;
        made.options.maxTokens = tokens;
        made.options.temperature = temperature;
        made.options.seed = seed;
        return made;
    }
    // Of different lengths, ends and ways of choosing.
    [[nodiscard]] std::vector<BatchSequence> mixed() const {
        std::vector<BatchSequence> all{
            sequence("Once upon a time", 40, 0.9, 1),
            sequence("", 30),
            sequence("The little dog wanted to play with the big red ball", 12, 1.3, 2),
            sequence("Lily", 1, 0.7, 3),
            sequence("Tom and his mom went to the park. They saw a", 25, 0.8, 4),
            sequence("One day", 33, 1, 5),
            sequence("Ben", 50)};
        const std::string text = alone(all[1]).summary.text;
        all[1].options.stop = {"not said", text.substr(text.size() / 2, 3)};
        all[2].options.topKTokens = 7;
        all[2].options.alternatives = 0;
        all[4].options.repetitionPenalty = 1.3;
        all[4].options.topP = 0.6;
        all[5].options.routing = false;
        all[6].options.alternatives = 9;
        return all;
    }
    [[nodiscard]] Said alone(const BatchSequence& sequence, bool dense = false) const {
        Said said;
        Generator generator(*model, *tokenizer);
        said.summary = generator.run(
            sequence.prompt, sequence.options, [&](const TokenEvent& e) { said.events.push_back(e); }, {},
            dense);
        return said;
    }
    std::vector<Said> together(const std::vector<BatchSequence>& sequences, const BatchLimits& limits = {},
                               bool dense = false) {
        std::vector<Said> all(sequences.size());
        std::vector<std::int64_t> ended;
        outcome = BatchGenerator(*model, *tokenizer)
                      .run(
                          sequences,
                          [&](std::int64_t i, const TokenEvent& e) {
                              all[static_cast<std::size_t>(i)].events.push_back(e);
                          },
                          [&](const Progress& state) { ended.push_back(state.done); }, stop.get_token(),
                          limits, dense);
        EXPECT_EQ(outcome.answers.size(), sequences.size());
        for (std::size_t i = 0; i < all.size(); ++i)
            all[i].summary = outcome.answers[i];
        EXPECT_EQ(ended.size(), sequences.size());
        EXPECT_TRUE(std::is_sorted(ended.begin(), ended.end()));
        return all;
    }
    void expectAsAlone(const std::vector<BatchSequence>& sequences, const BatchLimits& limits = {},
                       bool dense = false) {
        const std::vector<Said> said = together(sequences, limits, dense);
        for (std::size_t i = 0; i < sequences.size(); ++i) {
            SCOPED_TRACE(testing::Message() << "sequence " << i);
            expectSame(said[i], alone(sequences[i], dense));
        }
    }
    ErrorCode refusal(const std::vector<BatchSequence>& sequences, const BatchLimits& limits = {}) {
        try {
            BatchGenerator(*model, *tokenizer)
                .run(
                    sequences, [](std::int64_t, const TokenEvent&) { ADD_FAILURE() << "had begun"; }, {}, {},
                    limits);
        } catch (const EngineException& exception) {
            return exception.error().code;
        }
        ADD_FAILURE() << "was taken";
        return ErrorCode::Internal;
    }
    c10::InferenceMode guard;
    std::unique_ptr<model::Model> model;
    std::unique_ptr<Tokenizer> tokenizer;
    std::stop_source stop;
    BatchOutcome outcome;
};

TEST_F(Batch, EachSaysWhatItSaysAlone) {
    const auto sequences = mixed();
    expectAsAlone(sequences);
    EXPECT_EQ(outcome.together, 6);  // one of the seven ends with its first token
    EXPECT_EQ(outcome.prefills, 7);
    EXPECT_GT(outcome.tokensPerSecond, 0);
    EXPECT_EQ(alone(sequences[1]).summary.finish, "stop");
    EXPECT_FALSE(alone(sequences[0]).events[0].experts.empty());
    EXPECT_TRUE(alone(sequences[5]).events[0].experts.empty());
    ops::setThreads(1);
    expectAsAlone(sequences);
}

TEST_F(Batch, OverNf4AndWithoutThePartsToo) {
    expectAsAlone(mixed(), {}, true);
    load(Quantization::Nf4);
    expectAsAlone(mixed());
}

TEST_F(Batch, NeitherOrderNorCompanyMatters) {
    const auto sequences = mixed();
    const std::vector<Said> first = together(sequences);
    for (const std::vector<std::size_t>& order :
         {std::vector<std::size_t>{6, 5, 4, 3, 2, 1, 0}, {2, 0}, {4, 4, 1, 4}, {5, 3, 6, 0, 1}}) {
        std::vector<BatchSequence> chosen;
        for (const std::size_t i : order)
            chosen.push_back(sequences[i]);
        const std::vector<Said> said = together(chosen);
        for (std::size_t i = 0; i < order.size(); ++i)
            expectSame(said[i], first[order[i]]);
    }
}

TEST_F(Batch, SamplesOfOnePromptShareItsReading) {
    std::vector<BatchSequence> samples;
    for (std::uint64_t seed = 0; seed < 5; ++seed)
        samples.push_back(sequence("Once upon a time there was", 20, 1, seed));
    expectAsAlone(samples);
    EXPECT_EQ(outcome.prefills, 1);
    EXPECT_EQ(outcome.together, 5);
    EXPECT_NE(outcome.answers[0].text, outcome.answers[1].text);
    samples.insert(samples.begin() + 2, sequence("Another", 4));
    expectAsAlone(samples);
    EXPECT_EQ(outcome.prefills, 3);
}

TEST_F(Batch, MoreThanFitWaitForAPlace) {
    std::vector<BatchSequence> many;
    for (std::uint64_t i = 0; i < 21; ++i)
        many.push_back(
            sequence(i % 3 == 0 ? "Lily" : "Tom and Sam", static_cast<std::int64_t>(3 + i % 5), 0.9, i));
    expectAsAlone(many);
    EXPECT_EQ(outcome.together, kMostTogether);
    expectAsAlone(many, {.places = 3});
    EXPECT_EQ(outcome.together, 3);
}

TEST_F(Batch, MemoryDecidesHowManyAtOnce) {
    const auto sequences = mixed();
    std::vector<Bytes> caches;
    for (const auto& s : sequences)
        caches.push_back(model::cacheBytes(*model, std::ssize(s.prompt) + s.options.maxTokens - 1));
    std::sort(caches.rbegin(), caches.rend());
    expectAsAlone(sequences, {.memory = caches[0] + caches[1] + caches[2] - 1});
    EXPECT_EQ(outcome.together, 2);
    EXPECT_EQ(refusal(sequences, {.memory = caches[0] - 1}), ErrorCode::MemoryShort);
    // The count is that of the cache itself.
    EXPECT_EQ(model->makeCache(64).bytes(), model::cacheBytes(*model, 64));
}

TEST_F(Batch, AStopEndsAllOfThem) {
    auto sequences = mixed();
    sequences.push_back(sequence("Waits", 5));
    std::vector<std::int64_t> told(sequences.size());
    outcome = BatchGenerator(*model, *tokenizer)
                  .run(sequences,
                       [&](std::int64_t i, const TokenEvent&) {
                           if (++told[static_cast<std::size_t>(i)] == 3) stop.request_stop();
                       },
                       {}, stop.get_token(), {.places = 4});
    std::int64_t cancelled = 0;
    for (std::size_t i = 0; i < sequences.size(); ++i) {
        EXPECT_EQ(outcome.answers[i].tokens, told[i]) << i;
        EXPECT_LE(told[i], 3) << i;
        cancelled += outcome.answers[i].finish == "cancelled" ? 1 : 0;
    }
    EXPECT_EQ(outcome.answers.back().tokens, 0);
    EXPECT_EQ(outcome.answers.back().finish, "cancelled");
    EXPECT_GE(cancelled, 6);
}

TEST_F(Batch, SteeringIsThatOfTheBatch) {
    auto sequences = mixed();
    for (auto& s : sequences) {
        s.options.steer = {{.layer = 1, .expert = 2, .use = SteerExpert::Use::Force},
                           {.layer = -1, .expert = 0, .use = SteerExpert::Use::Mute},
                           {.layer = 3, .expert = 1, .bias = 0.7}};
        s.options.activeExperts = 3;
    }
    expectAsAlone(sequences);
    sequences[2].options.activeExperts.reset();
    EXPECT_EQ(refusal(sequences), ErrorCode::BadOption);
    sequences = mixed();
    sequences[1].options.steer = {{.layer = -1, .expert = 9}};
    EXPECT_EQ(refusal(sequences), ErrorCode::BadOption);
    sequences[1] = {{}, {}};
    EXPECT_EQ(refusal(sequences), ErrorCode::BadOption) << "no prompt";
}

TEST_F(Batch, NothingAskedForIsNothingSaid) {
    EXPECT_TRUE(together({}).empty());
    EXPECT_EQ(outcome.together, 0);
}

}  // namespace
}  // namespace caravan::engine::generate
