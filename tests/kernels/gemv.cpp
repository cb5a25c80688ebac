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

}  // namespace
}  // namespace caravan::kernels
