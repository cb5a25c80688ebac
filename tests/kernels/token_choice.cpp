// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/token_choice/logit_sums.h"

namespace caravan::kernels {
namespace {

std::vector<float> drawn(std::size_t count) {
    std::mt19937 generator(static_cast<unsigned>(count));
    std::normal_distribution<float> normal(0, 3);
    std::vector<float> values(count);
    for (float& value : values)
        value = normal(generator);
    return values;
}

// Values that are not finite, wherever they stand, count for nothing.
std::vector<float> withHoles(std::vector<float> values) {
    const float infinity = std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < values.size(); i += 7)
        values[i] = i % 3 == 0 ? std::nanf("") : -infinity;
    if (values.size() > 3) values[3] = infinity;
    return values;
}

TEST(LogitSums, AgainstDoubles) {
    for (const std::size_t count : {1, 2, 15, 16, 17, 100, 4096, 32001})
        for (const bool holes : {false, true}) {
            if (holes && count < 15) continue;
            const std::vector<float> x = holes ? withHoles(drawn(count)) : drawn(count);
            double top = -std::numeric_limits<double>::infinity(), sum = 0, weighted = 0;
            for (const float value : x)
                if (std::isfinite(value)) top = std::max(top, static_cast<double>(value));
            for (const float value : x)
                if (std::isfinite(value)) {
                    const double distance = static_cast<double>(value) - top;
                    sum += std::exp(distance);
                    weighted += distance * std::exp(distance);
                }
            const LogitSums got = logitSums(x.data(), static_cast<std::int64_t>(count));
            EXPECT_EQ(static_cast<double>(got.top), top) << count;
            EXPECT_NEAR(got.sum, sum, 1e-6 * sum) << count;
            EXPECT_NEAR(got.weighted, weighted, 1e-6 * std::abs(weighted) + 1e-9) << count;
            EXPECT_GT(std::abs(got.sum - (sum + std::exp(-3.0))), 1e-6 * sum) << "an error must show";
        }
}

TEST(LogitSums, PlaceOfAToken) {
    std::vector<float> x = drawn(1000);
    x[40] = x[500] = x[999] = x[7];
    const auto count = static_cast<std::int64_t>(x.size());
    for (const std::int64_t id : {0, 7, 40, 500, 999}) {
        std::int64_t ahead = 0;
        for (std::int64_t i = 0; i < count; ++i) {
            const float a = x[static_cast<std::size_t>(i)], b = x[static_cast<std::size_t>(id)];
            ahead += a > b || (a == b && i < id);
        }
        EXPECT_EQ(logitsAhead(x.data(), count, id), ahead);
    }
}

TEST(LogitSums, BlocksThatHoldNothingHigherArePassedOver) {
    std::vector<float> x(3 * kLogitBlock + 5, 1.0F);
    const auto count = static_cast<std::int64_t>(x.size());
    EXPECT_EQ(nextBlockAbove(x.data(), count, 0, 1.0F), 3 * kLogitBlock);  // the rest is looked at one by one
    x[2 * kLogitBlock + 9] = 1.5F;
    EXPECT_EQ(nextBlockAbove(x.data(), count, 0, 1.0F), 2 * kLogitBlock);
    EXPECT_EQ(nextBlockAbove(x.data(), count, kLogitBlock, 1.4F), 2 * kLogitBlock);
    EXPECT_EQ(nextBlockAbove(x.data(), count, 0, 0.5F), 0);
}

}  // namespace
}  // namespace caravan::kernels
