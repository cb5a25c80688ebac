// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/ops.h"
#include "tests/engine/ops/golden_file.h"

// 8-bit AdamW against five recorded steps of bitsandbytes: each step starts from the recorded state before
// it.
namespace caravan::engine::ops {
namespace {

struct Case {
    const char* name;
    AdamW options;
    std::int64_t steps;
};

AdamW8State recorded(const SafetensorsFile& file, const std::string& name, std::int64_t row) {
    const auto part = [&](const char* key) { return golden(file, name + key)[row].clone(); };
    return {part(".state1"), part(".state2"), part(".absmax1"), part(".absmax2")};
}

std::int64_t differing(const at::Tensor& a, const at::Tensor& b) {
    return (a != b).sum().item<std::int64_t>();
}

// bitsandbytes takes beta2^t from the GPU's fast power, which lies above the true value: by these many units
// in the last place for 0.999. 1 - beta2^t is small, so the recorded steps are 2e-5 to 3e-5 shorter than the
// formula's. With their length every parameter is bitwise the recorded one.
double recordedRate(const AdamW& options) {
    constexpr int kUnits[] = {1, 2, 3, 3, 3};
    if (options.beta2 != 0.999) return options.learningRate;
    const float power = std::pow(static_cast<float>(options.beta2), static_cast<float>(options.step));
    float fast = power;
    for (int i = 0; i < kUnits[options.step - 1]; ++i)
        fast = std::nextafter(fast, 1.0f);
    return options.learningRate * std::sqrt((1.0 - fast) / (1.0 - power));
}

void checkSteps(const Case& c) {
    const auto file = goldenFile("adamw8_golden.safetensors");
    const std::string name = c.name;
    const at::Tensor gradients = golden(file, name + ".grad"), results = golden(file, name + ".p");
    for (std::int64_t step = 0; step < c.steps; ++step) {
        SCOPED_TRACE(name + " step " + std::to_string(step + 1));
        at::Tensor p = step == 0 ? golden(file, name + ".p0") : results[step - 1].clone();
        AdamW8State state = step == 0 ? adamW8State(p) : recorded(file, name, step - 1);
        AdamW options = c.options;
        options.step = step + 1;
        options.learningRate = recordedRate(options);
        adamW8bit(p, gradients[step], state, options, {}, {});
        const AdamW8State expected = recorded(file, name, step);
        // Its fast division by the block's largest value: in the first step codes at a boundary may fall on
        // the other side.
        EXPECT_LE(differing(state.codes1, expected.codes1), step == 0 ? 21 : 0);
        EXPECT_LE(differing(state.codes2, expected.codes2), step == 0 ? 21 : 0);
        const at::Tensor off = (state.codes1.to(at::kInt) - expected.codes1.to(at::kInt)).abs();
        EXPECT_LE(off.max().item<int>(), 1);
        EXPECT_TRUE(at::allclose(state.absmax1, expected.absmax1, 1e-6, 0));
        EXPECT_TRUE(at::allclose(state.absmax2, expected.absmax2, 1e-6, 0));
        const at::Tensor result = results[step];
        EXPECT_LE(differing(p.nan_to_num(), result.nan_to_num()), 1) << "of " << p.numel();
    }
}

TEST(AdamW8, FollowsBitsandbytes) {
    checkSteps({"a4096", {1e-3, 0.9, 0.999, 1e-8, 0.01}, 5});
    checkSteps({"b20000", {2e-4, 0.9, 0.999, 1e-8, 0.0}, 5});
    checkSteps({"c5000", {1e-3, 0.9, 0.95, 1e-6, 0.1}, 5});
}
TEST(AdamW8, ANonFiniteGradientLeavesItsElementAlone) {
    checkSteps({"nonfinite", {1e-3, 0.9, 0.999, 1e-8, 0.01}, 3});
}

TEST(AdamW8, SeesAnInjectedError) {
    const auto file = goldenFile("adamw8_golden.safetensors");
    at::Tensor p = golden(file, "a4096.p")[0].clone();
    AdamW8State state = recorded(file, "a4096", 0);
    AdamW options{1e-3, 0.9, 0.99, 1e-8, 0.01};  // another beta2
    options.step = 2;
    adamW8bit(p, golden(file, "a4096.grad")[1], state, options, {}, {});
    EXPECT_GT(differing(state.codes2, recorded(file, "a4096", 1).codes2), 21);
}

// Full-precision states: bitsandbytes' 32-bit AdamW gives bf16 parameters, so the update is compared before
// rounding.
TEST(AdamW, FollowsTheFormula) {
    const AdamW options{1e-2, 0.8, 0.95, 1e-6, 0.1, 1};
    at::Tensor p = at::linspace(-1, 1, 101, at::kDouble), m = at::zeros_like(p), v = at::zeros_like(p);
    at::Tensor expected = p.clone(), em = m.clone(), ev = v.clone();
    for (std::int64_t step = 1; step <= 3; ++step) {
        const at::Tensor g = at::sin(at::arange(101, at::kDouble) * static_cast<double>(step));
        AdamW o = options;
        o.step = step;
        adamW(p, g, m, v, o, at::full({}, 0.5, at::kFloat), at::ones({}, at::kFloat));
        em = 0.8 * em + 0.2 * (0.5 * g);
        ev = 0.95 * ev + 0.05 * (0.5 * g).square();
        expected = expected * (1 - 1e-2 * 0.1) - 1e-2 * (em / (1 - std::pow(0.8, step))) /
                                                     ((ev / (1 - std::pow(0.95, step))).sqrt() + 1e-6);
        EXPECT_LT((p - expected).abs().max().item<double>(), 1e-14);
    }
    const at::Tensor before = p.clone();
    adamW(p, m, m, v, options, at::ones({}, at::kFloat), at::zeros({}, at::kFloat));
    EXPECT_TRUE(sameBits(p, before));
}

TEST(GradientNorm, SumsOverBuffersInAFixedOrder) {
    const at::Tensor a = uniformHost({200001}, 1, {.seed = 1}), b = uniformHost({77}, 1, {.seed = 2});
    const double expected = std::sqrt(a.to(at::kDouble).square().sum().item<double>() +
                                      b.to(at::kDouble).square().sum().item<double>());
    EXPECT_NEAR(gradientNorm({a, b}).item<double>(), expected, 1e-6 * expected);
    EXPECT_TRUE(sameBits(gradientNorm({a, b}), gradientNorm({a, b})));
}

}  // namespace
}  // namespace caravan::engine::ops
