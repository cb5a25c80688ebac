// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/ops.h"
#include "engine/ops/parallel.h"

// Every hand-written backward against central finite differences in fp64.
namespace caravan::engine::ops {
namespace {

at::Tensor values(at::IntArrayRef shape, int site, double bound = 1) {
    return uniformHost(shape, bound, {.seed = 7, .purpose = Purpose::Initialise, .site = site})
        .to(at::kDouble);
}

// Largest |analytic - numeric| over the largest |numeric|; loss(x) is a scalar function.
template <class F>
double gradientError(const at::Tensor& analytic, at::Tensor& x, F&& loss) {
    constexpr double kStep = 1e-5;
    EXPECT_TRUE(x.is_contiguous());
    const at::Tensor a = analytic.contiguous();
    double worst = 0, top = 1e-12;
    double* p = static_cast<double*>(x.data_ptr());
    const double* g = static_cast<const double*>(a.data_ptr());
    for (std::int64_t i = 0; i < x.numel(); ++i) {
        const double kept = p[i];
        p[i] = kept + kStep;
        const double above = loss();
        p[i] = kept - kStep;
        const double below = loss();
        p[i] = kept;
        const double numeric = (above - below) / (2 * kStep);
        worst = std::max(worst, std::abs(numeric - g[i]));
        top = std::max(top, std::abs(numeric));
    }
    return worst / top;
}
double scalarProduct(const at::Tensor& a, const at::Tensor& b) {
    return (a * b).sum().item<double>();
}
constexpr double kTolerance = 2e-7;  // central differences of step 1e-5 in fp64

TEST(Gradients, RmsNorm) {
    at::Tensor x = values({5, 19}, 1), w = values({19}, 2), g = values({5, 19}, 3);
    const auto y = rmsNorm(x, w, 1e-5);
    EXPECT_LT((y.y - x * w / (x.square().mean(1, true) + 1e-5).sqrt()).abs().max().item<double>(), 1e-13);
    EXPECT_LT(gradientError(rmsNormBackward(g, x, w, y.rstd), x,
                            [&] { return scalarProduct(rmsNorm(x, w, 1e-5).y, g); }),
              kTolerance);
}

TEST(Gradients, RmsNormCheckSeesAnInjectedError) {
    at::Tensor x = values({5, 19}, 1), w = values({19}, 2), g = values({5, 19}, 3);
    at::Tensor wrong = rmsNormBackward(g, x, w, rmsNorm(x, w, 1e-5).rstd);
    wrong[2][3] += 1e-3;
    EXPECT_GT(gradientError(wrong, x, [&] { return scalarProduct(rmsNorm(x, w, 1e-5).y, g); }), kTolerance);
}

TEST(Gradients, Rope) {
    at::Tensor x = values({4, 3, 8}, 1), g = values({4, 3, 8}, 2);
    const at::Tensor angle = values({9, 4}, 3, 3.0);
    const RopeTable table{angle.cos(), angle.sin()};
    const at::Tensor positions = at::tensor({0, 8, 3, 1}, at::kInt);
    const auto forward = [&] {
        at::Tensor y = x.clone();
        ropeInPlace(y, positions, table);
        return y;
    };
    at::Tensor back = g.clone();
    ropeInPlace(back, positions, table, true);
    EXPECT_LT(gradientError(back, x, [&] { return scalarProduct(forward(), g); }), kTolerance);
    const at::Tensor c = table.cos.index_select(0, positions.to(at::kLong)).unsqueeze(1).repeat({1, 1, 2});
    const at::Tensor s = table.sin.index_select(0, positions.to(at::kLong)).unsqueeze(1).repeat({1, 1, 2});
    const at::Tensor turned = at::cat({-x.slice(2, 4), x.slice(2, 0, 4)}, 2);
    EXPECT_LT((forward() - (x * c + turned * s)).abs().max().item<double>(), 1e-14);
}

TEST(Gradients, Swiglu) {
    at::Tensor packed = values({5, 22}, 1, 3.0), g = values({5, 11}, 2);
    const at::Tensor gate = packed.slice(1, 0, 11), up = packed.slice(1, 11);
    const auto d = swigluBackward(g, gate, up);
    EXPECT_LT((swiglu(gate, up) - gate * gate.sigmoid() * up).abs().max().item<double>(), 1e-14);
    EXPECT_LT(gradientError(d.packed, packed, [&] { return scalarProduct(swiglu(gate, up), g); }),
              kTolerance);
}

void checkAttentionGradient(std::vector<std::int64_t> offsets, std::int64_t heads, std::int64_t kvHeads,
                            std::optional<std::int64_t> window) {
    const std::int64_t tokens = offsets.back();
    at::Tensor q = values({tokens, heads, 8}, 1), k = values({tokens, kvHeads, 8}, 2),
               v = values({tokens, kvHeads, 8}, 3);
    const at::Tensor g = values({tokens, heads, 8}, 4);
    Segments segments;
    segments.offsets = offsets;
    const auto loss = [&] { return scalarProduct(attention(q, k, v, segments, window, false).out, g); };
    const auto forward = attention(q, k, v, segments, window, true);
    for (std::size_t row = 0; row + 1 < offsets.size(); ++row)
        for (std::int64_t t = offsets[row]; t < offsets[row + 1]; ++t)
            for (std::int64_t h = 0; h < heads; ++h) {
                const std::int64_t first = std::max(offsets[row], window ? t - *window + 1 : offsets[row]);
                const at::Tensor keys = k.slice(0, first, t + 1).select(1, h * kvHeads / heads),
                                 query = q[t][h];
                const at::Tensor p = (at::mv(keys, query) / std::sqrt(8.0)).softmax(0);
                const at::Tensor expected =
                    at::mv(v.slice(0, first, t + 1).select(1, h * kvHeads / heads).t(), p);
                ASSERT_LT((forward.out[t][h] - expected).abs().max().item<double>(), 1e-12)
                    << "token " << t << " head " << h;
            }
    const auto d = attentionBackward(g, q, k, v, forward, segments, window);
    EXPECT_LT(gradientError(d.q, q, loss), kTolerance);
    EXPECT_LT(gradientError(d.k, k, loss), kTolerance);
    EXPECT_LT(gradientError(d.v, v, loss), kTolerance);
}
TEST(Gradients, Attention) {
    checkAttentionGradient({0, 5, 6, 13}, 4, 4, std::nullopt);
}
TEST(Gradients, AttentionGroupedHeadsEqualRows) {
    checkAttentionGradient({0, 6, 12}, 6, 2, std::nullopt);
}
TEST(Gradients, AttentionWindow) {
    checkAttentionGradient({0, 9, 12}, 4, 2, 3);
}

TEST(Gradients, Lora) {
    const RandomKey key{.seed = 3, .step = 5, .layer = 1, .site = 2, .rowOffset = 40};
    at::Tensor x = values({6, 10}, 1), a = values({3, 10}, 2), b = values({7, 3}, 3), g = values({6, 7}, 4);
    for (const double p : {0.0, 0.25}) {
        const auto loss = [&] {
            at::Tensor y = at::zeros({6, 7}, at::kDouble);
            loraForward(y, x, a, b, 0.5, p, key);
            return scalarProduct(y, g);
        };
        at::Tensor y = at::zeros({6, 7}, at::kDouble);
        const at::Tensor h = loraForward(y, x, a, b, 0.5, p, key);
        at::Tensor da = at::zeros_like(a), db = at::zeros_like(b), dx = at::zeros_like(x);
        loraBackward(g, x, h, a, b, 0.5, p, key, da, db, dx);
        EXPECT_LT(gradientError(da, a, loss), kTolerance);
        EXPECT_LT(gradientError(db, b, loss), kTolerance);
        EXPECT_LT(gradientError(dx, x, loss), kTolerance);
    }
}

// Two linears on one input, each with its own mask; the backward with the masks' bits and without them.
TEST(Gradients, LinearWithLoraAndItsRememberedMasks) {
    at::Tensor x = values({29, 24}, 1), w = values({18, 24}, 2), g = values({29, 18}, 3);
    LoraGroup group{.parts = {}, .dropout = 0.25, .key = {.seed = 3, .step = 5, .layer = 1, .rowOffset = 40}};
    for (int i = 0; i < 2; ++i)
        group.parts.push_back({.a = values({3, 24}, 4 + i),
                               .b = values({8 + 2 * i, 3}, 6 + i),
                               .begin = 8 * i,
                               .scale = 0.5,
                               .site = i});
    std::vector<at::Tensor> saved, unused;
    const auto loss = [&] { return scalarProduct(linear(x, w, {}, group, unused), g); };
    linear(x, w, {}, group, saved);
    ASSERT_EQ(saved.size(), 4u);  // h and bits of both
    struct Result {
        at::Tensor dx;
        std::vector<at::Tensor> gradients;
    };
    const auto backward = [&](bool remembered) {
        LoraGroup with = group;
        Result result;
        for (std::size_t i = 0; i < 2; ++i) {
            LoraPart& part = with.parts[i];
            part.da = at::zeros_like(part.a);
            part.db = at::zeros_like(part.b);
            if (remembered) part.kept = saved[2 + i];
            result.gradients.push_back(part.da);
            result.gradients.push_back(part.db);
        }
        std::vector<at::Tensor> dh;
        result.dx = linearBackward(g, w, with, dh);
        loraBackwardParameters(g, x, saved, dh, with);
        return result;
    };
    const Result drawn = backward(false), read = backward(true);
    EXPECT_TRUE(at::equal(drawn.dx, read.dx));
    EXPECT_LT(gradientError(read.dx, x, loss), kTolerance);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_TRUE(at::equal(drawn.gradients[2 * i], read.gradients[2 * i]));
        EXPECT_LT(gradientError(read.gradients[2 * i], group.parts[i].a, loss), kTolerance);
        EXPECT_LT(gradientError(read.gradients[2 * i + 1], group.parts[i].b, loss), kTolerance);
    }
}

TEST(Gradients, RouteWithBalance) {
    at::Tensor z = values({7, 5}, 1, 2.0), dw = values({7, 2}, 2);
    const at::Tensor f = values({5}, 3).abs();
    const double coefficient = 0.3;
    const auto loss = [&] {
        const auto r = route(z, 2);
        return scalarProduct(r.weights, dw) + coefficient * scalarProduct(z.softmax(1), f.expand({7, 5}));
    };
    EXPECT_LT(gradientError(routeBackward(route(z, 2), dw, f, coefficient), z, loss), kTolerance);
    EXPECT_LT(gradientError(routeBackward(route(z, 2), dw, {}, 0), z,
                            [&] { return scalarProduct(route(z, 2).weights, dw); }),
              kTolerance);
}

TEST(Gradients, Adapters) {
    const RandomKey key{.seed = 11, .purpose = Purpose::AdapterDropout, .step = 2, .layer = 3};
    for (const double p : {0.0, 0.25}) {
        at::Tensor z = values({7, 5}, 1, 2.0), u = values({7, 12}, 2), down = values({5, 4, 12}, 3),
                   up = values({5, 12, 4}, 4);
        const at::Tensor g = values({7, 12}, 5);
        const auto loss = [&] {
            return scalarProduct(adapters(u, route(z, 2), down, up, 0.25, p, key).y, g);
        };
        const Routing routing = route(z, 2);
        const auto forward = adapters(u, routing, down, up, 0.25, p, key);
        at::Tensor dDown = at::zeros_like(down), dUp = at::zeros_like(up);
        const auto d = adaptersBackward(g, u, routing, forward.h, down, up, 0.25, p, key, dDown, dUp);
        EXPECT_LT(gradientError(d.u, u, loss), kTolerance);
        EXPECT_LT(gradientError(dDown, down, loss), kTolerance);
        EXPECT_LT(gradientError(dUp, up, loss), kTolerance);
        EXPECT_LT(gradientError(routeBackward(routing, d.weights, {}, 0), z, loss), kTolerance);
    }
}

TEST(Gradients, CrossEntropy) {
    at::Tensor x = values({6, 9}, 1), head = values({17, 9}, 2);
    const at::Tensor labels = at::tensor({0, 16, 3, 3, 8, 1}, at::kLong);
    const auto result = crossEntropy(x, head, labels, 0.5, true);
    const at::Tensor reference =
        -at::mm(x, head.t()).log_softmax(1).gather(1, labels.unsqueeze(1)).squeeze(1);
    EXPECT_LT((result.perRow - reference).abs().max().item<double>(), 1e-13);
    EXPECT_NEAR(result.lossSum.item<double>(), reference.sum().item<double>(), 1e-12);
    EXPECT_LT(
        gradientError(result.dHidden, x,
                      [&] { return 0.5 * crossEntropy(x, head, labels, 0.5, false).lossSum.item<double>(); }),
        kTolerance);
}

}  // namespace
}  // namespace caravan::engine::ops
