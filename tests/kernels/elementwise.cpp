// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "kernels/common/math.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/swiglu/swiglu.h"
#include "tests/kernels/guarded.h"

// fp32 kernels against plain fp64 arithmetic; odd shapes; only the rows asked for are touched.
namespace caravan::kernels {
namespace {
using test::fill;
using test::Guarded;

TEST(Math, ExpErfcAndGeluStayWithinTheirBounds) {
    for (double x = -80; x < 80; x += 0.0137) {
        const auto f = static_cast<float>(x);
        EXPECT_NEAR(fastExp(f) / std::exp(static_cast<double>(f)), 1.0, 3e-7) << x;
    }
    EXPECT_EQ(fastExp(-200.0f), 0.0f);
    for (double x = -9; x < 9; x += 0.0031) {
        const auto f = static_cast<float>(x);
        const double d = f;
        // In the tail the rounding of x^2 in the exponent dominates: a relative 1e-6 of a value that
        // vanishes.
        EXPECT_NEAR(fastErfc(f), std::erfc(d), 1e-6 * std::max(std::erfc(d), 1e-3)) << x;
        EXPECT_NEAR(gelu(f), 0.5 * d * std::erfc(-d / std::sqrt(2.0)), 5e-7 * std::max(1.0, std::abs(d)))
            << x;
        const double slope =
            0.5 * std::erfc(-d / std::sqrt(2.0)) + d * std::exp(-0.5 * d * d) / std::sqrt(2 * M_PI);
        EXPECT_NEAR(geluDerivative(f), slope, 6e-7) << x;
        EXPECT_NEAR(sigmoid(f), 1 / (1 + std::exp(-d)), 2e-7) << x;
    }
}

class Rows : public testing::TestWithParam<std::pair<std::int64_t, std::int64_t>> {};

TEST_P(Rows, RmsNormForwardAndBackward) {
    const auto [rows, columns] = GetParam();
    Guarded<float> x(rows * columns), w(columns), y(rows * columns, 9), rstd(rows, 9), g(rows * columns),
        dx(rows * columns, 9);
    fill(x, 2, 1), fill(w, 1, 2), fill(g, 1, 3);
    rmsNormRows(x.data(), w.data(), 1e-5f, y.data(), rstd.data(), columns, 1, rows);
    rmsNormBackwardRows(g.data(), x.data(), w.data(), rstd.data(), dx.data(), columns, 1, rows);
    EXPECT_TRUE(y.intact() && rstd.intact() && dx.intact());
    EXPECT_EQ(y[0], 9.0f) << "row 0 was not asked for";
    for (std::int64_t row = 1; row < rows; ++row) {
        double squares = 0, dot = 0;
        const auto at = [&](std::int64_t i) { return row * columns + i; };
        for (std::int64_t i = 0; i < columns; ++i) {
            squares += double{x[at(i)]} * x[at(i)];
            dot += double{g[at(i)]} * w[i] * x[at(i)];
        }
        const double r = 1 / std::sqrt(squares / static_cast<double>(columns) + 1e-5);
        for (std::int64_t i = 0; i < columns; ++i) {
            EXPECT_NEAR(y[at(i)], x[at(i)] * r * w[i], 2e-6);
            EXPECT_NEAR(dx[at(i)],
                        r * (g[at(i)] * w[i] - x[at(i)] * dot * r * r / static_cast<double>(columns)), 5e-6);
        }
    }
}

TEST_P(Rows, SwigluOfHalvesOfOneProduct) {
    const auto [rows, columns] = GetParam();
    Guarded<float> both(rows * 2 * columns), h(rows * columns, 9), g(rows * columns),
        packed(rows * 2 * columns, 9);
    fill(both, 6, 1), fill(g, 1, 2);
    const SwigluShape shape{columns, 2 * columns, 2 * columns};
    swigluRows(both.data(), both.data() + columns, h.data(), shape, 1, rows);
    Guarded<float> again(rows * columns, 9);
    swigluBackwardRows(g.data(), both.data(), both.data() + columns, packed.data(), shape, 1, rows,
                       again.data());
    EXPECT_TRUE(h.intact() && packed.intact() && again.intact());
    EXPECT_EQ(h[0], 9.0f);
    for (std::int64_t i = 0; i < h.size(); ++i)
        EXPECT_EQ(again[i], h[i]);
    for (std::int64_t row = 1; row < rows; ++row)
        for (std::int64_t i = 0; i < columns; ++i) {
            const double a = both[row * 2 * columns + i], u = both[row * 2 * columns + columns + i],
                         d = g[row * columns + i];
            const double s = 1 / (1 + std::exp(-a));
            EXPECT_NEAR(h[row * columns + i], a * s * u, 6e-6);
            EXPECT_NEAR(packed[row * 2 * columns + i], d * u * s * (1 + a * (1 - s)), 6e-6);
            EXPECT_NEAR(packed[row * 2 * columns + columns + i], d * a * s, 3e-6);
        }
}

TEST_P(Rows, RopeTurnsAndTurnsBack) {
    const auto [rows, half] = GetParam();
    const std::int64_t heads = 3, stride = heads * 2 * half + 5;
    Guarded<float> x(rows * stride), cos(11 * half), sin(11 * half);
    Guarded<std::int32_t> positions(rows);
    fill(x, 1, 1);
    for (std::int64_t i = 0; i < 11 * half; ++i) {
        cos[i] = std::cos(static_cast<float>(i));
        sin[i] = std::sin(static_cast<float>(i));
    }
    for (std::int64_t i = 0; i < rows; ++i)
        positions[i] = static_cast<std::int32_t>((7 * i) % 11);
    const Guarded<float> before = x;
    ropeRows(x.data(), positions.data(), cos.data(), sin.data(), {heads, half, stride, false}, 0, rows);
    EXPECT_TRUE(x.intact());
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t pad = heads * 2 * half; pad < stride; ++pad)
            EXPECT_EQ(x[row * stride + pad], before[row * stride + pad]);
        for (std::int64_t i = 0; i < half; ++i) {
            const std::int64_t at = row * stride + 2 * half + i,
                               table = positions[row] * half + i;  // second head
            const double a = before[at], b = before[at + half];
            EXPECT_NEAR(x[at], a * cos[table] - b * sin[table], 1e-6);
            EXPECT_NEAR(x[at + half], b * cos[table] + a * sin[table], 1e-6);
        }
    }
    ropeRows(x.data(), positions.data(), cos.data(), sin.data(), {heads, half, stride, true}, 0, rows);
    for (std::int64_t i = 0; i < x.size(); ++i)
        EXPECT_NEAR(x[i], before[i], 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Rows,
                         testing::Values(std::pair{2l, 1l}, std::pair{3l, 17l}, std::pair{5l, 64l},
                                         std::pair{4l, 387l}));

}  // namespace
}  // namespace caravan::kernels
