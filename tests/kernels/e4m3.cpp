// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/e4m3/e4m3.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "tests/kernels/guarded.h"

namespace caravan::kernels {
namespace {
using test::fill;
using test::Guarded;

// The 127 values that are not negative, by the format's definition.
std::array<double, 127> valuesOfE4m3() {
    std::array<double, 127> values{};
    for (int code = 0; code < 127; ++code) {
        const int exponent = code >> 3, fraction = code & 7;
        values[static_cast<std::size_t>(code)] =
            exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
    }
    return values;
}

double nearest(double x) {
    static const auto values = valuesOfE4m3();
    const double size = std::abs(x);
    std::size_t best = 0;
    for (std::size_t code = 1; code < values.size(); ++code) {
        const double before = std::abs(values[best] - size), now = std::abs(values[code] - size);
        if (now < before || (now == before && code % 2 == 0)) best = code;
    }
    return std::copysign(values[best], x);
}

// Row 0 stands for what was not asked for; a row whose largest is 448 has the scale 1.
std::vector<float> roundedWithScaleOne(std::vector<float> row) {
    row.push_back(448);
    const auto columns = static_cast<std::int64_t>(row.size());
    Guarded<float> x(2 * columns), out(2 * columns, 9);
    for (std::int64_t i = 0; i < columns; ++i)
        x[columns + i] = row[static_cast<std::size_t>(i)];
    roundE4m3Rows(x.data(), out.data(), columns, 1, 2);
    EXPECT_TRUE(out.intact());
    EXPECT_EQ(out[0], 9.0F) << "row 0 was not asked for";
    std::vector<float> result;
    for (std::int64_t i = 0; i + 1 < columns; ++i)
        result.push_back(out[columns + i]);
    return result;
}

TEST(E4m3, LargestValueIs448) {
    EXPECT_EQ(valuesOfE4m3().back(), 448.0);
    EXPECT_EQ(valuesOfE4m3()[1], 0x1p-9);
}

TEST(E4m3, RoundsToTheNearestValueAndTiesToEven) {
    std::vector<float> x{0.0F,      0x1p-10F, 0x1.8p-10F, 0x1p-9F, 0x1.8p-9F,
                         0x1.cp-7F, 0x1p-6F,  17.0F,      19.0F,   447.9F};
    const auto values = valuesOfE4m3();
    for (std::size_t code = 0; code + 1 < values.size(); ++code) {  // halves, and their neighbours
        const auto half = static_cast<float>((values[code] + values[code + 1]) / 2);
        x.insert(x.end(), {static_cast<float>(values[code]), half, std::nextafter(half, 0.0F),
                           std::nextafter(half, 1000.0F)});
    }
    for (float v = 0x1p-12F; v < 448; v *= 1.0137F)
        x.push_back(v);
    const std::size_t positive = x.size();
    for (std::size_t i = 0; i < positive; ++i)
        x.push_back(-x[i]);
    const std::vector<float> rounded = roundedWithScaleOne(x);
    for (std::size_t i = 0; i < x.size(); ++i)
        EXPECT_EQ(rounded[i], static_cast<float>(nearest(x[i]))) << x[i];
}

TEST(E4m3, EveryRowHasItsOwnScale) {
    for (const std::int64_t columns : {1, 3, 16, 17, 333}) {
        Guarded<float> x(4 * columns), out(4 * columns, 9);
        fill(x, 1, 3);
        for (std::int64_t i = 0; i < columns; ++i) {
            x[columns + i] *= 1e-6F;
            x[2 * columns + i] = 0;
            x[3 * columns + i] *= 1e9F;
        }
        roundE4m3Rows(x.data(), out.data(), columns, 0, 4);
        EXPECT_TRUE(out.intact());
        for (std::int64_t row = 0; row < 4; ++row) {
            double largest = 0;
            for (std::int64_t i = 0; i < columns; ++i)
                largest = std::max(largest, std::abs(double{x[row * columns + i]}));
            for (std::int64_t i = 0; i < columns; ++i) {
                const double value = x[row * columns + i];
                // half a step of three fraction bits, or of the smallest ones under the row's scale
                const double bound = std::max(std::abs(value) / 16, largest / 448 / 1024) * 1.0001;
                EXPECT_NEAR(out[row * columns + i], value, bound) << columns << " row " << row;
            }
        }
    }
}

TEST(E4m3, WhatIsNotFiniteSpoilsItsRowAlone) {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
        Guarded<float> x(3 * 33), out(3 * 33, 9);
        fill(x, 1, 3);
        x[33 + 20] = bad;
        roundE4m3Rows(x.data(), out.data(), 33, 0, 3);
        for (std::int64_t i = 0; i < 33; ++i) {
            EXPECT_TRUE(std::isnan(out[33 + i]));
            EXPECT_TRUE(std::isfinite(out[i]) && std::isfinite(out[66 + i]));
        }
    }
}

}  // namespace
}  // namespace caravan::kernels
