// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/rounding/rounding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/adamw/adamw.h"
#include "kernels/adamw/adamw8.h"
#include "tests/kernels/guarded.h"

namespace caravan::kernels {
namespace {

void fill(std::vector<float>& values, std::uint32_t seed) {
    test::Guarded<float> drawn(static_cast<std::int64_t>(values.size()));
    test::fill(drawn, 1, seed);
    values.assign(drawn.data(), drawn.data() + values.size());
}

PhiloxKey keyOf(std::uint64_t seed, std::uint64_t step = 1) {
    return philoxKey(seed, 7, step, 0, 0);
}

TEST(Rounding, NearestTiesToEvenAsTheProcessorDoes) {
    EXPECT_EQ(bf16Nearest(1.0f), 0x3F80);
    EXPECT_EQ(bf16Nearest(1.0f + 1.0f / 256), 0x3F80) << "a tie, to even";
    EXPECT_EQ(bf16Nearest(1.0f + 3.0f / 256), 0x3F82) << "a tie, to even";
    EXPECT_EQ(bf16Nearest(1.0f + 1.5f / 256), 0x3F81);
    EXPECT_EQ(bf16Nearest(-1.0f - 1.5f / 256), 0xBF81);
    EXPECT_EQ(bf16Nearest(std::numeric_limits<float>::max()), 0x7F80) << "overflows";
}

TEST(Rounding, WhatBf16HoldsAndSpecialValuesStay) {
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
        const auto stored = static_cast<std::uint16_t>(bits);
        const float value = floatOf(stored);
        for (const std::uint32_t half : {0u, 1u, 0x8000u, 0xFFFFu}) {
            if (std::isnan(value)) {
                EXPECT_TRUE(std::isnan(floatOf(bf16AtRandom(value, half))));
                continue;
            }
            ASSERT_EQ(bf16AtRandom(value, half), stored);
        }
        if (!std::isnan(value)) {
            ASSERT_EQ(bf16Nearest(value), stored);
        }
    }
    // A not-a-number whose upper bits alone would be an infinity.
    EXPECT_TRUE(std::isnan(floatOf(bf16AtRandom(std::nanf(""), 0))));
    std::uint32_t bits = 0x7F800001u;
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    EXPECT_TRUE(std::isnan(floatOf(bf16AtRandom(value, 0xFFFF))));
    EXPECT_TRUE(std::isnan(floatOf(bf16Nearest(value))));
}

// The mean of many draws is the value: within four standard errors, and never outside the two neighbours.
TEST(Rounding, AtRandomIsRightOnAverage) {
    constexpr std::int64_t kDraws = 80000;
    for (const float value : {0.3f, -0.3f, 1.0f + 1.0f / 1024, 3.1e-5f, -7.7e-9f, 123.456f, 1e-39f}) {
        const std::vector<float> same(kDraws, value);
        std::vector<std::uint16_t> drawn(kDraws);
        const PhiloxKey key = keyOf(3);
        roundToBf16(same.data(), drawn.data(), kDraws, &key, 0);
        const std::uint16_t cut = static_cast<std::uint16_t>(floatBits(value) >> 16);
        const double low = static_cast<double>(floatOf(cut)),
                     high = static_cast<double>(floatOf(static_cast<std::uint16_t>(cut + 1))),
                     share = (static_cast<double>(value) - low) / (high - low);
        double sum = 0;
        std::int64_t ups = 0;
        for (const std::uint16_t bits : drawn) {
            ASSERT_TRUE(bits == cut || bits == cut + 1);
            ups += bits != cut;
            sum += static_cast<double>(floatOf(bits));
        }
        const double error = std::abs(high - low) * std::sqrt(share * (1 - share) / kDraws);
        EXPECT_NEAR(sum / kDraws, static_cast<double>(value), 4 * error) << value << ", " << ups << " up";
        EXPECT_GT(ups, 0);
        EXPECT_LT(ups, kDraws);
    }
}

// An element's draw follows from key and index alone, however the buffer is cut.
TEST(Rounding, DrawsFollowTheIndex) {
    std::vector<float> values(1003);
    fill(values, 1);
    std::vector<std::uint16_t> whole(values.size()), parts(values.size()), other(values.size());
    const PhiloxKey key = keyOf(1), next = keyOf(1, 2);
    roundToBf16(values.data(), whole.data(), 1003, &key, 0);
    for (std::int64_t begin = 0; begin < 1003; begin += 56)
        roundToBf16(values.data() + begin, parts.data() + begin, std::min<std::int64_t>(56, 1003 - begin),
                    &key, begin);
    EXPECT_EQ(whole, parts);
    roundToBf16(values.data(), other.data(), 1003, &next, 0);
    EXPECT_NE(whole, other);
}

struct Sums {
    std::vector<std::uint16_t> sum;
    std::vector<float> part;
    explicit Sums(std::size_t n) : sum(n), part(n) {}
    void add(const std::vector<float>& values, std::uint64_t seed, std::int64_t rowOffset) {
        part = values;
        addGradients({sum.data(), part.data(), 64, keyOf(seed), rowOffset}, 0,
                     static_cast<std::int64_t>(sum.size()));
    }
};

TEST(GradientSums, TheFirstPartIsNearestAndPartsAreCleared) {
    std::vector<float> values(101);
    fill(values, 5);
    Sums a(101), b(101);
    a.add(values, 1, 0);
    b.add(values, 2, 0);
    EXPECT_EQ(a.sum, b.sum) << "no draw decides the first";
    for (std::size_t i = 0; i < 101; ++i) {
        EXPECT_EQ(a.sum[i], bf16Nearest(values[i]));
        EXPECT_EQ(a.part[i], 0.0f);
    }
    const auto before = a.sum;
    a.add(std::vector<float>(101, 0.0f), 1, 40);
    EXPECT_EQ(a.sum, before) << "nothing added, nothing drawn";
    a.add(values, 1, 40);
    b.add(values, 1, 50);
    EXPECT_NE(a.sum, b.sum) << "each micro-batch has its own draws";
}

// 1,024 parts of a thousandth each: to the nearest the sum would stand still as soon as a part is below half
// of its last place; at random it arrives.
TEST(GradientSums, SmallPartsAreNotLost) {
    constexpr std::size_t kElements = 4096;
    Sums sums(kElements);
    std::uint16_t still = 0;
    for (std::int64_t batch = 0; batch < 1024; ++batch) {
        sums.add(std::vector<float>(kElements, 1e-3f), 9, batch * 128);
        still = bf16Nearest(floatOf(still) + 1e-3f);
    }
    double mean = 0;
    for (const std::uint16_t bits : sums.sum)
        mean += static_cast<double>(floatOf(bits)) / kElements;
    EXPECT_NEAR(mean, 1.024, 1.024 * 0.005);
    EXPECT_EQ(floatOf(still), 0.5f) << "what rounding to the nearest makes of it";
}

struct State {
    std::vector<std::uint16_t> p, g;
    std::vector<float> m, v;
};
State stateOf(std::size_t n) {
    State s;
    std::vector<float> p(n), g(n);
    fill(p, 1);
    fill(g, 2);
    s.p.resize(n);
    s.g.resize(n);
    roundToBf16(p.data(), s.p.data(), static_cast<std::int64_t>(n), nullptr, 0);
    roundToBf16(g.data(), s.g.data(), static_cast<std::int64_t>(n), nullptr, 0);
    s.m.assign(n, 0.01f);
    s.v.assign(n, 0.04f);
    return s;
}

// The mean over many seeds is the fp32 update of the same values; a rate far below a value's last place
// moves it all the same.
TEST(AdamWBf16, FollowsTheFp32UpdateOnAverage) {
    constexpr std::size_t kElements = 3000;
    constexpr int kSeeds = 400;
    AdamWStep step;
    step.learningRate = 1e-3;
    step.weightDecay = 0.1;
    const State before = stateOf(kElements);
    State wide = before;
    std::vector<float> p(kElements), g(kElements);
    widenBf16(before.p.data(), p.data(), kElements);
    widenBf16(before.g.data(), g.data(), kElements);
    adamWRange(AdamWBuffers<float>{p.data(), g.data(), wide.m.data(), wide.v.data()}, step, 0.5, 0,
               kElements);
    double moved = 0, expected = 0, nearest = 0;
    for (int seed = 0; seed <= kSeeds; ++seed) {
        State s = before;
        const PhiloxKey key = keyOf(static_cast<std::uint64_t>(seed));
        const bool atRandom = seed < kSeeds;
        adamWBf16Range({s.p.data(), s.g.data(), s.m.data(), s.v.data()}, step, 0.5, atRandom ? &key : nullptr,
                       0, kElements);
        EXPECT_EQ(s.m, wide.m);
        EXPECT_EQ(s.v, wide.v);
        for (std::size_t i = 0; i < kElements; ++i) {
            const double sign = p[i] < floatOf(before.p[i]) ? -1 : 1;
            const double change =
                static_cast<double>(floatOf(s.p[i])) - static_cast<double>(floatOf(before.p[i]));
            (atRandom ? moved : nearest) += sign * change / (atRandom ? kSeeds : 1);
            if (seed == 0) expected += sign * static_cast<double>(p[i] - floatOf(before.p[i]));
        }
    }
    EXPECT_NEAR(moved, expected, 0.03 * expected);
    EXPECT_LT(nearest, 0.5 * expected) << "to the nearest most of it is lost";
}

TEST(AdamW8Bf16, StatesAreThoseOfFp32ValuesAndCutsDoNotMatter) {
    constexpr std::int64_t kElements = 1111, kBlocks = 5;
    AdamWStep step;
    step.learningRate = 1e-2;
    step.weightDecay = 0.1;
    step.step = 3;
    const State before = stateOf(kElements);
    struct Codes {
        std::vector<std::uint8_t> a = std::vector<std::uint8_t>(kElements, 200), b = a;
        std::vector<float> x = std::vector<float>(kBlocks, 0.3f), y = x;
    };
    Codes wide, whole, cut;
    std::vector<float> p(kElements), g(kElements);
    widenBf16(before.p.data(), p.data(), kElements);
    widenBf16(before.g.data(), g.data(), kElements);
    adamW8Blocks({p.data(), g.data(), wide.a.data(), wide.b.data(), wide.x.data(), wide.y.data(), false},
                 step, 0.5, kElements, 0, kBlocks);
    const PhiloxKey key = keyOf(4);
    State s = before, t = before;
    adamW8Bf16Blocks({s.p.data(), s.g.data(), whole.a.data(), whole.b.data(), whole.x.data(), whole.y.data()},
                     step, 0.5, &key, kElements, 0, kBlocks);
    for (const std::int64_t block : {3, 0, 4, 2, 1})
        adamW8Bf16Blocks({t.p.data(), t.g.data(), cut.a.data(), cut.b.data(), cut.x.data(), cut.y.data()},
                         step, 0.5, &key, kElements, block, block + 1);
    EXPECT_EQ(s.p, t.p);
    EXPECT_EQ(whole.a, cut.a);
    EXPECT_EQ(whole.a, wide.a);
    EXPECT_EQ(whole.b, wide.b);
    EXPECT_EQ(whole.x, wide.x);
    EXPECT_EQ(whole.y, wide.y);
    std::vector<std::uint16_t> expected(kElements);
    roundToBf16(p.data(), expected.data(), kElements, &key, 0);
    EXPECT_EQ(s.p, expected);
}

TEST(SquareSums, OfBf16AreThoseOfTheSameValues) {
    const State s = stateOf(70001);
    std::vector<float> g(70001);
    widenBf16(s.g.data(), g.data(), 70001);
    double expected[2], got[2];
    squareSums(g.data(), 70001, expected, 0, 2);
    squareSums(s.g.data(), 70001, got, 0, 2);
    EXPECT_EQ(got[0], expected[0]);
    EXPECT_EQ(got[1], expected[1]);
}

}  // namespace
}  // namespace caravan::kernels
