// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/train/session_fixture.h"

namespace caravan::engine::train {
namespace {

// Frozen products of a step in e4m3 (on the CPU: fp32 products of the rounded values).
class Fp8Test : public SessionTest {};

TEST_F(Fp8Test, LearnsNearlyAsMuchAndMeasuresWithTheStoredWeights) {
    m_recipe.tune.learningRate = 2e-3;
    ASSERT_EQ(start("full")->wait(), RunState::Finished);
    const auto full = m_recorder->all<Evaluation>();
    m_recorder->clear();
    m_recipe.tune.dequantization = Dequantization::Fp8;
    ASSERT_EQ(start("fp8")->wait(), RunState::Finished);
    const auto fp8 = m_recorder->all<Evaluation>();
    ASSERT_EQ(fp8.size(), full.size());
    EXPECT_EQ(fp8.front().mean, full.front().mean) << "held-out rows are read with the weights as stored";
    EXPECT_NE(fp8.back().mean, full.back().mean) << "the steps were not in fp8";
    const double learnt = full.front().mean - full.back().mean;
    ASSERT_GT(learnt, 0.2);
    EXPECT_NEAR(fp8.back().mean, full.back().mean, 0.1 * learnt);
    const double first = losses("fp8").at(1), expected = losses("full").at(1);
    EXPECT_NE(first, expected);
    EXPECT_NEAR(first, expected, 0.02 * expected);
}

TEST_F(Fp8Test, ResumesBitwise) {
    m_recipe.tune.dequantization = Dequantization::Fp8;
    m_recipe.tune.recompute = Recompute::All;
    ASSERT_EQ(start("whole")->wait(), RunState::Finished);
    ASSERT_EQ(start("halves", 4)->wait(), RunState::Stopped);
    ASSERT_EQ(goOn("halves")->wait(), RunState::Finished);
    EXPECT_EQ(losses("whole"), losses("halves"));
    EXPECT_TRUE(adapters("whole", "step-000008") == adapters("halves", "step-000008"));
}

TEST_F(Fp8Test, RecomputingChangesNothing) {
    m_recipe.tune.dequantization = Dequantization::Fp8;
    ASSERT_EQ(start("kept")->wait(), RunState::Finished);
    m_recipe.tune.recompute = Recompute::GateUp;
    ASSERT_EQ(start("again")->wait(), RunState::Finished);
    EXPECT_EQ(losses("kept"), losses("again"));
}

}  // namespace
}  // namespace caravan::engine::train
