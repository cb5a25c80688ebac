// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Fits against formulas whose best is known.
#include "engine/routing/adapter_fit.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/ops.h"
#include "engine/ops/parallel.h"

namespace caravan::engine::routing {
namespace {

constexpr std::int64_t kHidden = 24, kTokens = 768, kHeld = 256;

at::Tensor drawn(at::IntArrayRef shape, std::int32_t site, double bound = 1) {
    return ops::uniformHost(shape, bound, {.seed = 5, .purpose = ops::Purpose::Perturb, .site = site});
}

class Fit : public ::testing::Test {
  protected:
    void SetUp() override { ops::setThreads(1); }
    // tuned = frozen + what `change` makes of it
    template <class F>
    static FfnPairs pairsOf(F&& change, double size = 1) {
        const auto part = [&](std::int64_t tokens, std::int32_t site) {
            const at::Tensor u = drawn({tokens, kHidden}, site) * size;
            return FfnPair{u, u + change(u)};
        };
        return {part(kTokens, 1), part(kHeld, 2)};
    }
    // An adapter of width r.
    static auto adapter(std::int64_t r) {
        return [down = drawn({r, kHidden}, 3, 0.6), up = drawn({kHidden, r}, 4, 0.6)](const at::Tensor& u) {
            return at::mm(at::gelu(at::mm(u, down.t())), up.t());
        };
    }
    static AdapterFit fit(const FfnPairs& pairs, std::int64_t width, std::int64_t steps = 6000) {
        return fitAdapter(pairs, {.width = width, .maxSteps = steps}, {}, {});
    }
    c10::InferenceMode guard;
};

TEST_F(Fit, AnAdapterStandsForAnAdapterOfItsWidthAndNotForAWiderOne) {
    const FfnPairs pairs = pairsOf(adapter(3));
    const AdapterFit one = fit(pairs, 1), three = fit(pairs, 3), eight = fit(pairs, 8);
    EXPECT_GT(one.heldOut, 0.2);
    EXPECT_LT(one.heldOut, 0.95);
    EXPECT_LT(three.heldOut, 1e-3);
    EXPECT_LT(eight.heldOut, 1e-3);
    EXPECT_LT(three.fitted, 1e-3);
    EXPECT_TRUE(one.settled) << "after " << one.steps;
    EXPECT_LT(one.steps, 6000);
    EXPECT_GT(one.steps, 400) << "the learning rate is lowered three times before";
}

TEST_F(Fit, WithoutAdapterOrStepsItIsTheFrozenFfn) {
    const FfnPairs pairs = pairsOf(adapter(3));
    const AdapterFit none = fit(pairs, 0);
    EXPECT_EQ(none.heldOut, 1);
    EXPECT_EQ(none.fitted, 1);
    EXPECT_TRUE(none.settled);
    const AdapterFit fresh = fit(pairs, 8, 0);
    EXPECT_EQ(fresh.heldOut, 1) << "W_up begins as zero";
    EXPECT_EQ(fresh.fitted, 1);
    EXPECT_FALSE(fresh.settled);
}

TEST_F(Fit, AFitThatRanOutOfStepsSaysSo) {
    const AdapterFit cut = fit(pairsOf(adapter(3)), 8, 150);
    EXPECT_FALSE(cut.settled);
    EXPECT_EQ(cut.steps, 150);
    EXPECT_GT(cut.falling, 0.002);
    EXPECT_LT(cut.fitted, 1);
}

TEST_F(Fit, IsTheSameAgainAndAnotherWithAnotherSeed) {
    const FfnPairs pairs = pairsOf(adapter(3));
    AdapterFit first = fit(pairs, 2, 300), second = fit(pairs, 2, 300);
    first.seconds = second.seconds = 0;
    first.linear = second.linear = first.linearFitted = second.linearFitted = 0;
    EXPECT_EQ(first, second);
    EXPECT_NE(fitAdapter(pairs, {.width = 2, .maxSteps = 300, .seed = 1}, {}, {}).fitted, first.fitted);
}

// Real FFNs' outputs are small or large; the form absorbs it and so must the fit.
TEST_F(Fit, DoesNotDependOnTheSizeOfTheOutputs) {
    const auto half = [](const at::Tensor& u) { return 0.5 * u; };
    const double plain = fit(pairsOf(half), 12, 2000).fitted;
    EXPECT_LT(plain, 0.6);
    for (const double size : {1e-4, 1e4})
        EXPECT_NEAR(fit(pairsOf(half, size), 12, 2000).fitted, plain, 0.02 * plain) << size;
}

TEST_F(Fit, IsStopped) {
    std::stop_source source;
    std::int64_t last = 0;
    const auto told = [&](std::int64_t steps) {
        last = steps;
        if (steps >= 50) source.request_stop();
    };
    try {
        static_cast<void>(
            fitAdapter(pairsOf(adapter(3)), {.width = 4, .maxSteps = 5000}, told, source.get_token()));
        FAIL() << "it went on";
    } catch (const EngineException& exception) {
        EXPECT_EQ(exception.error().code, ErrorCode::Interrupted);
    }
    EXPECT_EQ(last, 50);
}

// On inputs with covariance 1 the best map of rank r leaves the squares of the other singular values.
TEST_F(Fit, TheLinearMapsAreThoseOfTheSingularValues) {
    const at::Tensor left = std::get<0>(at::linalg_qr(drawn({kHidden, 3}, 6), "reduced"));
    const at::Tensor right = std::get<0>(at::linalg_qr(drawn({kHidden, 3}, 7), "reduced"));
    const double sizes[] = {3, 2, 1};
    at::Tensor map = at::zeros({kHidden, kHidden});
    for (int i = 0; i < 3; ++i)
        map += sizes[i] * at::outer(left.select(1, i), right.select(1, i));
    const auto part = [&](std::int64_t tokens, std::int32_t site) {
        const at::Tensor u = std::get<0>(at::linalg_qr(drawn({tokens, kHidden}, site), "reduced"));
        return FfnPair{u, u + at::mm(u, map)};
    };
    const FfnPairs pairs{part(kTokens, 8), part(kHeld, 9)};
    std::vector<AdapterFit> fits(5);
    for (std::size_t i = 0; i < 5; ++i)
        fits[i].width = static_cast<std::int64_t>(i);
    addLinearMaps(pairs, fits);
    const double wanted[] = {1, 5.0 / 14, 1.0 / 14, 0, 0};
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_NEAR(fits[i].linear, wanted[i], 1e-5) << i;
        EXPECT_NEAR(fits[i].linearFitted, wanted[i], 1e-5) << i;
    }
    // Two units make a linear one: GELU(z) - GELU(-z) = z.
    EXPECT_LT(fit(pairs, 6).fitted, 0.02);
}

TEST_F(Fit, TheChangeIsOfTheOutputs) {
    const FfnPairs pairs = pairsOf([](const at::Tensor& u) { return 0.5 * u; });
    EXPECT_NEAR(relativeChange(pairs.heldOut), 0.25, 1e-6);
    EXPECT_EQ(relativeChange({pairs.heldOut.frozen, pairs.heldOut.frozen.clone()}), 0);
}

}  // namespace
}  // namespace caravan::engine::routing
