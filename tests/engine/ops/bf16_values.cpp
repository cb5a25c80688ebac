// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/gradient_sums.h"
#include "engine/ops/parallel.h"
#include "tests/engine/ops/golden_file.h"

// Trained values and gradients that are kept as bf16 alone.
namespace caravan::engine::ops {
namespace {

constexpr std::int64_t kElements = 300001;  // several ranges for each thread, and no multiple of anything

at::Tensor drawn(int site, double bound, at::ScalarType type) {
    return uniformHost({kElements}, bound, {.seed = 7, .purpose = Purpose::Initialise, .site = site})
        .to(type);
}

struct Result {
    at::Tensor values, first, codes, sums, norm;
};

// Three steps with both kinds of states, and gradients of two micro-batches.
Result stepsWith(int threads, std::uint64_t seed) {
    setThreads(threads);
    at::Tensor p = drawn(1, 0.1, at::kBFloat16), q = p.clone(), m = at::zeros({kElements}, at::kFloat),
               v = at::zeros_like(m), sums = at::zeros_like(p);
    AdamW8State state = adamW8State(q);
    for (std::int64_t step = 1; step <= 3; ++step) {
        sums.zero_();
        for (const std::int64_t row : {0, 100}) {
            at::Tensor part = drawn(2 + static_cast<int>(step + row), 1, at::kFloat);
            addGradients(sums, part, 512,
                         {.seed = seed, .purpose = Purpose::RoundGradients, .step = step, .rowOffset = row});
        }
        AdamW options{1e-4, 0.9, 0.999, 1e-8, 0.01, step};
        options.rounding = {.seed = seed, .purpose = Purpose::RoundValues, .step = step};
        adamW(p, sums, m, v, options, at::full({}, 0.5, at::kFloat), at::ones({}, at::kFloat));
        adamW8bit(q, sums, state, options, {}, {});
    }
    Result result{at::cat({p, q}), m, state.codes1, sums, gradientNorm({sums})};
    setThreads(0);
    return result;
}

TEST(Bf16Values, TheSameBitsWithEveryNumberOfThreads) {
    const Result one = stepsWith(1, 5), other = stepsWith(1, 6);
    for (const int threads : {2, 3, 8}) {
        const Result more = stepsWith(threads, 5);
        EXPECT_TRUE(sameBits(one.values, more.values)) << threads;
        EXPECT_TRUE(sameBits(one.first, more.first)) << threads;
        EXPECT_TRUE(sameBits(one.codes, more.codes)) << threads;
        EXPECT_TRUE(sameBits(one.sums, more.sums)) << threads;
        EXPECT_TRUE(sameBits(one.norm, more.norm)) << threads;
    }
    EXPECT_FALSE(sameBits(one.values, other.values)) << "another seed draws otherwise";
    EXPECT_FALSE(sameBits(one.sums, other.sums));
}

TEST(Bf16Values, ABadStepLeavesThemAlone) {
    at::Tensor p = drawn(1, 0.1, at::kBFloat16), m = at::zeros({kElements}, at::kFloat),
               v = at::zeros_like(m);
    const at::Tensor before = p.clone(), g = drawn(2, 1, at::kBFloat16);
    AdamW options{.learningRate = 1e-2, .rounding = RandomKey{.seed = 1}};
    adamW(p, g, m, v, options, at::ones({}, at::kFloat), at::zeros({}, at::kFloat));
    EXPECT_TRUE(sameBits(p, before));
    adamW(p, g, m, v, options, at::ones({}, at::kFloat), at::ones({}, at::kFloat));
    EXPECT_FALSE(sameBits(p, before));
}

TEST(Bf16Values, TheNormIsThatOfTheSameValues) {
    const at::Tensor g = drawn(3, 1, at::kBFloat16);
    EXPECT_TRUE(sameBits(gradientNorm({g}), gradientNorm({g.to(at::kFloat)})));
}

}  // namespace
}  // namespace caravan::engine::ops
