// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/fp8.h"

#include "tests/engine/ops_gpu/device.h"

namespace caravan::engine::ops {
namespace {

class Fp8OnGpu : public GpuTest {
  protected:
    void SetUp() override {
        GpuTest::SetUp();
        if (IsSkipped()) return;
        try {
            requireFp8(at::Device(at::kCUDA, 0), at::kBFloat16);
        } catch (const EngineException& e) {
            GTEST_SKIP() << e.error().parameter("detail");
        }
    }
};

struct Shape {
    std::int64_t tokens, in, out;
};
const Shape kShapes[] = {{1, 16, 32},      {17, 64, 48},     {300, 4096, 96},
                         {64, 12288, 32},  {130, 22016, 64}, {33, 24592, 16},  // longer than a block holds
                         {4097, 512, 1376}};

// Codes times scales against the CPU's rounded values: the same bits, since both divide and round alike.
TEST_F(Fp8OnGpu, WeightsAreRoundedAsOnTheCpu) {
    for (const Shape& s : kShapes) {
        SCOPED_TRACE(testing::Message() << s.out << "x" << s.in);
        const at::Tensor weight = rounded(values({s.out, s.in}, 1, 0.05), at::kBFloat16);
        const Fp8Weight host = roundToFp8(weight), device = roundToFp8(onGpu(weight, at::kBFloat16));
        const auto widened = [](const at::Tensor& codes, const at::Tensor& scale) {
            return codes.to(at::kFloat) * scale.view({-1, 1});
        };
        EXPECT_TRUE(sameBits(widened(device.forward, device.forwardScale), host.forward));
        EXPECT_TRUE(sameBits(widened(device.backward, device.backwardScale), host.backward));
    }
}

TEST_F(Fp8OnGpu, ZerosAndWhatIsNotFinite) {
    at::Tensor weight = values({32, 64}, 1);
    weight[3].zero_();
    weight[5][7] = std::numeric_limits<float>::quiet_NaN();
    weight[9][0] = std::numeric_limits<float>::infinity();
    const Fp8Weight device = roundToFp8(onGpu(weight, at::kBFloat16));
    const at::Tensor wide = (device.forward.to(at::kFloat) * device.forwardScale.view({-1, 1})).cpu();
    for (std::int64_t row = 0; row < 32; ++row)
        EXPECT_EQ(wide[row].isfinite().all().item<bool>(), row != 5 && row != 9) << row;
    EXPECT_EQ(wide[3].abs().max().item<float>(), 0.0F);
}

TEST_F(Fp8OnGpu, ProductsWithinTheSumsRounding) {
    for (const Shape& s : kShapes) {
        SCOPED_TRACE(testing::Message() << s.tokens << "x" << s.in << "x" << s.out);
        const auto bf16 = at::kBFloat16;
        const at::Tensor weight = rounded(values({s.out, s.in}, 1, 0.05), bf16),
                         x = rounded(values({s.tokens, s.in}, 2), bf16),
                         dy = rounded(values({s.tokens, s.out}, 3), bf16);
        const Fp8Weight host = roundToFp8(weight), device = roundToFp8(onGpu(weight, bf16));
        std::vector<at::Tensor> none;
        const at::Tensor y = linear(onGpu(x, bf16), device, {}, {}, none),
                         dx = linearBackward(onGpu(dy, bf16), device, {}, none);
        EXPECT_LT(relativeError(y, linear(x, host, {}, {}, none)), 8e-3);
        EXPECT_LT(relativeError(dx, linearBackward(dy, host, {}, none)), 8e-3);
        EXPECT_GT(relativeError(y, at::mm(x, weight.t())), 9e-3) << "the factors were not rounded";
        const at::Tensor again = linear(onGpu(x, bf16), device, {}, {}, none);
        EXPECT_TRUE(sameBits(y, again));
    }
}

// A view of some columns, as a part of a joined gradient is.
TEST_F(Fp8OnGpu, RowsThatAreNotNeighbours) {
    const auto bf16 = at::kBFloat16;
    const at::Tensor all = onGpu(values({50, 192}, 1), bf16), weight = onGpu(values({32, 64}, 2), bf16);
    const Fp8Weight fp8 = roundToFp8(weight);
    std::vector<at::Tensor> none;
    for (const std::int64_t begin : {0, 64, 4}) {
        const at::Tensor view = all.narrow(1, begin, 64);
        EXPECT_TRUE(sameBits(linear(view, fp8, {}, {}, none), linear(view.contiguous(), fp8, {}, {}, none)));
    }
}

}  // namespace
}  // namespace caravan::engine::ops
