// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/schedule.h"

#include <gtest/gtest.h>

namespace caravan::engine::train {
namespace {

TEST(LearningRate, WarmsUpOverTheRoundedUpShare) {
    // 278 steps, 3 %: W = ceil(8.34) = 9
    EXPECT_DOUBLE_EQ(learningRateAt(1, 278, 1e-3, 0.03, Schedule::Constant), 1e-3 / 9);
    EXPECT_DOUBLE_EQ(learningRateAt(8, 278, 1e-3, 0.03, Schedule::Constant), 8e-3 / 9);
    EXPECT_DOUBLE_EQ(learningRateAt(9, 278, 1e-3, 0.03, Schedule::Constant), 1e-3);
    EXPECT_DOUBLE_EQ(learningRateAt(278, 278, 1e-3, 0.03, Schedule::Constant), 1e-3);
    EXPECT_DOUBLE_EQ(learningRateAt(1, 278, 1e-3, 0, Schedule::Constant), 1e-3);
}

TEST(LearningRate, LinearAndCosineEndAtZero) {
    EXPECT_DOUBLE_EQ(learningRateAt(10, 100, 1, 0.1, Schedule::Linear), 1);
    EXPECT_DOUBLE_EQ(learningRateAt(55, 100, 1, 0.1, Schedule::Linear), 0.5);
    EXPECT_NEAR(learningRateAt(100, 100, 1, 0.1, Schedule::Linear), 0, 1e-15);
    EXPECT_NEAR(learningRateAt(55, 100, 1, 0.1, Schedule::Cosine), 0.5, 1e-12);
    EXPECT_NEAR(learningRateAt(100, 100, 1, 0.1, Schedule::Cosine), 0, 1e-15);
}

}  // namespace
}  // namespace caravan::engine::train
