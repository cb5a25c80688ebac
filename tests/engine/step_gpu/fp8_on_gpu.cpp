// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/fp8.h"
#include "tests/engine/step_gpu/step_fixture.h"

// Steps whose products of frozen weights are in fp8.
namespace caravan::engine {
namespace {

class Fp8StepOnGpu : public StepOnGpu {
    void SetUp() override {
        StepOnGpu::SetUp();
        if (IsSkipped()) return;
        try {
            ops::requireFp8(kGpu, at::kBFloat16);
        } catch (const EngineException& e) {
            GTEST_SKIP() << e.error().parameter("detail");
        }
    }
};

Outcome tune(at::Device device, bool fp8, Recompute recompute, train::StepperOptions options) {
    const auto model = makeModel(device, Compute::Auto, Quantization::Nf4);
    model->keepFp8(fp8);
    options.seed = 5;
    options.domains = 2;
    options.recompute = recompute;
    train::Stepper stepper(*model, options);
    Outcome outcome = runSteps(stepper, *model, 4);
    EXPECT_EQ(stepper.takeNotice(), "");
    return outcome;
}

// The CPU rounds the same rows and multiplies in fp32; bf16 between the products and the tensor cores'
// shorter sums are left.
TEST_F(Fp8StepOnGpu, FollowsTheCpusRounding) {
    const Outcome expected = tune(at::kCPU, true, Recompute::None, {}),
                  got = tune(kGpu, true, Recompute::None, {}), bf16 = tune(kGpu, false, Recompute::None, {});
    compare(got, expected, {1e-2, 0.15, 0.1});
    EXPECT_FALSE(sameBits(got.values, bf16.values)) << "the products were not in fp8";
}

TEST_F(Fp8StepOnGpu, RepeatsBitForBitAndAsAGraph) {
    for (const Recompute recompute : {Recompute::None, Recompute::Rows, Recompute::GateUp, Recompute::All}) {
        const auto with = [&](bool record) {
            return tune(kGpu, true, recompute, {.graph = StepGraph::Auto, .record = record});
        };
        const Outcome graph = with(true), again = with(true), operations = with(false);
        EXPECT_TRUE(sameBits(graph.values, again.values));
        EXPECT_TRUE(sameBits(graph.values, operations.values));
        EXPECT_EQ(graph.reports.back().lossSum, operations.reports.back().lossSum);
    }
}

}  // namespace
}  // namespace caravan::engine
