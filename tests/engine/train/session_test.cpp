// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/session.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <map>
#include <sstream>

#include "engine/api/event_json.h"
#include "tests/support/golden.h"

namespace caravan::engine::train {
namespace {

namespace fs = std::filesystem;

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = (fs::temp_directory_path() / "caravan_session_XXXXXX").string();
        m_path = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { fs::remove_all(m_path); }
    [[nodiscard]] const fs::path& path() const { return m_path; }

  private:
    fs::path m_path;
};

// Collects the events; lets a test act when one comes.
class Recorder final : public RunObserver {
  public:
    std::function<void(const RunEvent&)> act;
    void onEvent(const RunEvent& event) override {
        {
            const std::lock_guard lock(m_mutex);
            m_events.push_back(event);
            m_changed.notify_all();
        }
        if (act) act(event);
    }
    template <class E>
    [[nodiscard]] std::vector<E> all() {
        const std::lock_guard lock(m_mutex);
        std::vector<E> result;
        for (const RunEvent& event : m_events)
            if (const E* found = std::get_if<E>(&event)) result.push_back(*found);
        return result;
    }
    void clear() {
        const std::lock_guard lock(m_mutex);
        m_events.clear();
    }
    bool waitFor(RunState state) {
        std::unique_lock lock(m_mutex);
        return m_changed.wait_for(lock, std::chrono::seconds(60), [&] {
            for (const RunEvent& event : m_events)
                if (const auto* change = std::get_if<StateChange>(&event); change && change->to == state)
                    return true;
            return false;
        });
    }

