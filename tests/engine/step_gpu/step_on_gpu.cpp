// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/step_gpu/step_fixture.h"

// Whole tuning steps and decoding of base-16m on the GPU against the CPU's.
namespace caravan::engine {
namespace {

Outcome tune(at::Device device, Compute compute, Quantization quantization,
             OptimizerKind optimizer = OptimizerKind::AdamW, TrainedValues trained = TrainedValues::Fp32) {
    const auto model = makeModel(device, compute, quantization);
    model->trainable().keepAs(trained);
    train::Stepper stepper(*model, {.seed = 5, .optimizer = optimizer, .domains = 2});
    return runSteps(stepper, *model, 3);
}

// kEight: a state near the border of two codes may take either.
constexpr Tolerance kFp32{1e-5, 1e-3, 3e-3}, kEight{1e-4, 5e-3, 3e-3}, kBf16{5e-3, 0.1, 0.05};

TEST_F(StepOnGpu, FollowsTheCpuInFp32) {
    const Outcome expected = tune(at::kCPU, Compute::Fp32, Quantization::None);
    compare(tune(kGpu, Compute::Fp32, Quantization::None), expected, kFp32);
    // bf16: the same run within its rounding
    compare(tune(kGpu, Compute::Bf16, Quantization::None), expected, kBf16);
}

TEST_F(StepOnGpu, FollowsTheCpuOnAnNf4Base) {
    compare(tune(kGpu, Compute::Fp32, Quantization::Nf4), tune(at::kCPU, Compute::Fp32, Quantization::Nf4),
            kFp32);
}

TEST_F(StepOnGpu, FollowsTheCpuWithEightBitStates) {
    constexpr auto kStates = OptimizerKind::AdamW8bit;
    const Outcome expected = tune(at::kCPU, Compute::Fp32, Quantization::Nf4, kStates),
                  got = tune(kGpu, Compute::Fp32, Quantization::Nf4, kStates),
                  again = tune(kGpu, Compute::Fp32, Quantization::Nf4, kStates);
    compare(got, expected, kEight);
    EXPECT_TRUE(sameBits(got.values, again.values));
    const Outcome wide = tune(kGpu, Compute::Fp32, Quantization::Nf4);
    EXPECT_FALSE(sameBits(got.values, wide.values)) << "the states were not of eight bits";
}

// Draws are the CPU's. Where a sum's last bit differs, a value may go to the other neighbour.
TEST_F(StepOnGpu, FollowsTheCpuWithBf16Values) {
    constexpr auto kBf16Values = TrainedValues::Bf16;
    for (const auto optimizer : {OptimizerKind::AdamW, OptimizerKind::AdamW8bit}) {
        const auto on = [&](at::Device device, Compute compute) {
            return tune(device, compute, Quantization::Nf4, optimizer, kBf16Values);
        };
        const Outcome expected = on(at::kCPU, Compute::Fp32), got = on(kGpu, Compute::Fp32),
                      again = on(kGpu, Compute::Fp32), bf16 = on(kGpu, Compute::Bf16),
                      more = on(kGpu, Compute::Bf16);
        compare(got, expected, kEight);
        compare(bf16, expected, kBf16);
        EXPECT_TRUE(sameBits(got.values, again.values));
        EXPECT_TRUE(sameBits(bf16.values, more.values));
        ASSERT_EQ(got.values.scalar_type(), at::kBFloat16);
        const double differing = (got.values != expected.values).to(at::kDouble).mean().item<double>();
        EXPECT_LT(differing, 0.05) << "other draws than the CPU's";
        EXPECT_LT((got.values.to(at::kFloat) - expected.values.to(at::kFloat)).norm().item<double>(),
                  2e-3 * expected.values.to(at::kFloat).norm().item<double>());
    }
}

TEST_F(StepOnGpu, RepeatsBitForBit) {
    for (const Compute compute : {Compute::Fp32, Compute::Bf16}) {
        const Outcome a = tune(kGpu, compute, Quantization::Nf4), b = tune(kGpu, compute, Quantization::Nf4);
        EXPECT_TRUE(sameBits(a.values, b.values)) << (compute == Compute::Fp32 ? "fp32" : "bf16");
        EXPECT_EQ(a.reports.back().lossSum, b.reports.back().lossSum);
    }
}

TEST_F(StepOnGpu, FreshExpertsChangeNothing) {
    for (const Compute compute : {Compute::Fp32, Compute::Bf16}) {
        const auto model = makeModel(kGpu, compute, Quantization::Nf4);
        const auto tokens = train::toDevice(randomBatch(2, 70, kVocabulary, 3), kGpu).tokens;
        const at::Tensor sparse = model->logits(model->forward(tokens)),
                         dense = model->logits(model->forward(tokens, {.dense = true}));
        EXPECT_EQ((sparse - dense).abs().max().item<double>(), 0.0);
    }
}

std::vector<std::int64_t> greedy(at::Device device, std::int64_t count) {
    const auto model = makeModel(device, Compute::Fp32, Quantization::None);
    auto cache = model->makeCache();
    std::vector<std::int32_t> ids{1, 300, 45, 2000, 17};
    std::vector<std::int64_t> out;
    for (std::int64_t i = 0; i < count; ++i) {
        const at::Tensor hidden = model->decode(ids, cache);
        out.push_back(model->logits(hidden.narrow(0, hidden.size(0) - 1, 1)).argmax().item<std::int64_t>());
        ids = {static_cast<std::int32_t>(out.back())};
    }
    return out;
}

TEST_F(StepOnGpu, DecodesTheSameTokens) {
    EXPECT_EQ(greedy(kGpu, 40), greedy(at::kCPU, 40));
}

}  // namespace
}  // namespace caravan::engine
