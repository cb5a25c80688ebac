// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
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
