// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cstring>

#include "engine/bench/random_batch.h"
#include "engine/model/layer.h"
#include "engine/ops/cuda_plugin.h"
#include "engine/train/stepper.h"

// Whole tuning steps and decoding of base-16m on the GPU against the CPU's.
namespace caravan::engine {
namespace {

constexpr std::int64_t kVocabulary = 8192;
const at::Device kGpu(at::kCUDA, 0);

class StepOnGpu : public testing::Test {
  protected:
    void SetUp() override {
        const ops::CudaState& state = ops::openCuda("");
        if (!state.table) GTEST_SKIP() << "no GPU: " << state.note;
    }
};

std::unique_ptr<model::Model> makeModel(at::Device device, Compute compute, Quantization quantization) {
    model::LoadOptions options;
    options.device = device;
    options.compute = compute;
    options.quantization = quantization;
    auto model = model::loadModel(CARAVAN_SOURCE_DIR "/resources/demo/base-16m", options);
    model->attachPesc({.experts = 8,
                       .topK = 2,
                       .adapterSize = 64,
                       .scaling = 0.25,
                       .layers = {0, 1, 2, 3, 4, 5, 6, 7},
                       .seed = 1});
    model->attachLora(
        {.rank = 16,
         .alpha = 16,
         .targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
         .seed = 1});
    return model;
}

struct Outcome {
    std::vector<train::StepReport> reports;
    at::Tensor values;
};

Outcome tune(at::Device device, Compute compute, Quantization quantization,
             OptimizerKind optimizer = OptimizerKind::AdamW) {
    const auto model = makeModel(device, compute, quantization);
    train::Stepper stepper(*model, {.seed = 5, .optimizer = optimizer, .domains = 2});
    Outcome outcome;
    for (StepIndex step = 1; step <= 3; ++step) {
        const std::vector<train::TokenBatch> batches{
            randomBatch(2, 100, kVocabulary, static_cast<std::uint64_t>(step)),
            randomBatch(1, 57, kVocabulary, static_cast<std::uint64_t>(10 + step))};
        stepper.run(step, batches, 1e-3);
        outcome.reports.push_back(stepper.take());
    }
    outcome.values = model->trainable().values().cpu().clone();
    return outcome;
}

bool sameBits(const at::Tensor& a, const at::Tensor& b) {
    return a.nbytes() == b.nbytes() && std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

struct Tolerance {
    double loss, norm;
    double load;  // share of the routed slots that near ties may send elsewhere
};
// kEight: a state near the border of two codes may take either.
constexpr Tolerance kFp32{1e-5, 1e-3, 3e-3}, kEight{1e-4, 5e-3, 3e-3}, kBf16{5e-3, 0.1, 0.05};

void compare(const Outcome& got, const Outcome& expected, const Tolerance& tolerance) {
    for (std::size_t i = 0; i < expected.reports.size(); ++i) {
        SCOPED_TRACE(testing::Message() << "step " << i + 1);
        const auto &a = got.reports[i], &b = expected.reports[i];
        EXPECT_TRUE(a.finite);
        EXPECT_NEAR(a.lossSum, b.lossSum, tolerance.loss * b.lossSum);
        EXPECT_NEAR(a.gradientNorm, b.gradientNorm, tolerance.norm * b.gradientNorm);
        double difference = 0, total = 0;
        for (std::size_t j = 0; j < b.load.size(); ++j) {
            difference += std::abs(a.load[j] - b.load[j]);
            total += b.load[j];
        }
        EXPECT_LT(difference, tolerance.load * total) << "expert load";
    }
}

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
