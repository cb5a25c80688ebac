// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/fp8.h"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include "engine/api/result.h"

namespace caravan::engine::ops {
namespace {

at::Tensor values(at::IntArrayRef shape, int site, double bound = 1) {
    return uniformHost(shape, bound, {.seed = 7, .purpose = Purpose::Initialise, .site = site});
}

// By LibTorch's own type, a row at a time.
at::Tensor rounded(const at::Tensor& x) {
    const at::Tensor largest = std::get<0>(x.abs().max(1, true));
    const at::Tensor factor = 448 / largest;
    return (x * factor).to(at::kFloat8_e4m3fn).to(at::kFloat) * (largest / 448);
}

double relativeError(const at::Tensor& got, const at::Tensor& expected) {
    return ((got - expected).norm() / expected.norm()).item<double>();
}

TEST(Fp8, WeightIsRoundedOnceForEachDirection) {
    const at::Tensor weight = values({48, 80}, 1, 0.05);
    const Fp8Weight fp8 = roundToFp8(weight);
    EXPECT_TRUE(at::equal(fp8.forward, rounded(weight)));
    EXPECT_TRUE(at::equal(fp8.backward, rounded(weight.t().contiguous())));
    EXPECT_FALSE(at::equal(fp8.forward, fp8.backward.t())) << "the scales stand for other rows";
    EXPECT_EQ(fp8.bytes(), 2 * 4 * 48 * 80);
}

TEST(Fp8, ProductsReadRoundedRowsOfBothFactors) {
    const at::Tensor weight = values({48, 80}, 1, 0.05), bias = values({48}, 2);
    const Fp8Weight fp8 = roundToFp8(weight);
    for (const std::int64_t tokens : {1, 2, 5, 33}) {
        const at::Tensor x = values({tokens, 80}, 3), dy = values({tokens, 48}, 4);
        std::vector<at::Tensor> h, dh;
        const at::Tensor y = linear(x, fp8, bias, {}, h);
        const at::Tensor dx = linearBackward(dy, fp8, {}, dh);
        EXPECT_LT(relativeError(y, at::mm(rounded(x), rounded(weight).t()) + bias), 1e-6) << tokens;
        EXPECT_LT(relativeError(dx, at::mm(rounded(dy), rounded(weight.t().contiguous()).t())), 1e-6);
        // Three fraction bits in either factor: about 4 % of a random sum.
        const double error = relativeError(y, at::mm(x, weight.t()) + bias);
        EXPECT_GT(error, 1e-3);
        EXPECT_LT(error, 0.06);
        EXPECT_TRUE(h.empty() && dh.empty());
    }
}

TEST(Fp8, LoraStaysInTheComputeType) {
    const at::Tensor weight = values({64, 48}, 1, 0.05), x = values({20, 48}, 2), dy = values({20, 64}, 3);
    const at::Tensor gradients = at::zeros({2, 4 * 48 + 64 * 4});
    const auto group = [&](std::int64_t row) {
        const at::Tensor flat = gradients[row];
        LoraGroup result{.parts = {}, .dropout = 0.2, .key = {.seed = 4, .step = 2, .layer = 1}};
        result.parts.push_back({.a = values({4, 48}, 5),
                                .b = values({64, 4}, 6),
                                .begin = 0,
                                .scale = 2,
                                .site = 3,
                                .da = flat.narrow(0, 0, 4 * 48).view({4, 48}),
                                .db = flat.narrow(0, 4 * 48, 64 * 4).view({64, 4})});
        return result;
    };
    const Fp8Weight fp8 = roundToFp8(weight);
    std::vector<at::Tensor> h, dh, hPlain, dhPlain, none;
    const at::Tensor y = linear(x, fp8, {}, group(0), h), plain = linear(x, weight, {}, group(1), hPlain);
    const at::Tensor dx = linearBackward(dy, fp8, group(0), dh),
                     dxPlain = linearBackward(dy, weight, group(1), dhPlain);
    // What LoRA adds is the same: the difference is that of the frozen products.
    EXPECT_LT(relativeError(y - linear(x, fp8, {}, {}, none), plain - at::mm(x, weight.t())), 1e-5);
    EXPECT_LT(relativeError(dx - linearBackward(dy, fp8, {}, none), dxPlain - at::mm(dy, weight)), 1e-5);
    EXPECT_LT(relativeError(h[0], hPlain[0]), 1e-6);
    EXPECT_LT(relativeError(dh[0], dhPlain[0]), 1e-6);
    loraBackwardParameters(dy, x, h, dh, group(0));
    hPlain.resize(1);
    loraBackwardParameters(dy, x, hPlain, dhPlain, group(1));
    EXPECT_LT(relativeError(gradients[0], gradients[1]), 1e-6);
    EXPECT_GT(gradients[0].norm().item<double>(), 0);
}

TEST(Fp8, SizesAndTypesThatDoNotSuitAreNamed) {
    EXPECT_TRUE(suitsFp8(values({16, 32}, 1)));
    EXPECT_FALSE(suitsFp8(values({24, 32}, 1)));
    EXPECT_FALSE(suitsFp8(values({32, 24}, 1)));
    EXPECT_THROW((void)roundToFp8(values({24, 32}, 1)), EngineException);
    EXPECT_NO_THROW(requireFp8(at::kCPU, at::kFloat));
    try {
        requireFp8(at::kCPU, at::kDouble);
        FAIL();
    } catch (const EngineException& e) {
        EXPECT_EQ(e.error().code, ErrorCode::BadOption);
        EXPECT_EQ(e.error().parameter("key"), "tune.dequantization");
    }
}

}  // namespace
}  // namespace caravan::engine::ops
