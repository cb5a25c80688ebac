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

// Behind the warm-up these are the values of transformers' schedules at the same step.
TEST(LearningRate, LinearAndCosineFallTowardsZero) {
    EXPECT_DOUBLE_EQ(learningRateAt(10, 100, 1, 0.1, Schedule::Linear), 1);
    EXPECT_DOUBLE_EQ(learningRateAt(11, 100, 1, 0.1, Schedule::Linear), 1);
    EXPECT_DOUBLE_EQ(learningRateAt(56, 100, 1, 0.1, Schedule::Linear), 0.5);
    EXPECT_NEAR(learningRateAt(100, 100, 1, 0.1, Schedule::Linear), 1.0 / 90, 1e-15);
    EXPECT_NEAR(learningRateAt(56, 100, 1, 0.1, Schedule::Cosine), 0.5, 1e-12);
    EXPECT_NEAR(learningRateAt(100, 100, 1, 0.1, Schedule::Cosine), 0.000304586490453, 1e-12);
}

TEST(LearningRate, NoStepIsWithoutEffect) {
    for (const Schedule schedule : {Schedule::Constant, Schedule::Linear, Schedule::Cosine})
        for (const StepIndex steps : {1, 2, 5})
            for (StepIndex step = 1; step <= steps; ++step)
                for (const double warmup : {0.0, 0.5, 1.0})
                    EXPECT_GT(learningRateAt(step, steps, 1, warmup, schedule), 0)
                        << step << " of " << steps << ", warm-up " << warmup;
}

}  // namespace
}  // namespace caravan::engine::train
