// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/train/session_fixture.h"

namespace caravan::engine::train {
namespace {

// The largest learning rate throws the weights away within a step or two.
void spoil(Session& session) {
    ASSERT_TRUE(session.change("tune.learning_rate", "10"));
}

// A weight becomes not-a-number: the steps are seen and skipped, the third brings the last checkpoint back.
TEST_F(SessionTest, NotFiniteStepsAreSkippedAndRolledBack) {
    m_recipe.tune.checkpointEvery = 3;
    ASSERT_EQ(start("whole")->wait(), RunState::Finished);
    const auto session = startAndAt("poisoned", 4, [](Session& session) { session.pause(); });
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    m_recorder->setAct({});
    m_recorder->clear();
    ASSERT_TRUE(session->withModel([](model::Model& model, const Tokenizer&) {
        const model::Parameter& parameter = model.trainable().parameters().front();
        model.trainable().value(parameter).view({-1})[0].fill_(std::numeric_limits<float>::quiet_NaN());
    }));
    session->resume();
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    const auto steps = m_recorder->all<StepMetrics>();
    ASSERT_EQ(steps.size(), 3U);
    for (const StepMetrics& step : steps)
        EXPECT_TRUE(step.skipped);
    EXPECT_EQ(m_recorder->all<Alarm>().front().kind, "not_a_number");
    EXPECT_EQ(session->step(), 3);
    session->resume();
    ASSERT_EQ(session->wait(), RunState::Finished);
    EXPECT_TRUE(adapters("whole", "step-000008") == adapters("poisoned", "step-000008"));
}

// The largest learning rate throws the weights away at once: the run says so, goes back to its start and
// pauses.
TEST_F(SessionTest, AHugeLearningRatePausesTheRunAtGoodWeights) {
    m_recipe.tune.steps = 20;
    const auto session = startAndAt("blown", 5, spoil);
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    m_recorder->setAct({});
    const Alarm last = m_recorder->all<Alarm>().back();
    EXPECT_TRUE(last.kind == "diverged" || last.kind == "not_a_number") << last.kind;
    EXPECT_EQ(last.step, last.since + 2);
    const auto reason = m_recorder->all<StateChange>().back().reason;
    ASSERT_TRUE(reason);
    EXPECT_TRUE(reason->code == ErrorCode::LossDiverged || reason->code == ErrorCode::NotANumber);
    // No checkpoint was there: the weights are those of the start, and a small rate learns from them.
    EXPECT_EQ(session->step(), 0);
    m_recorder->clear();
    ASSERT_TRUE(session->change("tune.learning_rate", "0.01"));
    session->resume();
    ASSERT_EQ(session->wait(), RunState::Finished);
    ASSERT_EQ(m_recorder->all<StepMetrics>().size(), 20U);
    ASSERT_EQ(start("small")->wait(), RunState::Finished);
    EXPECT_EQ(losses("small"), losses("blown"));
    EXPECT_TRUE(adapters("small", "step-000020") == adapters("blown", "step-000020"));
}

TEST_F(SessionTest, WithACheckpointItGoesBackThere) {
    m_recipe.tune.checkpointEvery = 4;
    m_recipe.tune.steps = 20;
    const auto session = startAndAt("spoilt", 5, spoil);
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    m_recorder->setAct({});
    EXPECT_EQ(session->step(), 4);
    session->stop();
    ASSERT_EQ(session->wait(), RunState::Stopped);
    EXPECT_TRUE(fs::exists(run("spoilt") / "checkpoints" / "step-000004"));
    EXPECT_FALSE(fs::exists(run("spoilt") / "checkpoints" / "step-000008"));
}

}  // namespace
}  // namespace caravan::engine::train
