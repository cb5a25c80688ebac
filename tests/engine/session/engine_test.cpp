// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <condition_variable>
#include <mutex>

#include "engine/api/side_by_side.h"
#include "engine/formats/model_folder.h"
#include "tests/support/engine_fixture.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;

class Observer final : public RunObserver {
  public:
    void onEvent(const RunEvent& event) override {
        const std::lock_guard lock(m_mutex);
        if (const auto* change = std::get_if<StateChange>(&event)) m_state = change->to;
        if (std::holds_alternative<StepMetrics>(event)) ++m_steps;
        m_changed.notify_all();
    }
    bool waitFor(RunState state) {
        std::unique_lock lock(m_mutex);
        return m_changed.wait_for(lock, std::chrono::seconds(60), [&] { return m_state == state; });
    }
    bool waitForSteps(int steps) {
        std::unique_lock lock(m_mutex);
        return m_changed.wait_for(lock, std::chrono::seconds(60), [&] { return m_steps >= steps; });
    }

  private:
    std::mutex m_mutex;
    std::condition_variable m_changed;
    RunState m_state = RunState::Created;
    int m_steps = 0;
};

const GenerateOptions kGreedy{.maxTokens = 24, .temperature = 0};
const std::vector<ChatMessage> kQuestion{{"user", "Tell of a cat"}};

// One finished run of 6 steps for all tests of the suite.
class EngineOnARun : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        s_folder = std::make_unique<TemporaryFolder>();
        s_engine = makeEngine({.device = "cpu", .threads = 1});
        Recipe recipe = smallRecipe(s_folder->path(), 6);
        recipe.tune.checkpointEvery = 3;
        s_run = (*s_folder / "run").string();
        auto run = s_engine->startRun({.recipe = recipe, .recipeFolder = "/", .runFolder = s_run}, nullptr);
        ASSERT_TRUE(succeeded(run));
        ASSERT_EQ((*run)->wait(), RunState::Finished) << textOf(fs::path(s_run) / "log.txt");
        recipe.upcycle.method = UpcycleMethod::None;
        s_denseRun = (*s_folder / "dense").string();
        run = s_engine->startRun({.recipe = recipe, .recipeFolder = "/", .runFolder = s_denseRun}, nullptr);
        ASSERT_TRUE(succeeded(run));
        ASSERT_EQ((*run)->wait(), RunState::Finished) << textOf(fs::path(s_denseRun) / "log.txt");
    }
    static void TearDownTestSuite() {
        s_engine.reset();
        s_folder.reset();
    }
    static std::string answer(const std::string& path) {
        const auto summary = s_engine->generate({.path = path}, kQuestion, kGreedy, {}, {}, {});
        EXPECT_TRUE(succeeded(summary)) << path;
        return summary ? summary->text : "";
    }
    static inline std::unique_ptr<TemporaryFolder> s_folder;
    static inline std::unique_ptr<Engine> s_engine;
    static inline std::string s_run, s_denseRun;
};

TEST_F(EngineOnARun, AnswersFromARunAndFromACheckpoint) {
    std::vector<TokenEvent> events;
    const auto newest = s_engine->generate({.path = s_run}, kQuestion, kGreedy,
                                           [&](const TokenEvent& event) { events.push_back(event); }, {}, {});
    ASSERT_TRUE(succeeded(newest));
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events[0].experts.size(), 5u);
    EXPECT_EQ(events[0].experts[0].size(), 2u);
    EXPECT_EQ(answer(s_run + "@6"), newest->text);
    EXPECT_FALSE(answer(s_run + "@3").empty());
    const auto missing = s_engine->generate({.path = s_run + "@5"}, kQuestion, kGreedy, {}, {}, {});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::NotFound);
    const auto nothing = s_engine->generate({.path = "/no/such/model"}, kQuestion, kGreedy, {}, {}, {});
    ASSERT_FALSE(nothing);
    EXPECT_EQ(exitCode(nothing.error()), 3);
}

