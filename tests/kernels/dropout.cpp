// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "kernels/dropout/dropout.h"
#include "tests/kernels/guarded.h"

namespace caravan::kernels {
namespace {
using test::fill;
using test::Guarded;

// Known answers of Philox4x32-10 (Random123's kat_vectors): all zero, all ones, digits of pi.
TEST(Philox, KnownAnswers) {
    const auto words = [](const PhiloxKey& key, std::uint64_t block) {
        const PhiloxBlock b = philox(key, block);
        return std::vector<std::uint32_t>(b.word, b.word + 4);
    };
    EXPECT_EQ(words({0, 0, 0, 0}, 0),
              (std::vector<std::uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(words({~0u, ~0u, ~0u, ~0u}, ~0ull),
              (std::vector<std::uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(words({0xa4093822, 0x299f31d0, 0x13198a2e, 0x03707344}, 0x85a308d3243f6a88ull),
              (std::vector<std::uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, KeysOfNeighboursDiffer) {
    const PhiloxKey a = philoxKey(1, 2, 3, 4, 5);
    for (const PhiloxKey& b :
         {philoxKey(2, 2, 3, 4, 5), philoxKey(1, 3, 3, 4, 5), philoxKey(1, 2, 4, 4, 5),
          philoxKey(1, 2, 3, 5, 5), philoxKey(1, 2, 3, 4, 6), philoxKey(1, 2, 3ull + (1ull << 32), 4, 5)})
        EXPECT_FALSE(a.key0 == b.key0 && a.key1 == b.key1 && a.counter2 == b.counter2 &&
                     a.counter3 == b.counter3);
}

DropoutMask maskOf(double p, std::int64_t rowOffset) {
    return {philoxKey(9, 2, 7, 1, 3), static_cast<std::uint32_t>(std::lround(p * 65536)),
            static_cast<float>(1 / (1 - p)), rowOffset};
}

// The definition, element by element.
bool kept(const DropoutMask& mask, std::int64_t row, std::int64_t column, std::int64_t columns) {
    const PhiloxBlock b = philox(
        mask.key, static_cast<std::uint64_t>((mask.rowOffset + row) * blocksPerRow(columns) + column / 8));
    const std::uint32_t half = b.word[column % 8 / 2] >> (column % 2 * 16) & 0xFFFFu;
    return half >= mask.threshold;
}

class Dropout : public testing::TestWithParam<std::int64_t> {};

TEST_P(Dropout, FollowsTheDefinitionAndAddsAlike) {
    const std::int64_t rows = 5, columns = GetParam();
    const auto mask = maskOf(0.3, 1000);
    Guarded<float> x(rows * columns), y(rows * columns, 9), sum(rows * columns, 2);
    fill(x, 1, 1);
    dropoutRows(x.data(), y.data(), columns, mask, 1, rows);
    dropoutAddRows(x.data(), sum.data(), columns, mask, 1, rows);
    EXPECT_TRUE(y.intact() && sum.intact());
    EXPECT_EQ(y[0], 9.0f);
    for (std::int64_t i = columns; i < rows * columns; ++i) {
        const float expected = kept(mask, i / columns, i % columns, columns) ? x[i] * mask.scale : 0.0f;
        ASSERT_EQ(y[i], expected) << i;
        ASSERT_EQ(sum[i], 2 + expected) << i;
    }
    Guarded<float> shifted(rows * columns, 9);  // rows 1.. of one tensor are rows 0.. of a later micro-batch
    auto later = mask;
    later.rowOffset += 1;
    dropoutRows(x.data() + columns, shifted.data(), columns, later, 0, rows - 1);
    for (std::int64_t i = 0; i < (rows - 1) * columns; ++i)
        ASSERT_EQ(shifted[i], y[i + columns]);
}
INSTANTIATE_TEST_SUITE_P(Widths, Dropout, testing::Values(1, 7, 8, 128, 200, 384));

TEST(Dropout, KeepsItsShareAndRowsAreIndependent) {
    const std::int64_t rows = 400, columns = 384;
    Guarded<float> x(rows * columns, 1), y(rows * columns);
    dropoutRows(x.data(), y.data(), columns, maskOf(0.1, 0), 0, rows);
    double zeros = 0, together = 0;
    for (std::int64_t i = 0; i < rows * columns; ++i) {
        zeros += y[i] == 0;
        if (i >= columns) together += y[i] == 0 && y[i - columns] == 0;
    }
    const double n = static_cast<double>(rows * columns);
    EXPECT_NEAR(zeros / n, 0.1, 5 * std::sqrt(0.09 / n));  // five standard deviations
    EXPECT_NEAR(together / n, 0.01, 5 * std::sqrt(0.0099 / n));
}

TEST(Uniform, CoversItsRangeAndIsCutAnywhere) {
    Guarded<float> whole(100001), part(100001);
    const auto key = philoxKey(3, 1, 0, 0, 0);
    uniformValues(whole.data(), 0.5f, key, 0, whole.size());
    uniformValues(part.data(), 0.5f, key, 0, 777);
    uniformValues(part.data(), 0.5f, key, 777, part.size());
    EXPECT_TRUE(whole.intact() && part.intact());
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < whole.size(); ++i) {
        ASSERT_EQ(whole[i], part[i]);
        ASSERT_TRUE(whole[i] >= -0.5f && whole[i] < 0.5f);
        sum += whole[i];
        squares += double{whole[i]} * whole[i];
    }
    EXPECT_NEAR(sum / 100001, 0, 5e-3);
    EXPECT_NEAR(squares / 100001, 1.0 / 12, 2e-3);
}

}  // namespace
}  // namespace caravan::kernels
