// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "kernels/gemv/gemv.h"
#include "tests/kernels/guarded.h"

namespace caravan::kernels {
namespace {

TEST(Gemv, AgreesWithAPlainSumAndKeepsToItsRange) {
    for (const std::int64_t inner : {1, 17, 384}) {
        const GemvShape shape{2, inner, 33};
        test::Guarded<float> x(2 * inner), w(33 * inner), y(2 * 33, 9);
        test::fill(x, 1, 1), test::fill(w, 1, 2);
        gemvRows(x.data(), w.data(), y.data(), shape, 3, 33);
        EXPECT_TRUE(y.intact());
        for (std::int64_t row = 0; row < 2; ++row) {
            EXPECT_EQ(y[row * 33], 9.0F);
            for (std::int64_t o = 3; o < 33; ++o) {
                double sum = 0;
                for (std::int64_t i = 0; i < inner; ++i)
                    sum += double{x[row * inner + i]} * w[o * inner + i];
                EXPECT_NEAR(y[row * 33 + o], sum, 1e-5);
            }
        }
    }
}

// Every count of rows, with y's rows apart: the bits are those of a row alone.
TEST(Gemv, ARowsBitsDoNotDependOnTheOthers) {
    constexpr std::int64_t kOuter = 9, kStride = 13;
    for (const std::int64_t inner : {5, 16, 33, 200})
        for (std::int64_t rows = 1; rows <= 16; ++rows) {
            test::Guarded<float> x(rows * inner), w(kOuter * inner), y(rows * kStride, 7), alone(kOuter),
                sum(rows * kStride, 3);
            test::fill(x, 1, 1), test::fill(w, 1, 2);
            gemvRows(x.data(), w.data(), y.data(), {rows, inner, kOuter, kStride}, 0, kOuter);
            gemvAddRows(x.data(), w.data(), sum.data(), {rows, inner, kOuter, kStride}, 0.5F, 2, kOuter);
            EXPECT_TRUE(y.intact() && sum.intact());
            for (std::int64_t row = 0; row < rows; ++row) {
                gemvRows(x.data() + row * inner, w.data(), alone.data(), {1, inner, kOuter}, 0, kOuter);
                for (std::int64_t o = 0; o < kStride; ++o) {
                    const float added = o < 2 || o >= kOuter ? 3.0F : 3.0F + 0.5F * alone[o];
                    EXPECT_EQ(y[row * kStride + o], o < kOuter ? alone[o] : 7.0F) << inner << " " << rows;
                    EXPECT_EQ(sum[row * kStride + o], added) << inner << " " << rows;
                }
            }
        }
}

}  // namespace
}  // namespace caravan::kernels
