// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/train/session_fixture.h"

namespace caravan::engine::train {
namespace {

// Trained values in bf16 alone.
class Bf16Test : public SessionTest {
  protected:
    void SetUp() override {
        SessionTest::SetUp();
        m_recipe.tune.trained = TrainedValues::Bf16;
        m_recipe.tune.microBatchTokens = 120;  // several to a step
    }
    std::string lines(const char* name) const { return contentOf(run(name) / "log.txt"); }
};

TEST_F(Bf16Test, LearnNearlyAsMuchAndResumeBitwise) {
    for (const auto optimizer : {OptimizerKind::AdamW, OptimizerKind::AdamW8bit}) {
        m_recipe.tune.optimizer = optimizer;
        const bool eight = optimizer == OptimizerKind::AdamW8bit;
        const std::string kind = eight ? "8" : "32", full = "full" + kind, whole = "whole" + kind,
                          halves = "halves" + kind;
        m_recipe.tune.trained = TrainedValues::Fp32;
        m_recorder->clear();
        ASSERT_EQ(start(full.c_str())->wait(), RunState::Finished);
        const auto expected = m_recorder->all<Evaluation>();
        m_recipe.tune.trained = TrainedValues::Bf16;
        m_recorder->clear();
        ASSERT_EQ(start(whole.c_str())->wait(), RunState::Finished);
        const auto got = m_recorder->all<Evaluation>();
        EXPECT_EQ(got.front().mean, expected.front().mean) << "fresh experts add nothing";
        const double learnt = expected.front().mean - expected.back().mean;
        ASSERT_GT(learnt, 0.2);
        EXPECT_NEAR(got.back().mean, expected.back().mean, 0.1 * learnt);

        ASSERT_EQ(start(halves.c_str(), 3)->wait(), RunState::Stopped);
        ASSERT_EQ(goOn(halves.c_str())->wait(), RunState::Finished);
        EXPECT_EQ(losses(whole.c_str()), losses(halves.c_str()));
        const std::string values = adapters(whole.c_str(), "step-000008");
        EXPECT_TRUE(values == adapters(halves.c_str(), "step-000008"));
        EXPECT_FALSE(values == adapters(full.c_str(), "step-000008"));
        // Two bytes a value where the others are of four.
        EXPECT_LT(values.size(), adapters(full.c_str(), "step-000008").size() * 3 / 4);
        const auto moments = [&](const std::string& name) {
            return contentOf(run(name.c_str()) / "checkpoints/step-000008" / checkpoint::kOptimizerFile);
        };
        EXPECT_TRUE(moments(whole) == moments(halves));
        EXPECT_EQ(moments(whole).size(), moments(full).size());
    }
}

TEST_F(Bf16Test, RecomputingChangesNothingAndTheSeedDoes) {
    ASSERT_EQ(start("kept")->wait(), RunState::Finished);
    m_recipe.tune.recompute = Recompute::All;
    ASSERT_EQ(start("again")->wait(), RunState::Finished);
    EXPECT_TRUE(adapters("kept", "step-000008") == adapters("again", "step-000008"));
    m_recipe.seed = 6;
    ASSERT_EQ(start("other")->wait(), RunState::Finished);
    EXPECT_FALSE(adapters("kept", "step-000008") == adapters("other", "step-000008"));
}

// A checkpoint of the other kind is taken over: to bf16 its values are rounded, to fp32 none changes. The log
// says that the run is not what it would have been.
TEST_F(Bf16Test, GoesOnFromValuesOfTheOtherKind) {
    ASSERT_EQ(start("narrow", 4)->wait(), RunState::Stopped);
    m_recipe.tune.trained = TrainedValues::Fp32;
    ASSERT_EQ(start("wide", 4)->wait(), RunState::Stopped);
    const fs::path place = "checkpoints/step-000004";
    fs::rename(run("narrow") / place, m_folder.path() / "narrow");
    fs::rename(run("wide") / place, run("narrow") / place);
    fs::rename(m_folder.path() / "narrow", run("wide") / place);
    m_recorder->clear();
    for (const auto& [name, sentence] :
         {std::pair{"narrow", "The checkpoint holds trained values in fp32, this run keeps them in bf16"},
          {"wide", "The checkpoint holds trained values in bf16, this run keeps them in fp32"}}) {
        ASSERT_EQ(goOn(name)->wait(), RunState::Finished) << name;
        EXPECT_NE(lines(name).find(sentence), std::string::npos) << lines(name);
    }
    EXPECT_LT(adapters("narrow", "step-000008").size(), adapters("wide", "step-000008").size() * 3 / 4);
    for (const auto& [step, loss] : losses("narrow"))
        EXPECT_TRUE(std::isfinite(loss)) << step;
}

}  // namespace
}  // namespace caravan::engine::train
