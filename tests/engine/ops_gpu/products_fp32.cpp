// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <limits>

#include "tests/engine/ops_gpu/device.h"

// fp32 products of many rows against products in double: as exact as multiply-adds in fp32.
namespace caravan::engine::ops {
namespace {

class Fp32ProductsOnGpu : public GpuTest {};

// 22 bits of each number and sums in fp32; the library's products of these shapes are at 2e-7 to 1e-6.
constexpr double kExact = 8e-7;

at::Tensor doubled(const at::Tensor& x) {
    return x.to(at::kDouble);
}

struct Case {
    std::int64_t rows, in, out;
};
const Case kCases[] = {{1024, 64, 64},   {1025, 128, 192}, {2049, 384, 384}, {1500, 1024, 128},
                       {1100, 384, 640}, {3000, 192, 320}, {1030, 96, 128} /* the library's */};

TEST_F(Fp32ProductsOnGpu, BothDirections) {
    for (const Case& c : kCases)
        for (const double magnitude : {1.0, 1e-12, 1e12}) {
            SCOPED_TRACE(testing::Message()
                         << c.rows << " x " << c.in << " x " << c.out << " of " << magnitude);
            // Columns of a wider matrix, rows of very different magnitudes.
            const at::Tensor wide = values({c.rows, c.in + 64}, 1, magnitude);
            wide.narrow(0, 0, c.rows / 2).mul_(1e-6);
            const at::Tensor x = gpu(wide).narrow(1, 64, c.in), weight = gpu(values({c.out, c.in}, 2, 0.1)),
                             turned = gpu(values({c.in, c.out}, 3, 0.1));
            const at::Tensor y = ops::linear(x, weight), dx = ops::linearBackward(x, turned);
            const at::Tensor exact = at::mm(doubled(x), doubled(weight).t()),
                             exactDx = at::mm(doubled(x), doubled(turned));
            for (const auto half : {0, 1}) {
                const std::int64_t first = half == 0 ? 0 : c.rows / 2, count = c.rows / 2;
                EXPECT_LT(relativeError(y.narrow(0, first, count), exact.narrow(0, first, count)), kExact);
                EXPECT_LT(relativeError(dx.narrow(0, first, count), exactDx.narrow(0, first, count)), kExact);
            }
            EXPECT_TRUE(sameBits(ops::linear(x, weight), y) && sameBits(ops::linearBackward(x, turned), dx));
        }
}

TEST_F(Fp32ProductsOnGpu, ZerosAndWhatIsNoNumber) {
    const at::Tensor x = gpu(values({1200, 128}, 1)), weight = gpu(values({128, 128}, 2));
    EXPECT_EQ(ops::linear(at::zeros_like(x), weight).abs().max().item<float>(), 0);
    EXPECT_EQ(ops::linear(x, at::zeros_like(weight)).abs().max().item<float>(), 0);
    at::Tensor spoilt = x.clone();
    spoilt[7][3] = std::numeric_limits<float>::quiet_NaN();
    spoilt[9][5] = std::numeric_limits<float>::infinity();
    const at::Tensor y = ops::linear(spoilt, weight), clean = ops::linear(x, weight);
    EXPECT_FALSE(y[7].isfinite().any().item<bool>());
    EXPECT_FALSE(y[9].isfinite().any().item<bool>());
    EXPECT_TRUE(sameBits(y.narrow(0, 10, 1190), clean.narrow(0, 10, 1190)));
}

TEST_F(Fp32ProductsOnGpu, LoraWithTheProductAndItsGradients) {
    for (const double dropout : {0.0, 0.1})
        for (const std::int64_t tokens : {1024, 1501}) {
            SCOPED_TRACE(testing::Message() << tokens << " tokens, dropout " << dropout);
            const std::int64_t in = 384, rank = 64, outs[] = {384, 128, 128}, all = 640;
            LoraGroup group{
                .parts = {}, .dropout = dropout, .key = {.seed = 4, .step = 2, .layer = 1, .rowOffset = 77}};
            std::int64_t begin = 0;
            for (int i = 0; i < 3; ++i) {
                group.parts.push_back({.a = gpu(values({rank, in}, 10 + i, 0.2)),
                                       .b = gpu(values({outs[i], rank}, 20 + i, 0.2)),
                                       .begin = begin,
                                       .scale = 0.25 + 0.5 * i,
                                       .site = i,
                                       .da = gpu(values({rank, in}, 30 + i)),
                                       .db = gpu(values({outs[i], rank}, 40 + i))});
                begin += outs[i];
            }
            const at::Tensor x = gpu(values({tokens, in}, 1)), dy = gpu(values({tokens, all}, 2)),
                             weight = gpu(values({all, in}, 3, 0.1));
            std::vector<at::Tensor> h, dh, da, db;
            for (LoraPart& part : group.parts) {
                da.push_back(doubled(part.da));
                db.push_back(doubled(part.db));
            }
            const at::Tensor y = ops::linear(x, weight, {}, group, h),
                             dx = ops::linearBackward(dy, weight, group, dh);
            loraBackwardParameters(dy, x, h, dh, group);
            at::Tensor exactY = at::mm(doubled(x), doubled(weight).t()),
                       exactDx = at::mm(doubled(dy), doubled(weight));
            for (std::size_t i = 0; i < 3; ++i) {
                const LoraPart& part = group.parts[i];
                RandomKey key = group.key;
                key.site = part.site;
                const at::Tensor dropped = doubled(dropout > 0 ? ops::dropout(x, dropout, key) : x);
                const at::Tensor mask =
                    doubled(dropout > 0 ? ops::dropout(at::ones_like(x), dropout, key) : at::ones_like(x));
                const at::Tensor own = doubled(dy.narrow(1, part.begin, outs[i])),
                                 down = at::mm(dropped, doubled(part.a).t()),
                                 back = at::mm(own, doubled(part.b)) * part.scale;
                exactY.narrow(1, part.begin, outs[i]).add_(at::mm(down, doubled(part.b).t()), part.scale);
                exactDx.add_(at::mm(back, doubled(part.a)) * mask);
                EXPECT_LT(relativeError(h[i], down), kExact);
                EXPECT_LT(relativeError(dh[i], back), kExact);
                EXPECT_LT(relativeError(part.da, da[i] + at::mm(back.t(), dropped)), kExact);
                EXPECT_LT(relativeError(part.db, db[i] + at::mm(own.t(), down) * part.scale), kExact);
            }
            EXPECT_LT(relativeError(y, exactY), kExact);
            EXPECT_LT(relativeError(dx, exactDx), kExact);
            at::Tensor added = y.clone(), sum = exactY;
            const auto again = loraForward(added, x, group);
            for (std::size_t i = 0; i < 3; ++i) {
                EXPECT_TRUE(sameBits(again[i], h[i]));
                sum.narrow(1, group.parts[i].begin, outs[i])
                    .add_(at::mm(doubled(h[i]), doubled(group.parts[i].b).t()), group.parts[i].scale);
            }
            EXPECT_LT(relativeError(added, sum), kExact);
        }
}

TEST_F(Fp32ProductsOnGpu, DetectsAnInjectedError) {
    const at::Tensor x = gpu(values({1024, 128}, 1)), weight = gpu(values({128, 128}, 2));
    const at::Tensor exact = at::mm(doubled(x), doubled(weight).t());
    at::Tensor wrong = x.clone();
    wrong[5][7] += 1e-2F;
    EXPECT_LT(relativeError(ops::linear(x, weight), exact), kExact);
    EXPECT_GT(relativeError(ops::linear(wrong, weight), exact), kExact);
}

}  // namespace
}  // namespace caravan::engine::ops
