// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/ops_gpu/device.h"

namespace caravan::engine::ops {
namespace {

class Elementwise : public GpuTest {};
using Shape = std::pair<std::int64_t, std::int64_t>;
constexpr Shape kShapes[] = {{1, 1}, {3, 17}, {33, 384}, {7, 4096}, {2, 1026}, {3, 11008}, {2, 8192}};

TEST_F(Elementwise, DropoutHasTheSameMask) {
    const RandomKey key{.seed = 5, .step = 3, .layer = 2, .site = 1, .rowOffset = 1000};
    for (const auto& [rows, columns] : kShapes) {
        const at::Tensor x = values({rows, columns}, 1).add_(2);
        EXPECT_TRUE(sameBits(dropout(gpu(x), 0.3, key), dropout(x, 0.3, key))) << rows << " x " << columns;
        const at::Tensor narrow = dropout(onGpu(x, at::kBFloat16), 0.3, key).cpu();
        EXPECT_TRUE(((narrow == 0) == (dropout(x, 0.3, key) == 0)).all().item<bool>());
        Guarded g({rows, columns}, at::kFloat);
        g.inner.copy_(x);
        dropoutInPlace(g.inner, 0.3, key);
        EXPECT_TRUE(g.intact());
        dropoutAdd(g.inner, gpu(x), 0.3, key);
        EXPECT_TRUE(g.intact());
        EXPECT_LT(relativeError(g.inner, dropout(x, 0.3, key) * 2), 1e-6);
    }
}

TEST_F(Elementwise, RmsNorm) {
    for (const auto type : kTypes)
        for (const auto& [rows, columns] : kShapes) {
            const at::Tensor x = rounded(values({rows, columns}, 1, 2), type),
                             w = rounded(values({columns}, 2), type),
                             g = rounded(values({rows, columns}, 3), type);
            const Normed expected = rmsNorm(x, w, 1e-5), got = rmsNorm(onGpu(x, type), onGpu(w, type), 1e-5);
            EXPECT_LT(relativeError(got.y, expected.y), tolerance(type));
            EXPECT_LT(relativeError(got.rstd, expected.rstd), 1e-6);
            const at::Tensor dx = rmsNormBackward(onGpu(g, type), onGpu(x, type), onGpu(w, type), got.rstd);
            Guarded sum({rows, columns}, type);
            sum.inner.copy_(x);
            at::Tensor hostSum = x.clone();
            const Normed ofSum = rmsNormOfSum(sum.inner, onGpu(g, type), onGpu(w, type), 1e-5);
            EXPECT_LT(relativeError(ofSum.y, rmsNormOfSum(hostSum, g, w, 1e-5).y), tolerance(type));
            EXPECT_LT(relativeError(sum.inner, hostSum), tolerance(type));
            EXPECT_TRUE(sum.intact());
            if (columns == 1) continue;  // the gradient cancels to rounding noise
            EXPECT_LT(relativeError(dx, rmsNormBackward(g, x, w, expected.rstd)), tolerance(type))
                << rows << " x " << columns;
            EXPECT_LT(relativeError(rmsNormBackward(onGpu(g, type), onGpu(x, type), onGpu(w, type), got.rstd,
                                                    onGpu(g, type)),
                                    rmsNormBackward(g, x, w, expected.rstd, g)),
                      tolerance(type));
        }
}

TEST_F(Elementwise, Rope) {
    const at::Tensor angle = values({50, 32}, 3, 3.0), positions = at::arange(37, at::kInt) % 50;
    const RopeTable table{angle.cos(), angle.sin()}, deviceTable{gpu(angle.cos()), gpu(angle.sin())};
    for (const auto type : kTypes)
        for (const bool inverse : {false, true}) {
            at::Tensor x = rounded(values({37, 3, 64}, 1), type);
            Guarded g({37, 3, 64}, type);
            g.inner.copy_(x);
            ropeInPlace(g.inner, gpu(positions), deviceTable, inverse);
            ropeInPlace(x, positions, table, inverse);
            EXPECT_LT(relativeError(g.inner, x), tolerance(type));
            EXPECT_TRUE(g.intact());
        }
}

TEST_F(Elementwise, SwigluOfHalvesOfOneProduct) {
    for (const auto type : kTypes)
        for (const auto& [rows, columns] : kShapes) {
            const at::Tensor both = rounded(values({rows, 2 * columns}, 1, 4), type),
                             g = rounded(values({rows, columns}, 2), type);
            const at::Tensor device = onGpu(both, type);
            const auto half = [&](const at::Tensor& x, std::int64_t which) {
                return x.narrow(1, which * columns, columns);
            };
            EXPECT_LT(
                relativeError(swiglu(half(device, 0), half(device, 1)), swiglu(half(both, 0), half(both, 1))),
                tolerance(type));
            const auto expected = swigluBackward(g, half(both, 0), half(both, 1));
            const auto got = swigluBackward(onGpu(g, type), half(device, 0), half(device, 1), true);
            EXPECT_LT(relativeError(got.packed, expected.packed), tolerance(type));
            EXPECT_LT(relativeError(got.product, swiglu(half(both, 0), half(both, 1))), tolerance(type));
        }
}

TEST_F(Elementwise, AnInjectedErrorIsSeen) {
    const at::Tensor x = values({33, 384}, 1), w = values({384}, 2);
    at::Tensor y = rmsNorm(gpu(x), gpu(w), 1e-5).y;
    y[5][7] += 0.1;
    EXPECT_GT(relativeError(y, rmsNorm(x, w, 1e-5).y), tolerance(at::kFloat));
    const RandomKey key{.seed = 5}, other{.seed = 5, .site = 1};
    EXPECT_FALSE(sameBits(dropout(gpu(x), 0.3, key), dropout(x, 0.3, other)));
}

TEST_F(Elementwise, ALaunchThatCannotRunIsReported) {
    const at::Tensor q = at::zeros(
        {1, 1, 512}, at::TensorOptions().device(at::kCUDA, 0));  // head size above the kernel's limit
    const at::Tensor cache = at::zeros({1, 4, 1, 512}, q.options()),
                     lengths = at::ones({1}, q.options().dtype(at::kInt));
    EXPECT_THROW(attentionDecode(q, cache, cache, lengths, 1, std::nullopt), EngineException);
}

}  // namespace
}  // namespace caravan::engine::ops
