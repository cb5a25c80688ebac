// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/train/session_fixture.h"

namespace caravan::engine::train {
namespace {

TEST_F(SessionTest, TunesAndKeepsEverythingThatHappened) {
    m_recipe.tune.evaluateEvery = 4;
    m_recipe.tune.checkpointEvery = 4;
    m_recipe.tune.sampleEvery = 8;
    m_recipe.tune.samples = {"Tell me about dog 1", "A cat", "Tell me about dog 1"};
    m_recipe.tune.steps = 12;
    ASSERT_EQ(start("0001")->wait(), RunState::Finished);
    const auto steps = m_recorder->all<StepMetrics>();
    ASSERT_EQ(steps.size(), 12U);
    EXPECT_LT(steps.back().loss, 0.8 * steps.front().loss);
    EXPECT_EQ(steps[0].expertLoad.size(), 3U);
    for (const auto& layer : steps[0].expertLoad)
        EXPECT_NEAR(std::accumulate(layer.begin(), layer.end(), 0.0), 1.0, 1e-5);
    EXPECT_NEAR(steps[0].balance, 1.0, 0.2);
    EXPECT_GT(steps[0].gradientNorm, 0);
    const auto evaluations = m_recorder->all<Evaluation>();
    ASSERT_EQ(evaluations.size(), 4U);  // steps 0, 4, 8, 12
    EXPECT_LT(evaluations.back().mean, evaluations.front().mean);
    EXPECT_EQ(evaluations.back().heldoutLoss.front().first, "heldout");
    const auto samples = m_recorder->all<Sample>();  // written together, told in the recipe's order
    ASSERT_EQ(samples.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(samples[i].prompt, m_recipe.tune.samples[i]);
    EXPECT_EQ(samples[0].text, samples[2].text);
    EXPECT_NE(samples[0].text, samples[1].text);
    EXPECT_EQ(m_recorder->all<CheckpointInfo>().size(), 3U);
    const auto domains = m_recorder->all<RoutingRecord>().front().domains;
    EXPECT_EQ(domains, (std::vector<std::string>{"dogs", "felines"}));
    EXPECT_EQ(losses("0001").size(), 12U);
    EXPECT_TRUE(fs::exists(run("0001") / "routing.bin"));
    EXPECT_TRUE(fs::exists(run("0001") / "samples.jsonl"));
    const Recipe kept = readRecipe(run("0001"));
    EXPECT_EQ(kept.data.files[0].path, "../../dogs.jsonl");
    EXPECT_EQ(kept.data.files[0].name, "dogs");
}

TEST_F(SessionTest, ResumeIsBitwiseTheUninterruptedRun) {
    m_recipe.tune.balanceScope = BalanceScope::Batch;
    ASSERT_EQ(start("whole")->wait(), RunState::Finished);
    ASSERT_EQ(start("halves", 4)->wait(), RunState::Stopped);
    EXPECT_FALSE(fs::exists(run("halves") / "checkpoints" / "step-000008"));
    ASSERT_EQ(goOn("halves")->wait(), RunState::Finished);
    EXPECT_EQ(losses("whole"), losses("halves"));
    const std::string whole = adapters("whole", "step-000008");
    EXPECT_GT(whole.size(), 10000U);
    EXPECT_TRUE(whole == adapters("halves", "step-000008"));
    EXPECT_EQ(sessionState("whole", "step-000008"), sessionState("halves", "step-000008"));
    EXPECT_EQ(sessionState("halves", "step-000008")["usual_losses"].size(), 8U);
    // Another seed is another run.
    m_recipe.seed = 6;
    ASSERT_EQ(start("other")->wait(), RunState::Finished);
    EXPECT_FALSE(whole == adapters("other", "step-000008"));
}

TEST_F(SessionTest, EightBitMomentsLearnAndResumeBitwise) {
    ASSERT_EQ(start("full")->wait(), RunState::Finished);
    m_recipe.tune.optimizer = OptimizerKind::AdamW8bit;
    m_recorder->clear();
    ASSERT_EQ(start("whole")->wait(), RunState::Finished);
    const auto steps = m_recorder->all<StepMetrics>();
    EXPECT_LT(steps.back().loss, 0.8 * steps.front().loss);
    ASSERT_EQ(start("halves", 3)->wait(), RunState::Stopped);
    ASSERT_EQ(goOn("halves")->wait(), RunState::Finished);
    EXPECT_EQ(losses("whole"), losses("halves"));
    const std::string whole = adapters("whole", "step-000008");
    EXPECT_TRUE(whole == adapters("halves", "step-000008"));
    EXPECT_FALSE(whole == adapters("full", "step-000008"));
    const auto moments = [&](const char* name) {
        return contentOf(run(name) / "checkpoints/step-000008" / checkpoint::kOptimizerFile);
    };
    EXPECT_TRUE(moments("whole") == moments("halves"));
    EXPECT_LT(moments("whole").size(), moments("full").size() / 3);

    // A checkpoint of the other kind does not fit.
    fs::remove_all(run("halves") / "checkpoints/step-000008");
    fs::copy(run("full") / "checkpoints/step-000008", run("halves") / "checkpoints/step-000008");
    m_recorder->clear();
    ASSERT_EQ(goOn("halves")->wait(), RunState::Failed);
    EXPECT_EQ(m_recorder->all<StateChange>().back().reason->code, ErrorCode::CheckpointDamaged);
}

TEST_F(SessionTest, PausedWeightsAnswerAndChangesAreReplayed) {
    const auto session = startAndAt("changed", 3, [](Session& session) {
        ASSERT_TRUE(session.change("tune.learning_rate", "0.001"));
        session.pause();
    });
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    EXPECT_EQ(session->step(), 3);
    bool used = false;
    EXPECT_TRUE(session->withModel([&](model::Model& model, const Tokenizer& tokenizer) {
        const auto ids = tokenizer.encode("Once upon");
        used =
            model.forward(model::packTokens(ids, at::kCPU)).size(0) == static_cast<std::int64_t>(ids.size());
    }));
    EXPECT_TRUE(used);
    EXPECT_FALSE(session->change("tune.lora_rank", "3"));
    session->resume();
    ASSERT_EQ(session->wait(), RunState::Finished);
    EXPECT_FALSE(session->withModel([](model::Model&, const Tokenizer&) {}));
    const auto steps = m_recorder->all<StepMetrics>();
    EXPECT_DOUBLE_EQ(steps[2].learningRate, 1e-2);
    EXPECT_DOUBLE_EQ(steps[3].learningRate, 1e-3);
    m_recorder->setAct({});

    // The recipe of that run folder repeats the run, change included.
    const std::string before = adapters("changed", "step-000008");
    ASSERT_EQ(Session::start({readRecipe(run("changed")), run("changed").string(), run("again").string(), {}},
                             m_recorder, {.threads = 1})
                  ->wait(),
              RunState::Finished);
    EXPECT_TRUE(before == adapters("again", "step-000008"));
}

TEST_F(SessionTest, CancelledRunResumesFromItsLastCheckpoint) {
    m_recipe.tune.checkpointEvery = 2;
    ASSERT_EQ(start("whole")->wait(), RunState::Finished);
    const auto session = startAndAt("killed", 5, [](Session& session) { session.cancel(); });
    ASSERT_EQ(session->wait(), RunState::Stopped);
    m_recorder->setAct({});
    ASSERT_EQ(goOn("killed")->wait(), RunState::Finished);
    EXPECT_EQ(losses("whole"), losses("killed"));
    EXPECT_TRUE(adapters("whole", "step-000008") == adapters("killed", "step-000008"));
}

// With a learning rate of (nearly) nothing no evaluation is better: the third in a row ends the run.
TEST_F(SessionTest, StopsEarlyAndResumesTheCountOfEvaluations) {
    m_recipe.tune.learningRate = 1e-30;
    m_recipe.tune.steps = 20;
    m_recipe.tune.evaluateEvery = 2;
    m_recipe.tune.earlyStop = 3;
    ASSERT_EQ(start("early")->wait(), RunState::Finished);
    const auto evaluations = m_recorder->all<Evaluation>();
    ASSERT_EQ(evaluations.size(), 4U);  // steps 0, 2, 4, 6
    EXPECT_EQ(evaluations.back().step, 6);
    EXPECT_EQ(m_recorder->all<RunResult>().back().step, 6);
    EXPECT_TRUE(fs::exists(run("early") / "checkpoints" / "step-000006"));
    // What was counted before an interruption counts.
    m_recorder->clear();
    ASSERT_EQ(start("halves", 4)->wait(), RunState::Stopped);
    ASSERT_EQ(goOn("halves")->wait(), RunState::Finished);
    EXPECT_EQ(m_recorder->all<RunResult>().back().step, 6);
    // A run that learns goes on to its end.
    m_recipe.tune.learningRate = 1e-2;
    m_recipe.tune.steps = 8;
    m_recorder->clear();
    ASSERT_EQ(start("learns")->wait(), RunState::Finished);
    EXPECT_EQ(m_recorder->all<RunResult>().back().step, 8);
}

TEST_F(SessionTest, KeepsACheckpointOfEachBestEvaluation) {
    m_recipe.tune.evaluateEvery = 2;
    m_recipe.tune.keep = Keeping::Best;
    ASSERT_EQ(start("best")->wait(), RunState::Finished);
    std::vector<StepIndex> better;  // of the evaluations on the way, those that were the best so far
    double least = m_recorder->all<Evaluation>().front().mean;
    for (const Evaluation& evaluation : m_recorder->all<Evaluation>())
        if (evaluation.step > 0 && evaluation.mean < least) {
            least = evaluation.mean;
            better.push_back(evaluation.step);
        }
    ASSERT_GE(better.size(), 2U);
    if (better.back() != 8) better.push_back(8);  // the end is kept always
    std::vector<StepIndex> kept;
    for (const CheckpointInfo& info : m_recorder->all<CheckpointInfo>())
        kept.push_back(info.step);
    EXPECT_EQ(kept, better);
}

TEST_F(SessionTest, BadInputFailsWithItsReason) {
    m_recipe.data.files[0].path = "missing.jsonl";
    ASSERT_EQ(start("bad")->wait(), RunState::Failed);
    const auto states = m_recorder->all<StateChange>();
    ASSERT_TRUE(states.back().reason);
    EXPECT_EQ(states.back().reason->code, ErrorCode::FileMissing);
    EXPECT_THROW(start("bad"), EngineException);  // the folder holds a run
}

}  // namespace
}  // namespace caravan::engine::train