TEST_F(EngineOnARun, BaseAndCheckpointsFromOneLoadedModelAnswerAsIfLoadedAlone) {
    const auto alone = [](const ModelSource& source) {
        const auto fresh = makeEngine({.device = "cpu", .threads = 1});
        return unwrap(fresh->generate(source, kQuestion, kGreedy, {}, {}, {})).text;
    };
    const auto loads = [](const ModelSource& source, std::string& text) {
        int stages = 0;  // of loading; what lies in memory already reports none
        const auto summary =
            s_engine->generate(source, kQuestion, kGreedy, {}, [&](const Progress&) { ++stages; }, {});
        text = unwrap(summary).text;
        return stages > 0;
    };
    const ModelSource run{.path = s_run}, early{.path = s_run + "@3"};
    // In the run's own precision, so that the weights are the same.
    const ModelSource base{.path = storiesModel(), .compute = Recipe{}.tune.compute};
    s_engine->unload();
    std::string text;
    EXPECT_TRUE(loads(run, text));
    const std::string newest = text;
    EXPECT_FALSE(loads(base, text));
    EXPECT_EQ(text, alone(base));
    EXPECT_FALSE(loads(early, text));
    EXPECT_EQ(text, alone(early));
    EXPECT_FALSE(loads(base, text));
    EXPECT_EQ(text, alone(base));
    EXPECT_FALSE(loads(run, text));
    EXPECT_EQ(text, newest);
    // Evaluation never takes a run's model for its base.
    const std::vector<DomainFile> files{{(*s_folder / "held.jsonl").string(), "birds"}};
    const auto dense = s_engine->evaluate(base, files, {}, {});
    ASSERT_TRUE(succeeded(dense));
    const auto fresh = makeEngine({.device = "cpu", .threads = 1});
    EXPECT_EQ(dense->mean, unwrap(fresh->evaluate(base, files, {}, {})).mean);
}

// A long row is cut where the run cut it, for the base too; alone the base reads it as far as its positions
// go.
TEST_F(EngineOnARun, EvaluatesModelsSideBySideOnTheSameTokens) {
    const fs::path run = fs::path(s_run).parent_path() / "short", file = *s_folder / "long.jsonl";
    fs::copy(s_run, run, fs::copy_options::recursive);
    auto recipe = nlohmann::json::parse(std::ifstream(run / "recipe.json"));
    recipe["tune"]["sequence_length"] = 64;
    std::ofstream(run / "recipe.json") << recipe.dump();
    std::string answer;
    for (int i = 0; i < 60; ++i)
        answer += "The bird sang and flew on. ";
    std::ofstream(file) << nlohmann::json{{"instruction", "Tell me a tale."}, {"output", answer}}.dump()
                        << "\n";
    const std::vector<DomainFile> files{{file.string(), "birds"}};
    const ModelSource base{.path = storiesModel(), .compute = Recipe{}.tune.compute},
        tuned{.path = run.string()};
    auto& both = dynamic_cast<SideBySide&>(*s_engine);
    const auto outcomes = both.evaluateAlike({base, tuned}, files, {}, {});
    ASSERT_TRUE(succeeded(outcomes));
    ASSERT_EQ(outcomes->size(), 2u);
    const auto whole = s_engine->evaluate(base, files, {}, {});
    ASSERT_TRUE(succeeded(whole));
    EXPECT_NE(outcomes->at(0).mean, whole->mean) << "the base was not cut";
    EXPECT_EQ(outcomes->at(1).mean, unwrap(s_engine->evaluate(tuned, files, {}, {})).mean);
    EXPECT_EQ(unwrap(both.evaluateAlike({base}, files, {}, {})).at(0).mean, whole->mean);
    fs::remove_all(run);
}

