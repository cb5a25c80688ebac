// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <limits>

#include "tests/engine/ops_gpu/device.h"

namespace caravan::engine::ops {
namespace {

class LoraOnGpu : public GpuTest {};

struct Case {
    std::int64_t tokens, in, rank;
    std::vector<std::int64_t> outs;
    double dropout;
};
const Case kCases[] = {{3, 24, 4, {8}, 0.3},
                       {70, 128, 64, {64, 64}, 0},
                       {100, 128, 16, {64, 32, 32}, 0.1},
                       {4097, 128, 64, {64, 128, 64}, 0.1},  // own kernels: tokens not a multiple of a tile
                       {512, 1024, 64, {640, 64}, 0.1},      // few tokens: inner dimensions are split
                       {130, 2048, 64, {64, 1024, 64}, 0},
                       {300, 1152, 64, {192}, 0},  // no masks: Hopper's own products where they are
                       {257, 128, 64, {320, 64}, 0},
                       {4096, 256, 64, {192}, 0.25},
                       {5000, 384, 64, {128, 64}, 0}};

// Parts whose matrices lie behind each other, as in the flat buffers, on both devices.
struct Both {
    LoraGroup host, device;
    at::Tensor hostGradients, deviceGradients;
};

Both groupsOf(const Case& c, at::ScalarType type) {
    std::int64_t total = 0, outs = 0, begin = 0;
    const auto parts = static_cast<std::int64_t>(c.outs.size());
    for (const std::int64_t out : c.outs)
        outs += out;
    total = parts * c.rank * c.in + outs * c.rank;
    const at::Tensor flat = rounded(values({total}, 9, 0.2), type), onDevice = onGpu(flat, type);
    Both both{{.parts = {}, .dropout = c.dropout, .key = {.seed = 4, .step = 2, .layer = 1, .rowOffset = 77}},
              {},
              values({total}, 10),
              {}};
    both.deviceGradients = gpu(both.hostGradients);
    both.device = both.host;
    const auto slice = [](const at::Tensor& all, std::int64_t place, std::int64_t rows,
                          std::int64_t columns) {
        return all.narrow(0, place, rows * columns).view({rows, columns});
    };
    std::int64_t placeB = parts * c.rank * c.in;
    for (std::int64_t i = 0; i < parts; ++i) {
        const std::int64_t out = c.outs[static_cast<std::size_t>(i)], placeA = i * c.rank * c.in;
        const auto part = [&](const at::Tensor& all, const at::Tensor& gradients) {
            return LoraPart{.a = slice(all, placeA, c.rank, c.in),
                            .b = slice(all, placeB, out, c.rank),
                            .begin = begin,
                            .scale = 0.25 + 0.5 * static_cast<double>(i),
                            .site = static_cast<std::int32_t>(i),
                            .da = slice(gradients, placeA, c.rank, c.in),
                            .db = slice(gradients, placeB, out, c.rank)};
        };
        both.host.parts.push_back(part(flat, both.hostGradients));
        both.device.parts.push_back(part(onDevice, both.deviceGradients));
        placeB += out * c.rank;
        begin += out;
    }
    return both;
}

TEST_F(LoraOnGpu, SeveralLinearsAtOnce) {
    for (const Case& c : kCases)
        for (const auto type : kTypes) {
            SCOPED_TRACE(testing::Message()
                         << c.tokens << " tokens of " << c.in << ", rank " << c.rank << ", " << c.outs.size()
                         << " parts, dropout " << c.dropout << ", " << type);
            Both both = groupsOf(c, type);
            std::int64_t outs = 0;
            for (const std::int64_t out : c.outs)
                outs += out;
            const at::Tensor x = rounded(values({c.tokens, c.in}, 1), type),
                             dy = rounded(values({c.tokens, outs}, 2), type);
            at::Tensor y = rounded(values({c.tokens, outs}, 3), type),
                       dx = rounded(values({c.tokens, c.in}, 4), type);
            Guarded yGpu({c.tokens, outs}, type), dxGpu({c.tokens, c.in}, type);
            yGpu.inner.copy_(y);
            dxGpu.inner.copy_(dx);
            const at::Tensor xGpu = onGpu(x, type), dyGpu = onGpu(dy, type);
            const auto h = loraForward(y, x, both.host);
            const auto hGpu = loraForward(yGpu.inner, xGpu, both.device);
            const auto dh = loraBackwardInput(dy, both.host, dx);
            const auto dhGpu = loraBackwardInput(dyGpu, both.device, dxGpu.inner);
            loraBackwardParameters(dy, x, h, dh, both.host);
            loraBackwardParameters(dyGpu, xGpu, hGpu, dhGpu, both.device);
            for (std::size_t i = 0; i < h.size(); ++i) {
                EXPECT_LT(relativeError(hGpu[i], h[i]), tolerance(type));
                EXPECT_LT(relativeError(dhGpu[i], dh[i]), tolerance(type));
                EXPECT_LT(relativeError(both.device.parts[i].da, both.host.parts[i].da), tolerance(type));
                EXPECT_LT(relativeError(both.device.parts[i].db, both.host.parts[i].db), tolerance(type));
            }
            EXPECT_LT(relativeError(yGpu.inner, y), tolerance(type));
            EXPECT_LT(relativeError(dxGpu.inner, dx), tolerance(type));
            EXPECT_TRUE(yGpu.intact() && dxGpu.intact());
        }
}

TEST_F(LoraOnGpu, TogetherWithTheProduct) {
    for (const Case& c : kCases)
        for (const auto type : kTypes) {
            SCOPED_TRACE(testing::Message()
                         << c.tokens << " tokens of " << c.in << ", rank " << c.rank << ", " << c.outs.size()
                         << " parts, dropout " << c.dropout << ", " << type);
            Both both = groupsOf(c, type);
            std::int64_t outs = 0;
            for (const std::int64_t out : c.outs)
                outs += out;
            const at::Tensor x = rounded(values({c.tokens, c.in}, 1), type),
                             dy = rounded(values({c.tokens, outs}, 2), type),
                             weight = rounded(values({outs, c.in}, 5, 0.1), type),
                             bias = rounded(values({outs}, 6), type);
            std::vector<at::Tensor> h, hGpu, dh, dhGpu;
            const at::Tensor y = linear(x, weight, bias, both.host, h),
                             yGpu = linear(onGpu(x, type), onGpu(weight, type), onGpu(bias, type),
                                           both.device, hGpu);
            EXPECT_LT(relativeError(yGpu, y), tolerance(type));
            const at::Tensor dx = linearBackward(dy, weight, both.host, dh),
                             dxGpu = linearBackward(onGpu(dy, type), onGpu(weight, type), both.device, dhGpu);
            EXPECT_LT(relativeError(dxGpu, dx), tolerance(type));
            ASSERT_EQ(hGpu.size(), c.outs.size());
            for (std::size_t i = 0; i < hGpu.size(); ++i) {  // the host's masks' bits follow in h
                EXPECT_LT(relativeError(hGpu[i], h[i]), tolerance(type));
                EXPECT_LT(relativeError(dhGpu[i], dh[i]), tolerance(type));
            }
        }
}

TEST_F(LoraOnGpu, RepeatsBitForBit) {
    const Case c{4500, 256, 64, {128, 64, 64}, 0.1};
    at::Tensor first;
    for (int run = 0; run < 3; ++run) {
        Both both = groupsOf(c, at::kBFloat16);
        const at::Tensor x = onGpu(values({c.tokens, c.in}, 1), at::kBFloat16),
                         dy = onGpu(values({c.tokens, 256}, 2), at::kBFloat16);
        at::Tensor y = dy.clone(), dx = x.clone();
        const auto h = loraForward(y, x, both.device), dh = loraBackwardInput(dy, both.device, dx);
        loraBackwardParameters(dy, x, h, dh, both.device);
        const at::Tensor all =
            at::cat({both.deviceGradients, y.flatten().to(at::kFloat), dx.flatten().to(at::kFloat)});
        if (run == 0)
            first = all;
        else
            EXPECT_TRUE(sameBits(all, first));
    }
}

// Gradients alone, against products in double of the same bf16 values.
struct Gradients {
    std::int64_t tokens, in;
    std::vector<std::int64_t> outs;
    double dropout = 0;
    std::int64_t gap = 0;  // columns of dy between the parts, and behind them, that belong to none
    bool apart = false;    // h of the parts are tensors of their own
};
const Gradients kGradients[] = {{1, 128, {64}},
                                {63, 128, {192}, 0, 64},
                                {64, 256, {64, 128}, 0.1},
                                {65, 4096, {128, 64, 192}, 0, 64},
                                {300, 11008, {4096}},
                                {300, 128, {192, 192, 192}, 0, 8},  // no multiple of 64 between them
                                {300, 256, {64, 64, 64}, 0.1},
                                {777, 11008, {64, 128, 64}, 0.1},
                                {2500, 4096, {64, 128}, 0, 0, true},
                                {5000, 4096, {4096, 1024, 1024}},
                                {5000, 4096, {64, 64}},
                                {5000, 128, {11008, 11008}, 0.1, 128}};

// da and db of all parts, one behind the other, each between guard bands.
at::Tensor gradientsOf(const Gradients& c, const at::Tensor& x, const at::Tensor& dy,
                       const std::vector<at::Tensor>& h, const std::vector<at::Tensor>& dh, LoraGroup group) {
    std::vector<Guarded> places;
    for (std::size_t i = 0; i < c.outs.size(); ++i)
        for (const bool isA : {true, false}) {
            Guarded place({isA ? 64 : c.outs[i], isA ? c.in : 64}, at::kFloat);
            place.inner.copy_(values(place.inner.sizes(), 20 + static_cast<int>(places.size())));
            (isA ? group.parts[i].da : group.parts[i].db) = place.inner;
            places.push_back(place);
        }
    loraBackwardParameters(dy, x, h, dh, group);
    std::vector<at::Tensor> all;
    for (const Guarded& place : places) {
        EXPECT_TRUE(place.intact());
        all.push_back(place.inner.flatten());
    }
    return at::cat(all);
}

TEST_F(LoraOnGpu, GradientsOfManyShapes) {
    for (const Gradients& c : kGradients) {
        SCOPED_TRACE(testing::Message() << c.tokens << " tokens of " << c.in << ", " << c.outs.size()
                                        << " parts, the first of " << c.outs[0] << ", dropout " << c.dropout);
        const auto parts = static_cast<std::int64_t>(c.outs.size());
        std::int64_t columns = 0;
        LoraGroup group{
            .parts = {}, .dropout = c.dropout, .key = {.seed = 4, .step = 2, .layer = 1, .rowOffset = 77}};
        for (const std::int64_t out : c.outs) {
            LoraPart part{.begin = columns, .scale = 0.5 + 0.25 * static_cast<double>(group.parts.size())};
            part.a = onGpu(at::zeros({64, c.in}), at::kBFloat16);
            part.b = onGpu(at::zeros({out, 64}), at::kBFloat16);
            part.site = static_cast<std::int32_t>(group.parts.size());
            group.parts.push_back(part);
            columns += out + c.gap;
        }
        const at::Tensor x = onGpu(values({c.tokens, c.in}, 1), at::kBFloat16),
                         dhJoined = onGpu(values({c.tokens, 64 * parts}, 2), at::kBFloat16),
                         hJoined = onGpu(values({c.tokens, 64 * parts}, 3), at::kBFloat16),
                         dy = at::full({c.tokens, columns}, std::numeric_limits<double>::quiet_NaN(),
                                       x.options());
        std::vector<at::Tensor> h, dh, expected;
        for (std::int64_t i = 0; i < parts; ++i) {
            const LoraPart& part = group.parts[static_cast<std::size_t>(i)];
            const std::int64_t out = part.b.size(0);
            dh.push_back(dhJoined.narrow(1, 64 * i, 64));
            h.push_back(hJoined.narrow(1, 64 * i, 64));
            if (c.apart) h.back() = h.back().contiguous();
            const at::Tensor mine = dy.narrow(1, part.begin, out);
            mine.copy_(values({c.tokens, out}, 4 + static_cast<int>(i)));
            RandomKey key = group.key;
            key.site = part.site;
            const at::Tensor kept =
                c.dropout == 0 ? x.to(at::kDouble)
                               : x.to(at::kDouble) *
                                     dropout(at::ones_like(x, at::kFloat), c.dropout, key).to(at::kDouble);
            const int site = 20 + 2 * static_cast<int>(i);
            expected.push_back(
                (gpu(values({64, c.in}, site)).to(at::kDouble) + at::mm(dh.back().t().to(at::kDouble), kept))
                    .flatten());
            expected.push_back((gpu(values({out, 64}, site + 1)).to(at::kDouble) +
                                part.scale * at::mm(mine.t().to(at::kDouble), h.back().to(at::kDouble)))
                                   .flatten());
        }
        const at::Tensor got = gradientsOf(c, x, dy, h, dh, group);
        // Tensor cores cut sums off where fp32 would round them.
        EXPECT_LT(relativeError(got, at::cat(expected)), 2e-5);
        EXPECT_TRUE(sameBits(gradientsOf(c, x, dy, h, dh, group), got));
    }
}

TEST_F(LoraOnGpu, AnInjectedErrorIsSeen) {
    const Case c{4096, 128, 64, {64}, 0.1};
    Both both = groupsOf(c, at::kBFloat16);
    const at::Tensor x = rounded(values({c.tokens, c.in}, 1), at::kBFloat16);
    at::Tensor y = at::zeros({c.tokens, 64}), yGpu = onGpu(y, at::kBFloat16);
    (void)loraForward(y, x, both.host);
    both.device.key.rowOffset += 1;  // another row's mask
    (void)loraForward(yGpu, onGpu(x, at::kBFloat16), both.device);
    EXPECT_GT(relativeError(yGpu, y), 5 * tolerance(at::kBFloat16));
}

}  // namespace
}  // namespace caravan::engine::ops
