// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/choices.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

namespace caravan::engine::routing {
namespace {

// Two rows of three tokens, 3 experts, k = 2, one layer.
Choices small() {
    Choices c{.experts = 3, .topK = 2};
    c.ids = {5, 5, 6, 5, 6, 6};
    c.domains = {0, 0, 0, 1, 1, 1};
    c.rows = {0, 0, 0, 3, 3, 3};
    c.chosen = {{0, 1, 0, 2, 1, 0, 2, 1, 2, 0, 2, 1}};
    c.gates = {{.9F, .1F, .8F, .2F, .7F, .3F, .6F, .4F, .55F, .45F, .51F, .49F}};
    return c;
}

Choices random(std::size_t tokens, std::size_t experts, unsigned seed) {
    Choices c{.experts = experts, .topK = 2};
    std::mt19937 draw(seed);
    c.chosen.resize(1);
    c.gates.resize(1);
    for (std::size_t t = 0; t < tokens; ++t) {
        c.ids.push_back(static_cast<std::int32_t>(draw() % 20));
        c.domains.push_back(static_cast<std::int32_t>(draw() % 3));
        c.rows.push_back(0);
        const auto a = static_cast<std::uint16_t>(draw() % experts);
        const auto b = static_cast<std::uint16_t>((a + 1 + draw() % (experts - 1)) % experts);
        c.chosen[0].insert(c.chosen[0].end(), {a, b});
        c.gates[0].insert(c.gates[0].end(), {.6F, .4F});
    }
    return c;
}

TEST(PairCounts, SumToTokensTimesPairsAndHoldTheLoadOnTheDiagonal) {
    const Choices c = random(500, 6, 1);
    const auto counts = pairCounts(c, 0);
    double diagonal = 0, others = 0;
    for (std::size_t a = 0; a < 6; ++a)
        for (std::size_t b = 0; b < 6; ++b) {
            (a == b ? diagonal : others) += counts[a * 6 + b];
            EXPECT_EQ(counts[a * 6 + b], counts[b * 6 + a]);
        }
    EXPECT_EQ(diagonal, 500 * 2);    // T k
    EXPECT_EQ(others, 500 * 2 * 1);  // T k (k - 1)
    const auto p = conditional(counts, 6);
    for (std::size_t a = 0; a < 6; ++a) {
        EXPECT_TRUE(std::isnan(p[a * 6 + a]));
        double row = 0;
        for (std::size_t b = 0; b < 6; ++b)
            if (a != b) row += p[a * 6 + b];
        EXPECT_NEAR(row, 1, 1e-12) << "k - 1 others";
    }
}

TEST(PairCounts, ByHand) {
    const auto counts = pairCounts(small(), 0);
    EXPECT_EQ(counts, (std::vector<double>{4, 2, 2, 2, 4, 2, 2, 2, 4}));
    EXPECT_DOUBLE_EQ(conditional(counts, 3)[1], 0.5);
    Choices unused = small();
    unused.chosen = {{0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1}};
    EXPECT_TRUE(std::isnan(conditional(pairCounts(unused, 0), 3)[2 * 3])) << "nobody chose expert 2";
}

TEST(RepeatRate, LeavesTheFirstTokenOfARowOut) {
    // first choices 0 0 1 | 2 2 2
    EXPECT_DOUBLE_EQ(repeatRate(small(), 0), 3.0 / 4.0);
}

TEST(Information, IsTheEntropyOfTheDomainWhenExpertsFollowItAndNoneWhenTheyDoNot) {
    Choices c = small();
    c.topK = 1;
    c.chosen = {{0, 0, 0, 1, 1, 1}};
    EXPECT_NEAR(information(c, 0, c.domains), std::log(2.0), 1e-12);
    c.chosen = {{2, 2, 2, 2, 2, 2}};
    EXPECT_NEAR(information(c, 0, c.domains), 0, 1e-12);
    const Choices many = random(20000, 8, 3);
    EXPECT_LT(information(many, 0, many.domains), 2e-3);
}

TEST(Information, ShufflingKeepsTheDomainsAndTakesTheInformation) {
    Choices c = random(6000, 4, 4);
    for (std::size_t t = 0; t < c.tokens(); ++t)
        c.domains[t] = c.chosen[0][2 * t] < 2 ? 0 : 1;
    auto mixed = shuffled(c.domains);
    EXPECT_EQ(mixed, shuffled(c.domains)) << "the same every time";
    EXPECT_LT(information(c, 0, mixed), 0.05 * information(c, 0, c.domains));
    EXPECT_EQ(std::accumulate(mixed.begin(), mixed.end(), 0),
              std::accumulate(c.domains.begin(), c.domains.end(), 0));
}

TEST(Saturation, IsOneWithItselfWhateverTheOrderAndCountsSharedChoices) {
    const Choices c = small();
    EXPECT_DOUBLE_EQ(saturation(c, c, 0), 1);
    Choices turned = c;
    for (std::size_t t = 0; t < c.tokens(); ++t)
        std::swap(turned.chosen[0][2 * t], turned.chosen[0][2 * t + 1]);
    EXPECT_DOUBLE_EQ(saturation(c, turned, 0), 1);
    Choices other = c;
    other.chosen[0][0] = 2;  // {0, 1} -> {2, 1}
    EXPECT_DOUBLE_EQ(saturation(c, other, 0), 11.0 / 12.0);
    Choices shorter = c;
    shorter.ids.pop_back();
    EXPECT_TRUE(std::isnan(saturation(c, shorter, 0)));
}

TEST(Vocabulary, TellsSharesOfOccurrencesOfTokensSeenOftenEnough) {
    Choices c{.experts = 2, .topK = 1};
    c.chosen.resize(1);
    for (int i = 0; i < 10; ++i) {  // id 7: eight times expert 0, twice expert 1; id 8: ten times expert 1
        c.ids.insert(c.ids.end(), {7, 8});
        c.chosen[0].insert(c.chosen[0].end(), {static_cast<std::uint16_t>(i < 8 ? 0 : 1), 1});
    }
    c.ids.push_back(9);  // too seldom
    c.chosen[0].push_back(0);
    const Vocabulary words = vocabulary(c, 0, 4);
    EXPECT_DOUBLE_EQ(words.specialisation, (8.0 + 10.0) / 20.0);
    ASSERT_EQ(words.tokens[0].size(), 1u);
    EXPECT_EQ(words.tokens[0][0].id, 7);
    EXPECT_DOUBLE_EQ(words.tokens[0][0].share, 0.8);
    ASSERT_EQ(words.tokens[1].size(), 2u);
    EXPECT_EQ(words.tokens[1][0].id, 8);
    EXPECT_EQ(words.tokens[1][1].count, 10);
    EXPECT_EQ(vocabulary(c, 0, 1).tokens[1].size(), 1u);
}

TEST(TopTokens, GiveTheHighestGatesAndATokenAtMostTwice) {
    const auto top = topTokens(small(), 0, 3);
    ASSERT_EQ(top[0].size(), 3u);
    EXPECT_EQ(top[0][0].token, 0u);  // gate 0.9, id 5
    EXPECT_EQ(top[0][1].token, 1u);  // gate 0.8, id 5
    EXPECT_EQ(top[0][2].token, 4u);  // 0.45 with id 6
    Choices same = small();
    same.ids.assign(6, 1);
    EXPECT_EQ(topTokens(same, 0, 3)[0].size(), 2u);
}

}  // namespace
}  // namespace caravan::engine::routing