  private:
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::vector<RunEvent> m_events;
};

std::string contentOf(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

void writeRows(const fs::path& path, int rows, const std::string& what) {
    std::ofstream file(path);
    for (int i = 0; i < rows; ++i)
        file << nlohmann::json{{"corpus", ""},
                               {"dataset", ""},
                               {"instruction", i % 3 == 0 ? "Be short." : ""},
                               {"conversation",
                                {{{"input", "Tell me about " + what + " " + std::to_string(i)},
                                  {"output", "Once upon a time there was a " + what +
                                                 std::string(static_cast<std::size_t>(i % 5), '!')}}}}}
                    .dump()
             << "\n";
}

// A real trained model of 260 K parameters on a handful of rows.
class SessionTest : public testing::Test {
  protected:
    void SetUp() override {
        writeRows(m_folder.path() / "dogs.jsonl", 11, "dog");
        writeRows(m_folder.path() / "cats.jsonl", 9, "cat");
        writeRows(m_folder.path() / "heldout.jsonl", 3, "bird");
        m_recipe.model = {(dataFolder() / "models" / "stories260k").string(), Quantization::None};
        m_recipe.upcycle = {.experts = 4, .topK = 2, .adapterSize = 8, .scaling = 1, .layers = "1,3-4"};
        m_recipe.data.files = {{"dogs.jsonl", "", 1}, {"cats.jsonl", "felines", 1}};
        m_recipe.data.heldout = {{"heldout.jsonl", "", 1}};
        m_recipe.tune.steps = 8;
        m_recipe.tune.batchRows = 6;
        m_recipe.tune.microBatchTokens = 300;
        m_recipe.tune.learningRate = 1e-2;
        m_recipe.tune.loraRank = 4;
        m_recipe.seed = 5;
    }
    fs::path run(const char* name) const { return m_folder.path() / "runs" / name; }
    std::shared_ptr<Session> start(const char* name, std::optional<std::int64_t> stopAfter = {}) {
        return Session::start({m_recipe, m_folder.path().string(), run(name).string(), {stopAfter}},
                              m_recorder, {.threads = 1});
    }
    std::shared_ptr<Session> goOn(const char* name) {
        return Session::resumeRun({.runFolder = run(name).string()}, m_recorder, {.threads = 1});
    }
    std::string adapters(const char* name, const char* step) const {
        return contentOf(run(name) / "checkpoints" / step / checkpoint::kTrainableFile);
    }
    // Loss by step, the last line of a step counts.
    std::map<StepIndex, double> losses(const char* name) const {
        std::map<StepIndex, double> result;
        std::ifstream file(run(name) / "metrics.jsonl");
        for (std::string line; std::getline(file, line);) {
            const nlohmann::json json = nlohmann::json::parse(line);
            if (json["type"] == "step") result[json["step"]] = json["loss"];
        }
        return result;
    }

    TemporaryFolder m_folder;
    Recipe m_recipe;
    std::shared_ptr<Recorder> m_recorder = std::make_shared<Recorder>();
};

TEST_F(SessionTest, TunesAndKeepsEverythingThatHappened) {
    m_recipe.tune.evaluateEvery = 4;
    m_recipe.tune.checkpointEvery = 4;
    m_recipe.tune.sampleEvery = 8;
    m_recipe.tune.samples = {"Tell me about dog 1"};
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
    EXPECT_EQ(m_recorder->all<Sample>().size(), 1U);
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
    std::shared_ptr<Session> session;
    std::mutex ready;
    ready.lock();
    m_recorder->act = [&](const RunEvent& event) {
        if (const auto* step = std::get_if<StepMetrics>(&event); step && step->step == 3) {
            const std::lock_guard wait(ready);
            ASSERT_TRUE(session->change("tune.learning_rate", "0.001"));
            session->pause();
        }
    };
    session = start("changed");
    ready.unlock();
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
    m_recorder->act = {};

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
    std::shared_ptr<Session> session;
    std::mutex ready;
    ready.lock();
    m_recorder->act = [&](const RunEvent& event) {
        if (const auto* step = std::get_if<StepMetrics>(&event); step && step->step == 5) {
            const std::lock_guard wait(ready);
            session->cancel();
        }
    };
    session = start("killed");
    ready.unlock();
    ASSERT_EQ(session->wait(), RunState::Stopped);
    m_recorder->act = {};
    ASSERT_EQ(goOn("killed")->wait(), RunState::Finished);
    EXPECT_EQ(losses("whole"), losses("killed"));
    EXPECT_TRUE(adapters("whole", "step-000008") == adapters("killed", "step-000008"));
}

// A weight becomes not-a-number: the steps are seen and skipped, the third brings the last checkpoint back.
TEST_F(SessionTest, NotFiniteStepsAreSkippedAndRolledBack) {
    m_recipe.tune.checkpointEvery = 3;
    ASSERT_EQ(start("whole")->wait(), RunState::Finished);
    std::shared_ptr<Session> session;
    std::mutex ready;
    ready.lock();
    m_recorder->act = [&](const RunEvent& event) {
        if (const auto* step = std::get_if<StepMetrics>(&event); step && step->step == 4 && !step->skipped) {
            const std::lock_guard wait(ready);
            session->pause();
        }
    };
    session = start("poisoned");
    ready.unlock();
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    m_recorder->act = {};
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
    std::shared_ptr<Session> session;
    std::mutex ready;
    ready.lock();
    m_recorder->act = [&](const RunEvent& event) {
        if (const auto* step = std::get_if<StepMetrics>(&event); step && step->step == 5) {
            const std::lock_guard wait(ready);
            ASSERT_TRUE(session->change("tune.learning_rate", "10"));
        }
    };
    session = start("blown");
    ready.unlock();
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    m_recorder->act = {};
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
    std::shared_ptr<Session> session;
    std::mutex ready;
    ready.lock();
    m_recorder->act = [&](const RunEvent& event) {
        if (const auto* step = std::get_if<StepMetrics>(&event); step && step->step == 5) {
            const std::lock_guard wait(ready);
            ASSERT_TRUE(session->change("tune.learning_rate", "10"));
        }
    };
    session = start("spoilt");
    ready.unlock();
    ASSERT_TRUE(m_recorder->waitFor(RunState::Paused));
    m_recorder->act = {};
    EXPECT_EQ(session->step(), 4);
    session->stop();
    ASSERT_EQ(session->wait(), RunState::Stopped);
    EXPECT_TRUE(fs::exists(run("spoilt") / "checkpoints" / "step-000004"));
    EXPECT_FALSE(fs::exists(run("spoilt") / "checkpoints" / "step-000008"));
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
