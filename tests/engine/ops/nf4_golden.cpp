// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/ops.h"
#include "tests/engine/ops/golden_file.h"

// Bit for bit what bitsandbytes stores and restores.
namespace caravan::engine::ops {
namespace {

std::int64_t differing(const at::Tensor& a, const at::Tensor& b) {
    return (a.flatten() != b.flatten()).sum().item<std::int64_t>();
}

class Nf4Golden : public testing::TestWithParam<const char*> {};

TEST_P(Nf4Golden, CodesAbsmaxAndValues) {
    const auto file = goldenFile("nf4_golden.safetensors");
    const std::string name = GetParam();
    const at::Tensor source = golden(file, name + ".source");
    const Nf4 q = quantizeNf4(source, false);
    EXPECT_EQ(differing(q.codes, golden(file, name + ".packed")), 0);
    EXPECT_TRUE(sameBits(q.absmax, golden(file, name + ".absmax")));
    at::Tensor out = at::empty_like(source);
    dequantizeNf4(q, source.scalar_type(), out);
    EXPECT_TRUE(sameBits(out, golden(file, name + ".dequant")));
}

TEST_P(Nf4Golden, DoubleQuantised) {
    const auto file = goldenFile("nf4_golden.safetensors");
    const std::string name = GetParam();
    if (name == "extreme") GTEST_SKIP() << "bitsandbytes was run with single quantisation only";
    const at::Tensor source = golden(file, name + ".source");
    const double offset = golden(file, name + ".dq.offset").item<float>();
    const Nf4 q = quantizeNf4(source, true, offset);
    EXPECT_EQ(differing(q.absmax, golden(file, name + ".dq.absmax_u8")), 0);
    EXPECT_TRUE(sameBits(q.nestedAbsmax, golden(file, name + ".dq.nested_absmax")));
    EXPECT_TRUE(sameBits(q.nestedMap, golden(file, "nested_quant_map")));
    at::Tensor out = at::empty_like(source);
    dequantizeNf4(q, source.scalar_type(), out);
    EXPECT_TRUE(sameBits(out, golden(file, name + ".dq.dequant")));
    EXPECT_NEAR(quantizeNf4(source, true).offset, offset, 1e-6 * offset);
}

INSTANTIATE_TEST_SUITE_P(Matrices, Nf4Golden, testing::Values("m0", "m1", "m2", "f32", "extreme"));

TEST(Nf4, WidensTheStoredValue) {
    const auto file = goldenFile("nf4_golden.safetensors");
    const Nf4 q = quantizeNf4(golden(file, "m0.source"), false);
    at::Tensor narrow = at::empty({256, 384}, at::kBFloat16), wide = at::empty({256, 384}, at::kFloat),
               half = at::empty({256, 384}, at::kHalf), wideHalf = at::empty({256, 384}, at::kFloat);
    dequantizeNf4(q, at::kBFloat16, narrow);
    dequantizeNf4(q, at::kBFloat16, wide);
    EXPECT_TRUE(sameBits(wide, narrow.to(at::kFloat)));
    dequantizeNf4(q, at::kFloat, wide);
    dequantizeNf4(q, at::kHalf, half);
    dequantizeNf4(q, at::kHalf, wideHalf);
    EXPECT_TRUE(sameBits(half, wide.to(at::kHalf)));
    EXPECT_TRUE(sameBits(wideHalf, half.to(at::kFloat)));
}

TEST(Nf4, ComparisonSeesAnInjectedError) {
    const auto file = goldenFile("nf4_golden.safetensors");
    Nf4 q = quantizeNf4(golden(file, "m0.source"), false);
    q.codes[7].bitwise_xor_(1);
    at::Tensor out = at::empty({256, 384}, at::kBFloat16);
    dequantizeNf4(q, at::kBFloat16, out);
    EXPECT_FALSE(sameBits(out, golden(file, "m0.dequant")));
}

}  // namespace
}  // namespace caravan::engine::ops