TEST_F(EngineOnARun, EvaluatesLikeTheRunDid) {
    const auto outcome = s_engine->evaluate(
        {.path = s_run},
        {{(*s_folder / "held.jsonl").string(), "birds"}, {(*s_folder / "cats.jsonl").string(), ""}}, {}, {});
    ASSERT_TRUE(succeeded(outcome));
    ASSERT_EQ(outcome->heldoutLoss.size(), 2u);
    EXPECT_EQ(outcome->heldoutLoss[1].first, "cats");
    EXPECT_DOUBLE_EQ(outcome->mean, (outcome->heldoutLoss[0].second + outcome->heldoutLoss[1].second) / 2);
    double logged = 0;
    std::ifstream metrics(fs::path(s_run) / "metrics.jsonl");
    for (std::string line; std::getline(metrics, line);) {
        const auto json = nlohmann::json::parse(line);
        if (json.at("type") == "evaluation") logged = json.at("heldout_loss").at("birds").get<double>();
    }
    EXPECT_NEAR(outcome->heldoutLoss[0].second, logged, 1e-6);
}

TEST_F(EngineOnARun, CountsRoutingOverAProbeSet) {
    const auto statistics = s_engine->routing(
        {.path = s_run},
        {{(*s_folder / "cats.jsonl").string(), "cats"}, {(*s_folder / "dogs.jsonl").string(), "dogs"}}, {},
        {});
    ASSERT_TRUE(succeeded(statistics));
    const RoutingRecord& record = statistics->record;
    ASSERT_EQ(record.layers.size(), 5u);
    EXPECT_EQ(record.domains, (std::vector<std::string>{"cats", "dogs"}));
    for (std::size_t layer = 0; layer < 5; ++layer)
        for (std::size_t domain = 0; domain < 2; ++domain) {
            double first = 0, all = 0, gates = 0;
            for (std::size_t expert = 0; expert < 4; ++expert)
                for (const int role : {0, 1}) {
                    first += record.values[record.index(layer, expert, domain, 0, role, 0)];
                    all += record.values[record.index(layer, expert, domain, 1, role, 0)];
                    gates += record.values[record.index(layer, expert, domain, 1, role, 1)];
                }
            EXPECT_GT(first, 100);
            EXPECT_EQ(all, 2 * first) << "k = 2";
            EXPECT_NEAR(gates, first, first * 1e-4) << "weights sum to 1";
        }
    EXPECT_EQ(statistics->maxVio.size(), 5u);
    for (const double confidence : statistics->confidence)
        EXPECT_TRUE(confidence >= 0.25 && confidence <= 1);
    const auto dense =
        s_engine->routing({.path = storiesModel()}, {{(*s_folder / "cats.jsonl").string(), ""}}, {}, {});
    ASSERT_FALSE(dense);
    EXPECT_EQ(dense.error().code, ErrorCode::Unsupported);
}

TEST_F(EngineOnARun, ExportsWhatAnswersTheSame) {
    for (const std::string format : {"camelidae", "sparsetral"}) {
        const std::string out = (*s_folder / format).string();
        const auto done = s_engine->exportModel({.path = s_run}, {format, out}, {}, {});
        ASSERT_TRUE(succeeded(done));
        EXPECT_LT(done->maxAbsLogitDifference, 1e-3) << "merging LoRA rounds in fp32";
        const auto inspection = inspectModel(out);
        ASSERT_TRUE(succeeded(inspection));
        EXPECT_EQ(inspection->config.moe->keyStyle == AdapterKeyStyle::Sparsetral, format == "sparsetral");
        EXPECT_EQ(answer(out), answer(s_run));
        const auto again = s_engine->exportModel({.path = out}, {"camelidae", out + "-again"}, {}, {});
        ASSERT_TRUE(succeeded(again));
        EXPECT_EQ(again->maxAbsLogitDifference, 0);
    }
    for (const std::string format : {"merged", "adapters"}) {
        const auto refused =
            s_engine->exportModel({.path = s_run}, {format, (*s_folder / "refused").string()}, {}, {});
        ASSERT_FALSE(refused);
        EXPECT_EQ(exitCode(refused.error()), 2);
        const std::string out = (*s_folder / format).string();
        const auto done = s_engine->exportModel({.path = s_denseRun}, {format, out}, {}, {});
        ASSERT_TRUE(succeeded(done));
        EXPECT_LT(done->maxAbsLogitDifference, format == "adapters" ? 1e-12 : 1e-3);
        EXPECT_EQ(answer(out), answer(s_denseRun));
        EXPECT_EQ(inspectModel(out)->kind, format == "adapters" ? "lora" : "dense");
        // The run's template travels with either: a chat asks as the run was tuned.
        EXPECT_TRUE(fs::exists(fs::path(out) / "chat_template.jinja"));
        EXPECT_TRUE(fs::exists(fs::path(out) / "tokenizer.model"));
    }
}

