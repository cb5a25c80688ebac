// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <c10/core/InferenceMode.h>

#include "engine/generate/batch_generator.h"
#include "engine/generate/generator.h"
#include "engine/generate/prompt.h"
#include "tests/engine/ops_gpu/device.h"

// Sequences that a GPU decodes together against each alone.
namespace caravan::engine::generate {
namespace {

constexpr const char* kModel = CARAVAN_SOURCE_DIR "/resources/demo/base-16m";

class BatchOnGpu : public ops::GpuTest {
  protected:
    void load(Compute compute, Quantization quantization) {
        model::LoadOptions options;
        options.device = at::Device(at::kCUDA, 0);
        options.compute = compute;
        options.quantization = quantization;
        m_model = model::loadModel(kModel, options);
        m_model->attachPesc(
            {.experts = 8, .topK = 2, .adapterSize = 64, .layers = {0, 1, 2, 4, 7}, .seed = 1});
        m_model->attachLora(
            {.rank = 16, .alpha = 16, .targets = {"q_proj", "o_proj", "down_proj"}, .seed = 1});
        at::Tensor& values = m_model->trainable().values();
        values.add_(ops::uniformHost(values.sizes(), 0.02, {.seed = 9}).to(values.device()));
        m_model->trainable().refresh();
        m_tokenizer = unwrap(loadTokenizer(kModel));
    }
    [[nodiscard]] BatchSequence sequence(const std::string& text, std::int64_t tokens, double temperature = 0,
                                         std::uint64_t seed = 0) const {
        BatchSequence made{rawPrompt(*m_tokenizer, text), {}};
        made.options.raw = true;
        made.options.maxTokens = tokens;
        made.options.temperature = temperature;
        made.options.seed = seed;
        return made;
    }
    // Of different lengths, ends and ways of choosing.
    [[nodiscard]] std::vector<BatchSequence> mixed() const {
        std::vector<BatchSequence> all{sequence("What is 2 and 3? ", 40, 0.9, 1),
                                       sequence("", 30),
                                       sequence("Write a long story about a dog and its ball. ", 12, 1.3, 2),
                                       sequence("Lily", 1, 0.7, 3),
                                       sequence("Why? ", 2),
                                       sequence("def f(x): ", 61, 0.8, 4),
                                       sequence("One day", 33, 1, 5),
                                       sequence("Ben", 50)};
        all[2].options.topKTokens = 7;
        all[2].options.alternatives = 0;
        all[5].options.repetitionPenalty = 1.3;
        all[5].options.topP = 0.6;
        all[6].options.routing = false;
        all[7].options.alternatives = 9;
        const std::string text = alone(all[1]).summary.text;
        if (text.size() > 6) all[1].options.stop = {"never said", text.substr(text.size() / 2, 3)};
        return all;
    }
    struct Said {
        std::vector<TokenEvent> events;
        GenerateSummary summary;
    };
    [[nodiscard]] Said alone(const BatchSequence& sequence, bool dense = false) const {
        Said said;
        said.summary = Generator(*m_model, *m_tokenizer)
                           .run(
                               sequence.prompt, sequence.options,
                               [&](const TokenEvent& e) { said.events.push_back(e); }, {}, dense);
        return said;
    }
    std::vector<Said> together(const std::vector<BatchSequence>& sequences, const BatchLimits& limits = {},
                               bool dense = false) {
        std::vector<Said> all(sequences.size());
        m_outcome = BatchGenerator(*m_model, *m_tokenizer)
                        .run(
                            sequences,
                            [&](std::int64_t i, const TokenEvent& e) {
                                all[static_cast<std::size_t>(i)].events.push_back(e);
                            },
                            {}, m_stop.get_token(), limits, dense);
        for (std::size_t i = 0; i < all.size(); ++i)
            all[i].summary = m_outcome.answers[i];
        return all;
    }
    static void expectSame(const Said& a, const Said& b) {
        EXPECT_EQ(a.summary.text, b.summary.text);
        EXPECT_EQ(a.summary.finish, b.summary.finish);
        EXPECT_EQ(a.summary.tokens, b.summary.tokens);
        ASSERT_EQ(a.events.size(), b.events.size());
        for (std::size_t i = 0; i < a.events.size(); ++i) {
            const TokenEvent &x = a.events[i], &y = b.events[i];
            ASSERT_EQ(x.id, y.id) << i;
            ASSERT_EQ(x.logprob, y.logprob) << i;
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
    void expectAsAlone(const std::vector<BatchSequence>& sequences, const BatchLimits& limits = {},
                       bool dense = false) {
        const std::vector<Said> said = together(sequences, limits, dense);
        for (std::size_t i = 0; i < sequences.size(); ++i) {
            SCOPED_TRACE(testing::Message() << "sequence " << i);
            expectSame(said[i], alone(sequences[i], dense));
        }
    }
    std::unique_ptr<model::Model> m_model;
    std::unique_ptr<Tokenizer> m_tokenizer;
    std::stop_source m_stop;
    BatchOutcome m_outcome;
};

// All bits: tokens, log-probabilities, alternatives and routes.
TEST_F(BatchOnGpu, EachSaysWhatItSaysAlone) {
    c10::InferenceMode guard;
    for (const auto& [compute, quantization] : {std::pair{Compute::Fp32, Quantization::None},
                                                {Compute::Fp32, Quantization::Nf4},
                                                {Compute::Bf16, Quantization::Nf4},
                                                {Compute::Bf16, Quantization::None}}) {
        SCOPED_TRACE(testing::Message() << "bf16 " << (compute == Compute::Bf16) << " nf4 "
                                        << (quantization == Quantization::Nf4));
        load(compute, quantization);
        const auto sequences = mixed();
        expectAsAlone(sequences);
        EXPECT_GE(m_outcome.together, 5);  // one of the eight ends with its first token, others may
        EXPECT_EQ(m_outcome.prefills, 8);
        EXPECT_EQ(alone(sequences[1]).summary.finish, "stop");
        EXPECT_FALSE(alone(sequences[0]).events.at(3).experts.empty());
        expectAsAlone(sequences, {.places = 3});
        EXPECT_EQ(m_outcome.together, 3);
        // One generator writes them one after the other: it keeps what prompts have in common, so not all
        // bits are those of a new one.
        const std::vector<Said> oneByOne = together(sequences, {.oneByOne = true});
        EXPECT_EQ(m_outcome.together, 1);
        expectSame(oneByOne[0], alone(sequences[0]));
    }
}

TEST_F(BatchOnGpu, MoreThanFitWaitForAPlaceAndSamplesShareAPrompt) {
    c10::InferenceMode guard;
    load(Compute::Bf16, Quantization::Nf4);
    std::vector<BatchSequence> many;
    for (std::uint64_t i = 0; i < 21; ++i)
        many.push_back(
            sequence(i < 9 ? "Tell me about it. " : "Why? ", static_cast<std::int64_t>(3 + i % 7), 0.9, i));
    expectAsAlone(many);
    EXPECT_EQ(m_outcome.together, kMostTogether);
    EXPECT_EQ(m_outcome.prefills, 2);
    const std::vector<Said> first = together(many), again = together(many);
    for (std::size_t i = 0; i < many.size(); ++i)
        expectSame(first[i], again[i]);
    std::reverse(many.begin(), many.end());
    const std::vector<Said> other = together(many, {.places = 5});
    for (std::size_t i = 0; i < many.size(); ++i)
        expectSame(other[i], first[many.size() - 1 - i]);
}

TEST_F(BatchOnGpu, SteeringIsThatOfTheBatch) {
    c10::InferenceMode guard;
    load(Compute::Bf16, Quantization::Nf4);
    auto sequences = mixed();
    for (auto& s : sequences) {
        s.options.steer = {{.layer = 2, .expert = 3, .use = SteerExpert::Use::Force},
                           {.layer = -1, .expert = 0, .use = SteerExpert::Use::Mute},
                           {.layer = 4, .expert = 1, .bias = 0.7}};
        s.options.activeExperts = 3;
    }
    expectAsAlone(sequences);
    EXPECT_GE(m_outcome.together, 5);
}

// What the graphs do not know goes one after the other.
TEST_F(BatchOnGpu, TheBaseAloneGoesOneByOne) {
    c10::InferenceMode guard;
    load(Compute::Bf16, Quantization::Nf4);
    expectAsAlone({sequence("Why? ", 9)}, {}, true);
    EXPECT_GT(together({sequence("Why? ", 9), sequence("Ben", 7)}, {}, true)[1].summary.tokens, 0);
    EXPECT_EQ(m_outcome.together, 1);
}

TEST_F(BatchOnGpu, AStopEndsAllOfThem) {
    c10::InferenceMode guard;
    load(Compute::Bf16, Quantization::Nf4);
    auto sequences = mixed();
    std::vector<std::int64_t> told(sequences.size());
    const BatchOutcome outcome = BatchGenerator(*m_model, *m_tokenizer)
                                     .run(sequences,
                                          [&](std::int64_t i, const TokenEvent&) {
                                              if (++told[static_cast<std::size_t>(i)] == 5)
                                                  m_stop.request_stop();
                                          },
                                          {}, m_stop.get_token(), {.places = 4});
    for (std::size_t i = 0; i < sequences.size(); ++i) {
        EXPECT_EQ(outcome.answers[i].tokens, told[i]) << i;
        EXPECT_LE(told[i], 5) << i;
    }
    EXPECT_EQ(outcome.answers.back().finish, "cancelled");
}

}  // namespace
}  // namespace caravan::engine::generate
