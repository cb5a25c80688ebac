// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace caravan::engine::generate {
namespace {

const std::vector<float> kLogits{1.0f, 3.0f, 2.0f, 3.0f, -1.0f};

std::map<TokenId, int> drawn(const SamplerOptions& options, int tries = 4000) {
    Sampler sampler(options, kLogits.size());
    std::map<TokenId, int> counts;
    for (int i = 0; i < tries; ++i)
        ++counts[sampler.sample(kLogits, (i + 0.5) / tries).id];
    return counts;
}

TEST(Sampler, GreedyTakesTheLowestOfEqualIds) {
    Sampler sampler({.alternatives = 3}, kLogits.size());
    const auto token = sampler.sample(kLogits, 0.99);
    EXPECT_EQ(token.id, 1);
    EXPECT_EQ(token.rank, 1);
    ASSERT_EQ(token.alternatives.size(), 3u);
    EXPECT_EQ(token.alternatives[1].id, 3);
    EXPECT_EQ(token.alternatives[2].id, 2);
}

TEST(Sampler, DescribesTheUnmodifiedSoftmax) {
    double sum = 0, entropy = 0;
    for (const float value : kLogits)
        sum += std::exp(value);
    for (const float value : kLogits)
        entropy -= std::exp(value) / sum * std::log(std::exp(value) / sum);
    Sampler sampler({.temperature = 0.3, .topP = 0.5, .topK = 4, .repetitionPenalty = 2.0, .alternatives = 1},
                    kLogits.size());
    const std::vector<TokenId> seen{1, 3};
    sampler.saw(seen);
    const auto token = sampler.sample(kLogits, 0.0);
    EXPECT_EQ(token.id, 2);  // 1 and 3 fall to 1.5
    EXPECT_EQ(token.rank, 3);
    EXPECT_NEAR(token.logprob, 2.0 - std::log(sum), 1e-6);
    EXPECT_NEAR(token.entropy, entropy, 1e-6);
    EXPECT_EQ(token.alternatives[0].id, 1);
    EXPECT_NEAR(token.alternatives[0].logprob, 3.0 - std::log(sum), 1e-6);
}

TEST(Sampler, DrawsByTheSoftmaxAtTheTemperature) {
    double sum = 0;
    for (const float value : kLogits)
        sum += std::exp(value / 0.7);
    const auto counts = drawn({.temperature = 0.7});
    for (std::size_t id = 0; id < kLogits.size(); ++id)
        EXPECT_NEAR(counts.contains(static_cast<TokenId>(id)) ? counts.at(static_cast<TokenId>(id)) : 0,
                    4000 * std::exp(kLogits[id] / 0.7) / sum, 2)
            << id;
}

TEST(Sampler, TopKAndTopPCutTheTail) {
    const auto two = drawn({.temperature = 1, .topK = 2});
    EXPECT_EQ(two.size(), 2u);
    EXPECT_NEAR(two.at(1), 2000, 2);
    // Shares: 0.397, 0.397, 0.146, 0.054, ...: 0.75 needs two, 0.9 three.
    EXPECT_EQ(drawn({.temperature = 1, .topP = 0.75}).size(), 2u);
    EXPECT_EQ(drawn({.temperature = 1, .topP = 0.9}).size(), 3u);
    EXPECT_EQ(drawn({.temperature = 1, .topP = 0.0}).size(), 1u);
}

TEST(Sampler, PenaltyActsOnBothSigns) {
    Sampler sampler({.repetitionPenalty = 4}, 2);
    const std::vector<TokenId> seen{0};
    sampler.saw(seen);
    EXPECT_EQ(sampler.sample(std::vector<float>{2.0f, 1.0f}, 0).id, 1);
    EXPECT_EQ(sampler.sample(std::vector<float>{-1.0f, -2.0f}, 0).id, 1);
}

TEST(Sampler, NeverChoosesWhatIsNotFinite) {
    const std::vector<float> logits{NAN, -INFINITY, 0.5f, INFINITY};
    for (const double temperature : {0.0, 1.0}) {
        Sampler sampler({.temperature = temperature, .alternatives = 4}, logits.size());
        EXPECT_EQ(sampler.sample(logits, 0.5).id, 2);
        EXPECT_EQ(sampler.sample(logits, 0.5).alternatives.size(), 1u);
    }
}

}  // namespace
}  // namespace caravan::engine::generate
