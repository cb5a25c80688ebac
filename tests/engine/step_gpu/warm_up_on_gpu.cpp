// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/warm_up.h"
#include "tests/engine/step_gpu/step_fixture.h"

namespace caravan::engine {
namespace {

Outcome tune(Compute compute, Quantization quantization, bool warmed, std::int64_t microBatchTokens) {
    const auto model = makeModel(kGpu, compute, quantization);
    const train::StepperOptions options{.seed = 5, .domains = 2, .graph = StepGraph::Auto};
    if (warmed) {
        const at::Tensor before = model->trainable().values().cpu().clone();
        train::warmUp(*model, options, 512, microBatchTokens);
        EXPECT_TRUE(sameBits(model->trainable().values().cpu(), before));
        EXPECT_TRUE(model->trainable().tuning());  // it did get there
    }
    train::Stepper stepper(*model, options);
    return runSteps(stepper, *model, 3);
}

class WarmUpOnGpu : public StepOnGpu {};

TEST_F(WarmUpOnGpu, ChangesNoStep) {
    for (const auto& [compute, quantization] :
         {std::pair{Compute::Fp32, Quantization::None}, std::pair{Compute::Bf16, Quantization::Nf4}}) {
        const Outcome cold = tune(compute, quantization, false, 0);
        for (const std::int64_t tokens : {1, 100, 4096}) {
            const Outcome warm = tune(compute, quantization, true, tokens);
            EXPECT_TRUE(sameBits(warm.values, cold.values)) << tokens;
            for (std::size_t i = 0; i < cold.reports.size(); ++i) {
                EXPECT_EQ(warm.reports[i].lossSum, cold.reports[i].lossSum);
                EXPECT_EQ(warm.reports[i].load, cold.reports[i].load);
            }
        }
    }
}

}  // namespace
}  // namespace caravan::engine
