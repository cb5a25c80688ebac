// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/ops_gpu/device.h"

namespace caravan::engine::ops {
namespace {

class Mixture : public GpuTest {};

struct Case {
    std::int64_t tokens, experts, k, width, size;
    int skew;  // 0 spread, 1 all tokens on the same experts, 2 some experts empty
};
constexpr Case kCases[] = {
    {1, 8, 2, 64, 16, 0},
    {37, 8, 2, 64, 16, 0},
    {300, 8, 2, 128, 64, 1},
    {300, 8, 2, 128, 64, 2},
    {513, 5, 3, 72, 24, 0},
    {50, 4, 1, 50, 7, 0},
    {700, 128, 8, 64, 8, 2},
    {1000, 8, 2, 384, 64, 0},
    // as Hopper's own products take them: a choice or two, parts of tiles, empty experts
    {4200, 8, 2, 256, 256, 0},
    {9001, 5, 1, 512, 256, 0},
    {4300, 8, 2, 256, 512, 1},
    {4177, 128, 2, 256, 256, 2},
    // rows of several pieces for the passes beside the gradients, the last one short
    {2111, 8, 2, 1280, 256, 0},
    {2049, 4, 2, 4096, 256, 1},
    // products of so many steps that a stage of their ring passes to results and back
    {3001, 8, 2, 2048, 512, 0},
    {6300, 8, 1, 2304, 256, 2}};

// Routing alone: many blocks, all experts that there may be, shares of the slots and none.
constexpr Case kRoutes[] = {{1, 8, 2, 0, 0, 0},      {65, 256, 8, 0, 0, 0},  {3000, 1, 1, 0, 0, 0},
                            {5000, 200, 3, 0, 0, 1}, {16384, 8, 2, 0, 0, 0}, {40001, 8, 2, 0, 0, 1},
                            {9000, 256, 8, 0, 0, 0}, {70000, 7, 3, 0, 0, 2}};

at::Tensor logitsOf(const Case& c) {
    at::Tensor z = values({c.tokens, c.experts}, 1, 2);
    if (c.skew == 1) z.narrow(1, 0, c.k).add_(10);
    if (c.skew == 2) z.narrow(1, c.experts / 2, c.experts - c.experts / 2).sub_(10);
    return z;
}

TEST_F(Mixture, RoutesAlike) {
    for (const Case& c : kCases) {
        SCOPED_TRACE(testing::Message()
                     << c.tokens << " tokens, " << c.experts << " experts, skew " << c.skew);
        const at::Tensor z = logitsOf(c);
        const Routing expected = route(z, c.k), got = route(gpu(z), c.k);
        EXPECT_TRUE(sameBits(got.chosen, expected.chosen));
        EXPECT_TRUE(sameBits(got.counts, expected.counts));
        EXPECT_TRUE(sameBits(got.offsets, expected.offsets));
        EXPECT_TRUE(sameBits(got.order, expected.order));
        EXPECT_TRUE(sameBits(got.place, expected.place));
        EXPECT_LT(relativeError(got.weights, expected.weights), 1e-6);
        const at::Tensor dw = values({c.tokens, c.k}, 2), f = values({c.experts}, 3).abs_();
        const at::Tensor dz = routeBackward(expected, dw, f, 0.3);
        EXPECT_LT(relativeError(routeBackward(got, gpu(dw), gpu(f), 0.3), dz), 5e-6);
        if (c.k > 1) {
            EXPECT_LT(relativeError(routeBackward(got, gpu(dw), {}, 0), routeBackward(expected, dw, {}, 0)),
                      5e-6);
        }
    }
}

TEST_F(Mixture, ManyTokensAreSortedAndCountedAlike) {
    for (const Case& c : kRoutes)
        for (const std::int64_t domains : {1, 3, 150}) {
            SCOPED_TRACE(testing::Message()
                         << c.tokens << " tokens, " << c.experts << " experts, " << domains << " domains");
            const at::Tensor z = logitsOf(c), domain = at::arange(c.tokens, at::kInt) % domains,
                             role = at::arange(c.tokens, at::kInt).div(5, "floor") % 2;
            const Routing expected = route(z, c.k), got = route(gpu(z), c.k);
            EXPECT_TRUE(sameBits(got.counts, expected.counts) && sameBits(got.offsets, expected.offsets));
            EXPECT_TRUE(sameBits(got.order, expected.order) && sameBits(got.place, expected.place));
            Guarded load({c.experts, domains, 2, 2, 2}, at::kFloat);
            const auto sums = [&](bool device) {
                const at::Tensor layer = at::zeros({5}, at::kFloat),
                                 each = at::zeros({c.experts}, at::kFloat);
                load.inner.fill_(1);
                RoutingStatistic statistic{
                    device ? load.inner : at::ones({c.experts, domains, 2, 2, 2}, at::kFloat),
                    device ? gpu(layer) : layer, device ? gpu(each) : each};
                accumulateRouting(device ? got : expected, device ? gpu(domain) : domain,
                                  device ? gpu(role) : role, statistic);
                return RoutingStatistic{statistic.load.clone(), statistic.perLayer, statistic.probability};
            };
            const RoutingStatistic one = sums(true), again = sums(true), host = sums(false);
            EXPECT_TRUE(load.intact());
            // The CPU adds gates up in fp32, one after the other.
            EXPECT_LT(relativeError(one.load, host.load), 1e-5);
            EXPECT_TRUE(sameBits(one.load.select(4, 0).contiguous(), host.load.select(4, 0).contiguous()));
            EXPECT_LT(relativeError(one.perLayer, host.perLayer), 2e-6);
            EXPECT_LT(relativeError(one.probability, host.probability), 2e-6);
            EXPECT_TRUE(sameBits(one.load, again.load) && sameBits(one.perLayer, again.perLayer) &&
                        sameBits(one.probability, again.probability));
        }
}

TEST_F(Mixture, TiesGoToTheLowestIndex) {
    const at::Tensor z = at::zeros({5, 6}, at::kFloat);
    EXPECT_TRUE(sameBits(route(gpu(z), 2).chosen, route(z, 2).chosen));
}

TEST_F(Mixture, StatisticsAccumulateAlike) {
    for (const Case& c : kCases) {
        const at::Tensor z = logitsOf(c);
        const at::Tensor domain = at::arange(c.tokens, at::kInt) % 3,
                         role = at::arange(c.tokens, at::kInt) % 2;
        const auto zero = [&] {
            return RoutingStatistic{at::ones({c.experts, 3, 2, 2, 2}, at::kFloat), at::zeros({5}, at::kFloat),
                                    at::zeros({c.experts}, at::kFloat)};
        };
        RoutingStatistic expected = zero(),
                         got{gpu(zero().load), gpu(zero().perLayer), gpu(zero().probability)};
        accumulateRouting(route(z, c.k), domain, role, expected);
        accumulateRouting(route(gpu(z), c.k), gpu(domain), gpu(role), got);
        EXPECT_LT(relativeError(got.load, expected.load), 1e-6);
        EXPECT_LT(relativeError(got.perLayer, expected.perLayer), 2e-6);
        EXPECT_LT(relativeError(got.probability, expected.probability), 2e-6);
    }
}

struct Outcome {
    at::Tensor y, u, weights, down, up;
};

Outcome run(const Case& c, at::ScalarType type, at::ScalarType gradientType, double p, bool device,
            bool keepRows = false) {
    const auto put = [&](const at::Tensor& x) { return device ? onGpu(x, type) : rounded(x, type); };
    const at::Tensor u = put(values({c.tokens, c.width}, 2)), g = put(values({c.tokens, c.width}, 3));
    const at::Tensor down = put(values({c.experts, c.size, c.width}, 4, 0.3)),
                     up = put(values({c.experts, c.width, c.size}, 5, 0.3));
    const Routing routing = route(device ? gpu(logitsOf(c)) : logitsOf(c), c.k);
    const RandomKey key{.seed = 1, .purpose = Purpose::AdapterDropout, .step = 4};
    const Adapters forward = adapters(u, routing, down, up, 0.25, p, key, {.keepRows = keepRows});
    EXPECT_EQ(forward.rows.defined(), keepRows && device);
    const auto sum = u.options().dtype(device ? gradientType : at::kFloat);
    at::Tensor dDown = at::ones(down.sizes(), sum), dUp = at::ones(up.sizes(), sum);
    const AdapterGradient gradient =
        adaptersBackward(g, forward.rows.defined() ? at::Tensor() : u, routing, forward.h, down, up, 0.25, p,
                         key, dDown, dUp, forward.rows);
    return {forward.y, gradient.u, gradient.weights, dDown, dUp};
}

TEST_F(Mixture, AdaptersForwardAndBackward) {
    for (const Case& c : kCases)
        for (const auto type : kTypes)
            for (const double p : {0.0, 0.1}) {
                SCOPED_TRACE(testing::Message()
                             << c.tokens << " tokens, " << c.experts << " experts, " << c.width
                             << " wide, skew " << c.skew << ", " << type << ", p " << p);
                const Outcome expected = run(c, type, type, p, false),
                              got = run(c, type, at::kFloat, p, true);
                EXPECT_LT(relativeError(got.y, expected.y), tolerance(type));
                EXPECT_LT(relativeError(got.u, expected.u), tolerance(type));
                EXPECT_LT(relativeError(got.weights, expected.weights), 2 * tolerance(type));
                EXPECT_LT(relativeError(got.down, expected.down), tolerance(type));
                EXPECT_LT(relativeError(got.up, expected.up), tolerance(type));
                if (type == at::kBFloat16) {
                    EXPECT_LT(relativeError(run(c, type, type, p, true).up, expected.up), tolerance(type));
                }
            }
}

TEST_F(Mixture, WhatPassesByIsAdded) {
    for (const Case& c : kCases)
        for (const auto type : kTypes) {
            const auto put = [&](const at::Tensor& x, bool device) {
                return device ? onGpu(x, type) : rounded(x, type);
            };
            const auto sum = [&](bool device) {
                const Routing routing = route(device ? gpu(logitsOf(c)) : logitsOf(c), c.k);
                return adapters(put(values({c.tokens, c.width}, 2), device), routing,
                                put(values({c.experts, c.size, c.width}, 4, 0.3), device),
                                put(values({c.experts, c.width, c.size}, 5, 0.3), device), 0.25, 0, {},
                                {.add = put(values({c.tokens, c.width}, 6), device)})
                    .y;
            };
            EXPECT_LT(relativeError(sum(true), sum(false)), tolerance(type));
        }
}

TEST_F(Mixture, AdaptersRepeatBitForBit) {
    for (const std::size_t c : {3, 8, 12, 14})
        for (const auto type : kTypes) {
            const Outcome a = run(kCases[c], type, at::kFloat, 0.1, true),
                          b = run(kCases[c], type, at::kFloat, 0.1, true);
            EXPECT_TRUE(sameBits(a.y, b.y) && sameBits(a.u, b.u) && sameBits(a.weights, b.weights) &&
                        sameBits(a.down, b.down) && sameBits(a.up, b.up));
        }
}

TEST_F(Mixture, KeptRowsGiveTheSameBits) {
    for (const std::size_t c : {2, 8, 9, 12, 15})
        for (const auto type : kTypes)
            for (const double p : {0.0, 0.1}) {
                const Outcome a = run(kCases[c], type, at::kFloat, p, true),
                              b = run(kCases[c], type, at::kFloat, p, true, true);
                EXPECT_TRUE(sameBits(a.y, b.y) && sameBits(a.u, b.u) && sameBits(a.weights, b.weights) &&
                            sameBits(a.down, b.down) && sameBits(a.up, b.up));
            }
}

TEST_F(Mixture, AnInjectedErrorIsSeen) {
    Outcome got = run(kCases[2], at::kFloat, at::kFloat, 0.1, true);
    got.down[0][3][5] += 0.01 * got.down.abs().max().item<double>();
    EXPECT_GT(relativeError(got.down, run(kCases[2], at::kFloat, at::kFloat, 0.1, false).down),
              tolerance(at::kFloat));
}

}  // namespace
}  // namespace caravan::engine::ops
