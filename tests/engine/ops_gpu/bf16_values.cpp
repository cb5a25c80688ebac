// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/gradient_sums.h"
#include "engine/ops/live_step.h"
#include "tests/engine/ops_gpu/device.h"

namespace caravan::engine::ops {
namespace {

class Bf16Values : public GpuTest {};

RandomKey keyOf(Purpose purpose, std::int64_t step, std::int64_t rowOffset = 0) {
    return {.seed = 11, .purpose = purpose, .step = step, .rowOffset = rowOffset};
}
at::Tensor bf16(std::int64_t n, int site, double bound = 1) {
    return values({n}, site, bound).to(at::kBFloat16);
}

TEST_F(Bf16Values, GradientSumsAreTheCpusBits) {
    for (const std::int64_t n : {1, 7, 8, 1000, 20001})
        for (const std::int64_t rowOffset : {0, 3, 1 << 20}) {
            at::Tensor part = values({n}, 2), sum = bf16(n, 1);
            Guarded deviceSum({n}, at::kBFloat16), devicePart({n}, at::kFloat);
            deviceSum.inner.copy_(sum);
            devicePart.inner.copy_(part);
            const RandomKey key = keyOf(Purpose::RoundGradients, 4, rowOffset);
            addGradients(sum, part, 256, key);
            addGradients(deviceSum.inner, devicePart.inner, 256, key);
            EXPECT_TRUE(sameBits(deviceSum.inner, sum)) << n << " " << rowOffset;
            EXPECT_EQ(devicePart.inner.abs().max().item<float>(), 0.0F);
            EXPECT_TRUE(deviceSum.intact() && devicePart.intact());
        }
}

// A graph's launches read step and row offset from memory.
TEST_F(Bf16Values, GradientSumsFollowTheLiveStep) {
    constexpr std::int64_t kElements = 4096;
    const kernels::StepWords words{.step = 9, .tokens = 40, .rowOffset = 77};
    at::Tensor host = at::empty({static_cast<std::int64_t>(sizeof words)}, at::kByte);
    std::memcpy(host.data_ptr(), &words, sizeof words);
    const at::Tensor onDevice = gpu(host);
    at::Tensor sum = bf16(kElements, 1), part = values({kElements}, 2), deviceSum = gpu(sum),
               devicePart = gpu(part);
    addGradients(sum, part, 0, keyOf(Purpose::RoundGradients, 9, 77));
    const LiveStep live(static_cast<const kernels::StepWords*>(onDevice.data_ptr()));
    addGradients(deviceSum, devicePart, 0, keyOf(Purpose::RoundGradients, 1, 0));
    EXPECT_TRUE(sameBits(deviceSum, sum));
}

TEST_F(Bf16Values, AdamWWithEightBitStatesGivesTheCpusBits) {
    for (const double decay : {0.0, 0.1}) {
        at::Tensor p = bf16(20001, 1), dp = gpu(p);
        AdamW8State state = adamW8State(p), device = adamW8State(dp);
        AdamW options{1e-3, 0.9, 0.999, 1e-8, decay, 1};
        for (options.step = 1; options.step <= 3; ++options.step) {
            const at::Tensor g = bf16(20001, 10 + static_cast<int>(options.step));
            options.rounding = keyOf(Purpose::RoundValues, options.step);
            adamW8bit(p, g, state, options, {}, {});
            adamW8bit(dp, gpu(g), device, options, {}, {});
            EXPECT_TRUE(sameBits(device.codes1, state.codes1) && sameBits(device.codes2, state.codes2));
            EXPECT_TRUE(sameBits(dp, p));
        }
    }
}

// The compiler fuses products and sums on the GPU: fp32 results differ in their last bit, and then now and
// then a draw falls the other way.
TEST_F(Bf16Values, AdamWDrawsAsTheCpu) {
    constexpr std::int64_t kElements = 16384;
    at::Tensor p = bf16(kElements, 1), m = values({kElements}, 3, 0.1),
               v = values({kElements}, 4, 0.1).abs_();
    const at::Tensor g = bf16(kElements, 2), before = p.clone();
    Guarded dp({kElements}, at::kBFloat16), dm({kElements}, at::kFloat), dv({kElements}, at::kFloat);
    dp.inner.copy_(p), dm.inner.copy_(m), dv.inner.copy_(v);
    AdamW options{1e-3, 0.9, 0.999, 1e-8, 0.1, 3};
    options.rounding = keyOf(Purpose::RoundValues, 3);
    const at::Tensor half = at::full({}, 0.5, at::kFloat), one = at::ones({}, at::kFloat);
    adamW(p, g, m, v, options, half, one);
    adamW(dp.inner, gpu(g), dm.inner, dv.inner, options, gpu(half), gpu(at::zeros({}, at::kFloat)));
    EXPECT_TRUE(sameBits(dp.inner, before)) << "finite = 0 must leave everything alone";
    adamW(dp.inner, gpu(g), dm.inner, dv.inner, options, gpu(half), gpu(one));
    EXPECT_TRUE(dp.intact() && dm.intact() && dv.intact());
    EXPECT_LT((dp.inner.cpu() != p).to(at::kDouble).mean().item<double>(), 1e-3);
    EXPECT_LT(relativeError(dm.inner, m), 1e-6);
    EXPECT_LT(relativeError(dv.inner, v), 1e-6);
    EXPECT_LT((p == before).to(at::kDouble).mean().item<double>(), 0.99);
}

TEST_F(Bf16Values, GradientNorm) {
    const at::Tensor g = bf16(200001, 1);
    EXPECT_LT(relativeError(gradientNorm({gpu(g)}), gradientNorm({g})), 1e-7);
}

}  // namespace
}  // namespace caravan::engine::ops