TEST_F(EngineOnARun, MeasuresADryStep) {
    const auto step = s_engine->dryStep(smallRecipe(s_folder->path(), 6), "/", {}, {});
    ASSERT_TRUE(succeeded(step));
    EXPECT_GT(step->seconds, 0);
    EXPECT_GT(step->tokens, 100);
    EXPECT_GT(step->peakBytes, 0);
}

TEST(EngineLive, ChatsWithThePausedRunsWeights) {
    TemporaryFolder folder;
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    const Recipe recipe = smallRecipe(folder.path(), 2000);
    const auto observer = std::make_shared<Observer>();
    const auto run = engine->startRun(
        {.recipe = recipe, .recipeFolder = "/", .runFolder = (folder / "run").string()}, observer);
    ASSERT_TRUE(succeeded(run));
    const ModelSource live{.path = (folder / "run").string(), .live = true};
    ASSERT_TRUE(observer->waitForSteps(2));
    const auto busy = engine->generate(live, kQuestion, kGreedy, {}, {}, {});
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().code, ErrorCode::RunBusy);
    (*run)->pause();
    ASSERT_TRUE(observer->waitFor(RunState::Paused));
    const StepIndex step = (*run)->step();
    const auto answer = engine->generate(live, kQuestion, kGreedy, {}, {}, {});
    ASSERT_TRUE(succeeded(answer));
    EXPECT_GT(answer->tokens, 0);
    EXPECT_EQ((*run)->step(), step);
    (*run)->resume();
    ASSERT_TRUE(observer->waitFor(RunState::Running));
    (*run)->stop();
    EXPECT_EQ((*run)->wait(), RunState::Stopped) << textOf(folder / "run/log.txt");
    // The stopped run's newest checkpoint answers through its folder.
    EXPECT_TRUE(
        succeeded(engine->generate({.path = (folder / "run").string()}, kQuestion, kGreedy, {}, {}, {})));
}

TEST(EngineDevice, TellsTheProcessorAndRefusesWhatIsNotThere) {
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    const auto status = engine->device();
    EXPECT_FALSE(status.cuda);
    EXPECT_GT(status.memoryUsed, 1 << 20);
    EXPECT_GT(status.memoryTotal, status.memoryUsed);
    EXPECT_NE(status.name.find("core"), std::string::npos) << status.name;
    const auto wrong = makeEngine({.device = "tpu"});
    const auto refused = wrong->generate({.path = storiesModel()}, kQuestion, kGreedy, {}, {}, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::BadOption);
}

TEST(EngineErrors, BadMessagesAreWrongUsage) {
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    for (const std::vector<ChatMessage>& messages : {std::vector<ChatMessage>{},
                                                     {{"assistant", "hm"}},
                                                     {{"user", "a"}, {"user", "b"}},
                                                     {{"tool", "x"}}}) {
        const auto refused = engine->generate({.path = storiesModel()}, messages, kGreedy, {}, {}, {});
        ASSERT_FALSE(refused);
        EXPECT_EQ(exitCode(refused.error()), 2);
    }
}

}  // namespace
}  // namespace caravan::engine
