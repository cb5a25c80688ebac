// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/ops_gpu/device.h"

namespace caravan::engine::ops {
namespace {

class LossAndOptimizer : public GpuTest {};

TEST_F(LossAndOptimizer, ProductsAndLora) {
    const RandomKey key{.seed = 3, .step = 5, .layer = 1, .site = 2, .rowOffset = 40};
    for (const auto type : kTypes)
        for (const double p : {0.0, 0.1}) {
            const auto both = [&](at::IntArrayRef shape, int site, double bound) {
                return rounded(values(shape, site, bound), type);
            };
            const at::Tensor x = both({77, 64}, 1, 1), w = both({96, 64}, 2, 0.2), a = both({16, 64}, 3, 0.2),
                             b = both({96, 16}, 4, 0.2), g = both({77, 96}, 5, 1);
            const auto step = [&](bool device) {
                const auto put = [&](const at::Tensor& t) { return device ? onGpu(t, type) : t; };
                at::Tensor y = ops::linear(put(x), put(w));
                const at::Tensor h = loraForward(y, put(x), put(a), put(b), 0.25, p, key);
                at::Tensor dx = linearBackward(put(g), put(w));
                at::Tensor da = at::zeros({16, 64}, dx.options().dtype(at::kFloat)),
                           db = at::zeros({96, 16}, da.options());
                loraBackward(put(g), put(x), h, put(a), put(b), 0.25, p, key, da, db, dx);
                return std::vector<at::Tensor>{y, dx, da, db};
            };
            const auto expected = step(false), got = step(true);
            for (std::size_t i = 0; i < expected.size(); ++i)
                EXPECT_LT(relativeError(got[i], expected[i]), tolerance(type)) << i;
        }
}

TEST_F(LossAndOptimizer, CrossEntropy) {
    for (const auto type : kTypes)
        for (const std::int64_t rows : {1, 7, 300}) {
            const at::Tensor x = rounded(values({rows, 64}, 1), type),
                             head = rounded(values({1003, 64}, 2), type);
            const at::Tensor labels = at::arange(rows, at::kLong).mul_(37).remainder_(1003);
            const CrossEntropy expected = ops::crossEntropy(x, head, labels, 0.5, true);
            const CrossEntropy got =
                ops::crossEntropy(onGpu(x, type), onGpu(head, type), gpu(labels), 0.5, true);
            EXPECT_LT(relativeError(got.lossSum, expected.lossSum), type == at::kFloat ? 1e-6 : 2e-3);
            EXPECT_LT(relativeError(got.perRow, expected.perRow), type == at::kFloat ? 1e-6 : 2e-3);
            EXPECT_LT(relativeError(got.dHidden, expected.dHidden), tolerance(type));
            EXPECT_FALSE(
                crossEntropy(onGpu(x, type), onGpu(head, type), gpu(labels), 0.5, false).dHidden.defined());
        }
}

TEST_F(LossAndOptimizer, GradientNorm) {
    const at::Tensor a = values({200001}, 1), b = values({77}, 2);
    EXPECT_LT(relativeError(gradientNorm({gpu(a), gpu(b)}), gradientNorm({a, b})), 1e-7);
}

TEST_F(LossAndOptimizer, AdamW) {
    const AdamW options{1e-2, 0.9, 0.999, 1e-8, 0.1, 3};
    const at::Tensor p = values({1001}, 1), g = values({1001}, 2), m = values({1001}, 3, 0.1),
                     v = values({1001}, 4, 0.1).abs_();
    const at::Tensor scale = at::full({}, 0.5, at::kFloat), one = at::ones({}, at::kFloat),
                     zero = at::zeros({}, at::kFloat);
    at::Tensor ep = p.clone(), em = m.clone(), ev = v.clone();
    adamW(ep, g, em, ev, options, scale, one);
    Guarded dp({1001}, at::kFloat), dm({1001}, at::kFloat), dv({1001}, at::kFloat);
    dp.inner.copy_(p), dm.inner.copy_(m), dv.inner.copy_(v);
    adamW(dp.inner, gpu(g), dm.inner, dv.inner, options, gpu(scale), gpu(zero));
    EXPECT_TRUE(sameBits(dp.inner, p)) << "finite = 0 must leave everything alone";
    adamW(dp.inner, gpu(g), dm.inner, dv.inner, options, gpu(scale), gpu(one));
    EXPECT_TRUE(dp.intact() && dm.intact() && dv.intact());
    EXPECT_LT(relativeError(dp.inner, ep), 1e-6);
    EXPECT_LT(relativeError(dm.inner, em), 1e-6);
    EXPECT_LT(relativeError(dv.inner, ev), 1e-6);
}

TEST_F(LossAndOptimizer, AdamWWithEightBitStates) {
    for (const auto type : kTypes) {
        at::Tensor p = values({20001}, 1).to(type), dp = gpu(p);
        AdamW8State state = adamW8State(p), device = adamW8State(dp);
        AdamW options{1e-2, 0.9, 0.999, 1e-8, 0.1, 1};
        for (options.step = 1; options.step <= 3; ++options.step) {
            const at::Tensor g = values({20001}, 10 + static_cast<int>(options.step)).to(type);
            adamW8bit(p, g, state, options, {}, {});
            adamW8bit(dp, gpu(g), device, options, {}, {});
            EXPECT_TRUE(sameBits(device.codes1, state.codes1) && sameBits(device.codes2, state.codes2));
            EXPECT_TRUE(sameBits(device.absmax1, state.absmax1) && sameBits(device.absmax2, state.absmax2));
            EXPECT_TRUE(sameBits(dp, p));
        }
    }
}

}  // namespace
}  // namespace caravan::engine::ops
