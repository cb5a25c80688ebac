// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "kernels/router/router.h"
#include "tests/kernels/guarded.h"

namespace caravan::kernels {
namespace {
using test::fill;
using test::Guarded;

TEST(TopK, TiesGoToTheLowestIndexAndNaNComesLast) {
    const float nan = std::nanf("");
    const float logits[] = {1, 3, 3, 2, /**/ 0, 0, 0, 0, /**/ nan, -5, nan, -9};
    Guarded<std::int32_t> chosen(6);
    Guarded<float> weights(6);
    topKRows(logits, chosen.data(), weights.data(), 4, 2, 0, 3);
    EXPECT_EQ(std::vector<std::int32_t>(chosen.data(), chosen.data() + 6),
              (std::vector<std::int32_t>{1, 2, 0, 1, 1, 3}));
    EXPECT_FLOAT_EQ(weights[0], 0.5f);
    EXPECT_FLOAT_EQ(weights[4], 1 / (1 + std::exp(-4.0f)));
    EXPECT_TRUE(chosen.intact() && weights.intact());
}

TEST(TopK, WeightsAreTheRenormalisedFullSoftmax) {
    const std::int64_t tokens = 33, experts = 11, k = 4;
    Guarded<float> z(tokens * experts), weights(tokens * k);
    Guarded<std::int32_t> chosen(tokens * k);
    fill(z, 4, 1);
    topKRows(z.data(), chosen.data(), weights.data(), experts, k, 0, tokens);
    for (std::int64_t t = 0; t < tokens; ++t) {
        std::vector<std::int32_t> order(experts);
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](int a, int b) { return z[t * experts + a] > z[t * experts + b]; });
        double sum = 0;
        for (std::int64_t i = 0; i < k; ++i)
            sum += std::exp(double{z[t * experts + order[static_cast<std::size_t>(i)]]});
        for (std::int64_t i = 0; i < k; ++i) {
            const auto e = order[static_cast<std::size_t>(i)];
            ASSERT_EQ(chosen[t * k + i], e);
            ASSERT_NEAR(weights[t * k + i], std::exp(double{z[t * experts + e]}) / sum, 1e-6);
        }
    }
}

// All tokens on one expert, empty experts, one token, odd counts.
class Sort : public testing::TestWithParam<std::pair<std::int64_t, int>> {};

TEST_P(Sort, IsAStablePermutation) {
    const auto [slots, pattern] = GetParam();
    const std::int64_t experts = 7;
    Guarded<std::int32_t> chosen(slots), counts(experts), offsets(experts + 1), order(slots), place(slots);
    for (std::int64_t i = 0; i < slots; ++i)
        chosen[i] = static_cast<std::int32_t>(pattern == 0   ? 5
                                              : pattern == 1 ? i * i % experts
                                                             : (i % 3) * 2);
    sortByExpert(chosen.data(), slots, experts, counts.data(), offsets.data(), order.data(), place.data());
    EXPECT_TRUE(counts.intact() && offsets.intact() && order.intact() && place.intact());
    EXPECT_EQ(offsets[0], 0);
    EXPECT_EQ(offsets[experts], slots);
    for (std::int64_t e = 0; e < experts; ++e) {
        ASSERT_EQ(offsets[e + 1] - offsets[e], counts[e]);
        for (std::int64_t i = offsets[e]; i < offsets[e + 1]; ++i) {
            ASSERT_EQ(chosen[order[i]], e);
            ASSERT_EQ(place[order[i]], i);
            if (i > offsets[e]) ASSERT_GT(order[i], order[i - 1]);
        }
    }
}
INSTANTIATE_TEST_SUITE_P(Skew, Sort,
                         testing::Values(std::pair{1l, 0}, std::pair{64l, 0}, std::pair{63l, 1},
                                         std::pair{301l, 1}, std::pair{301l, 2}));

TEST(Accumulate, CountsAndGateSumsAgreeWithAPlainLoop) {
    const std::int64_t tokens = 29, experts = 5, k = 2, domains = 3;
    Guarded<float> z(tokens * experts), weights(tokens * k), load(experts * domains * 8), layer(5),
        probability(experts);
    Guarded<std::int32_t> chosen(tokens * k), domain(tokens), role(tokens);
    fill(z, 3, 4);
    topKRows(z.data(), chosen.data(), weights.data(), experts, k, 0, tokens);
    for (std::int64_t t = 0; t < tokens; ++t) {
        domain[t] = static_cast<std::int32_t>(t % domains);
        role[t] = static_cast<std::int32_t>(t % 5 > 1);
    }
    accumulateRouting(z.data(), chosen.data(), weights.data(), domain.data(), role.data(), tokens, experts, k,
                      {load.data(), layer.data(), probability.data(), domains});
    EXPECT_TRUE(load.intact() && layer.intact() && probability.intact());
    std::vector<double> expected(static_cast<std::size_t>(load.size()));
    for (std::int64_t slot = 0; slot < tokens * k; ++slot) {
        const std::int64_t t = slot / k;
        for (int all = slot % k == 0 ? 0 : 1; all < 2; ++all) {
            const auto cell = static_cast<std::size_t>(
                (((chosen[slot] * domains + domain[t]) * 2 + all) * 2 + role[t]) * 2);
            expected[cell] += 1;
            expected[cell + 1] += weights[slot];
        }
    }
    for (std::int64_t i = 0; i < load.size(); ++i)
        EXPECT_NEAR(load[i], expected[static_cast<std::size_t>(i)], 1e-5) << i;
    double sum = 0;
    for (std::int64_t e = 0; e < experts; ++e)
        sum += probability[e];
    EXPECT_NEAR(sum, tokens, 1e-4);
    EXPECT_EQ(layer[4], static_cast<float>(tokens));
    EXPECT_GT(layer[2], 0);
    EXPECT_LT(layer[2], tokens * std::log(5.0));
}

}  // namespace
}  // namespace caravan::kernels
