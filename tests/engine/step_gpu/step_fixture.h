// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <cstring>

#include "engine/bench/random_batch.h"
#include "engine/model/layer.h"
#include "engine/ops/cuda_plugin.h"
#include "engine/train/stepper.h"

// base-16m with 8 experts and LoRA, and what its steps are compared by.
namespace caravan::engine {

constexpr std::int64_t kVocabulary = 8192;
inline const at::Device kGpu(at::kCUDA, 0);

class StepOnGpu : public testing::Test {
  protected:
    void SetUp() override {
        const ops::CudaState& state = ops::openCuda("");
        if (!state.table) GTEST_SKIP() << "no GPU: " << state.note;
    }
};

inline std::unique_ptr<model::Model> makeModel(at::Device device, Compute compute,
                                               Quantization quantization) {
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

// Micro-batches of a step, other ones in each.
inline std::vector<train::TokenBatch> twoBatches(StepIndex step) {
    const auto seed = static_cast<std::uint64_t>(step);
    return {randomBatch(2, 100, kVocabulary, seed), randomBatch(1, 57, kVocabulary, 10 + seed)};
}

struct Outcome {
    std::vector<train::StepReport> reports;
    at::Tensor values;
};

inline bool sameBits(const at::Tensor& a, const at::Tensor& b) {
    return a.nbytes() == b.nbytes() && std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

inline Outcome runSteps(train::Stepper& stepper, model::Model& model, StepIndex last) {
    Outcome outcome;
    for (StepIndex step = 1; step <= last; ++step) {
        stepper.run(step, twoBatches(step), 1e-3);
        outcome.reports.push_back(stepper.take());
    }
    outcome.values = model.trainable().values().cpu().clone();
    return outcome;
}

struct Tolerance {
    double loss, norm;
    double load;  // share of the routed slots that near ties may send elsewhere
};

inline void compare(const Outcome& got, const Outcome& expected, const Tolerance& tolerance) {
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

}  // namespace caravan::engine
