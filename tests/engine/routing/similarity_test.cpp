// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/similarity.h"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/ops.h"

namespace caravan::engine::routing {
namespace {

at::Tensor draw(at::IntArrayRef shape, std::uint64_t seed) {
    return ops::uniformHost(shape, 1.0, {seed, ops::Purpose::Perturb});
}

TEST(MapCosines, AreThoseOfTheFullMaps) {
    const at::Tensor down = draw({3, 4, 10}, 1), up = draw({3, 10, 4}, 2);
    const auto cosines = mapCosines(down, up);
    const at::Tensor maps = at::bmm(up, down).flatten(1).to(at::kDouble);
    for (std::int64_t a = 0; a < 3; ++a)
        for (std::int64_t b = 0; b < 3; ++b) {
            const double wanted = (maps[a].dot(maps[b]) / (maps[a].norm() * maps[b].norm())).item<double>();
            EXPECT_NEAR(cosines[static_cast<std::size_t>(a * 3 + b)], wanted, 1e-5);
        }
    EXPECT_EQ(cosines[0], 1) << "an expert with itself";
}

TEST(MapCosines, DoNotSeeTheOrderOfInnerUnitsNorScale) {
    const at::Tensor one = draw({1, 4, 10}, 3), other = draw({1, 10, 4}, 4);
    const at::Tensor down = at::cat({one, one.flip(1) * 2}), up = at::cat({other, other.flip(2) * 3});
    EXPECT_NEAR(mapCosines(down, up)[1], 1, 1e-6);
    const auto fresh = mapCosines(down, at::zeros({2, 10, 4}));
    EXPECT_TRUE(std::isnan(fresh[0]) && std::isnan(fresh[1])) << "nothing was added yet";
}

TEST(LinearCka, DoesNotSeeRotationScaleOrShift) {
    const at::Tensor x = draw({1, 40, 6}, 5), other = draw({1, 40, 6}, 6);
    const at::Tensor rotation = std::get<0>(at::linalg_qr(draw({6, 6}, 7)));
    const at::Tensor turned = at::matmul(x, rotation) * 2.5 + 3;
    const auto cka = linearCka(at::cat({x, turned, other}));
    EXPECT_EQ(cka[0], 1);
    EXPECT_NEAR(cka[1], 1, 1e-5);
    EXPECT_LT(cka[2], 0.6);
    EXPECT_NEAR(cka[2], cka[6], 1e-12);
    // By the formula |Y^T X|^2 / (|X^T X| |Y^T Y|) of centred columns.
    const at::Tensor a = (x[0] - x[0].mean(0)).to(at::kDouble),
                     b = (other[0] - other[0].mean(0)).to(at::kDouble);
    const double wanted =
        (at::mm(b.t(), a).norm().square() / (at::mm(a.t(), a).norm() * at::mm(b.t(), b).norm()))
            .item<double>();
    EXPECT_NEAR(cka[2], wanted, 1e-5);
}

TEST(CosinesToDense, AreOneWhereNothingIsAdded) {
    const at::Tensor u = draw({20, 8}, 8);
    const at::Tensor outputs = at::cat({at::zeros({1, 20, 8}), -u.unsqueeze(0)});
    const auto cosines = cosinesToDense(u, outputs, 2.0);
    EXPECT_NEAR(cosines[0], 1, 1e-6);
    EXPECT_NEAR(cosines[1], -1, 1e-6) << "u - 2 u";
}

TEST(AdapterOutputs, AreWhatTheOperationAdds) {
    const at::Tensor u = draw({12, 10}, 9), down = draw({3, 4, 10}, 10), up = draw({3, 10, 4}, 11);
    const at::Tensor outputs = adapterOutputs(u, down, up);
    for (std::int64_t e = 0; e < 3; ++e) {
        at::Tensor logits = at::zeros({12, 3});
        logits.select(1, e).fill_(5);
        const auto one = ops::adapters(u, ops::route(logits, 1), down, up, 0.5, 0, {});
        EXPECT_LT((one.y - u - 0.5 * outputs[e]).abs().max().item<double>(), 1e-5);
    }
}

}  // namespace
}  // namespace caravan::engine::routing
