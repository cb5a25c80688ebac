// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace caravan::engine::routing {
namespace {

TEST(RoutingStatistics, UniformAndCollapsedLoad) {
    const std::vector<double> uniform{0.25, 0.25, 0.25, 0.25}, collapsed{1, 0, 0, 0};
    EXPECT_DOUBLE_EQ(entropy(uniform), 1);
    EXPECT_DOUBLE_EQ(effectiveExperts(uniform), 4);
    EXPECT_DOUBLE_EQ(maxViolation(uniform), 0);
    EXPECT_DOUBLE_EQ(variation(uniform), 0);
    EXPECT_DOUBLE_EQ(entropy(collapsed), 0);
    EXPECT_DOUBLE_EQ(effectiveExperts(collapsed), 1);
    EXPECT_DOUBLE_EQ(maxViolation(collapsed), 3);
    EXPECT_DOUBLE_EQ(variation(collapsed), std::sqrt(3.0));
}

TEST(RoutingStatistics, ByFormula) {
    const auto share = shares(std::vector<double>{10, 30, 60});
    EXPECT_DOUBLE_EQ(share[1], 0.3);
    const double h = -(0.1 * std::log(0.1) + 0.3 * std::log(0.3) + 0.6 * std::log(0.6));
    EXPECT_NEAR(entropy(share), h / std::log(3.0), 1e-12);
    EXPECT_NEAR(effectiveExperts(share), std::exp(h), 1e-12);
    EXPECT_NEAR(maxViolation(share), 0.8, 1e-12);
    const auto mean = means(
        {.topProbability = 6, .margin = 3, .entropy = 5 * std::log(4.0), .logSumExp = 20, .tokens = 10}, 4);
    EXPECT_DOUBLE_EQ(mean.confidence, 0.6);
    EXPECT_DOUBLE_EQ(mean.margin, 0.3);
    EXPECT_DOUBLE_EQ(mean.tokenEntropy, 0.5);
    EXPECT_DOUBLE_EQ(mean.logSumExp, 2);
    EXPECT_DOUBLE_EQ(means({}, 4).confidence, 0);
    EXPECT_EQ(shares(std::vector<double>{0, 0}), (std::vector<double>{0, 0}));
}

RoutingRecord record() {
    RoutingRecord r;
    r.layers = {0, 5};
    r.experts = 4;
    r.topK = 2;
    r.domains = {"general", "code"};
    r.values.assign(2 * 4 * 2 * 8, 0.0f);
    return r;
}

TEST(RoutingStatistics, AnExpertIsDeadOnlyIfNoDomainUsesIt) {
    auto r = record();
    const auto put = [&](std::size_t layer, std::size_t expert, std::size_t domain, float count) {
        r.values[r.index(layer, expert, domain, 1, 1, 0)] = count;
    };
    for (std::size_t expert = 0; expert < 3; ++expert)
        put(1, expert, 0, 100);
    put(1, 3, 1, 5);  // only in a domain of few tokens
    put(1, 0, 1, 100);
    put(0, 0, 0, 1000);
    put(0, 1, 0, 26);  // 2.53 % of 1,026: just above 0.1 / 4
    const auto dead = deadExperts(r);
    EXPECT_EQ(dead, (std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 2}, {0, 3}}));
    EXPECT_EQ(counts(r, 1, Choice::All), (std::vector<double>{200, 100, 100, 5}));
    EXPECT_EQ(counts(r, 1, Choice::All, 1), (std::vector<double>{100, 0, 0, 5}));
    EXPECT_EQ(counts(r, 1, Choice::First), (std::vector<double>{0, 0, 0, 0}));
    const std::vector<TokenSums> sums{{.topProbability = 1, .tokens = 2}, {.topProbability = 2, .tokens = 2}};
    const auto statistics = statisticsOf(r, sums);
    ASSERT_EQ(statistics.maxVio.size(), 2u);
    EXPECT_NEAR(statistics.maxVio[1], 4 * 200.0 / 405 - 1, 1e-12);
    EXPECT_DOUBLE_EQ(statistics.confidence[1], 1);
    EXPECT_EQ(statistics.dead.size(), 2u);
}

}  // namespace
}  // namespace caravan::engine::routing
