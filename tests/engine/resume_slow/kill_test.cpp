// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "engine/checkpoint/checkpoint_store.h"
#include "tests/support/engine_fixture.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kSteps = 120;
constexpr const char* kVariable = "CARAVAN_KILL_TEST_FOLDER";
constexpr const char* kBf16File = "bf16";  // in the folder: trained values in bf16 alone, 8-bit states

Recipe recipeIn(const fs::path& folder) {
    Recipe recipe = smallRecipe(folder, kSteps);
    recipe.tune.checkpointEvery = 4;
    recipe.tune.evaluateEvery = 20;
    if (fs::exists(folder / kBf16File)) {
        recipe.tune.trained = TrainedValues::Bf16;
        recipe.tune.optimizer = OptimizerKind::AdamW8bit;
        recipe.tune.microBatchTokens = 128;  // several to a step
    }
    return recipe;
}

// Starts the run in the folder, or goes on with it, and waits for its end.
RunState workOn(const fs::path& folder) {
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    const std::string run = (folder / "run").string();
    const bool begun = fs::exists(fs::path(run) / "recipe.json");
    const auto session =
        begun
            ? engine->resumeRun({.runFolder = run}, nullptr)
            : engine->startRun({.recipe = recipeIn(folder), .recipeFolder = "/", .runFolder = run}, nullptr);
    return session ? (*session)->wait() : RunState::Failed;
}

// The child of the test below: this program again, with a folder to work in.
TEST(KillChild, Works) {
    const char* folder = std::getenv(kVariable);
    if (!folder) GTEST_SKIP() << "only as a child of KilledRun";
    EXPECT_EQ(workOn(folder), RunState::Finished);
}

// Seconds until it is killed; < 0: it may end by itself. True if it ended well.
bool runChild(const fs::path& folder, double seconds) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv(kVariable, folder.c_str(), 1);
        ::freopen("/dev/null", "w", stdout);
        ::execl("/proc/self/exe", "engine_resume_slow", "--gtest_filter=KillChild.*",
                static_cast<char*>(nullptr));
        ::_exit(127);
    }
    if (seconds >= 0) {
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
        ::kill(child, SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::map<StepIndex, double> losses(const fs::path& run) {
    std::map<StepIndex, double> out;
    std::ifstream metrics(run / "metrics.jsonl");
    for (std::string line; std::getline(metrics, line);) {
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_discarded() && json.at("type") == "step")
            out[json.at("step").get<StepIndex>()] = json.at("loss").get<double>();
    }
    return out;
}

int killsAsked(int usual) {
    const char* asked = std::getenv("CARAVAN_KILLS");
    return asked ? std::atoi(asked) : usual;
}

struct Counts {
    int killed = 0, finished = 0;
};

void killAndCompare(int kills, bool bf16, Counts& counts) {
    const auto mark = [&](const TemporaryFolder& folder) {
        if (bf16) std::ofstream(folder / kBf16File) << "yes";
    };
    TemporaryFolder whole;
    mark(whole);
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(runChild(whole.path(), -1));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto trainable = [](const fs::path& folder) {
        return textOf(checkpoint::checkpointFolder(folder / "run", kSteps) / checkpoint::kTrainableFile);
    };
    const std::string wanted = trainable(whole.path());
    ASSERT_GT(wanted.size(), 1000u);

    std::mt19937 random(7);
    std::uniform_real_distribution<double> moment(0.0, seconds * 0.7);
    while (counts.killed < kills) {
        TemporaryFolder folder;
        mark(folder);
        while (counts.killed < kills && !runChild(folder.path(), moment(random))) {
            ++counts.killed;
            // A kill before the recipe was written leaves a folder without a run.
            if (!fs::exists(folder / "run/recipe.json")) fs::remove_all(folder / "run");
        }
        if (!fs::exists(checkpoint::checkpointFolder(folder / "run", kSteps)))
            ASSERT_TRUE(runChild(folder.path(), -1)) << textOf(folder / "run/log.txt");
        ++counts.finished;
        ASSERT_EQ(trainable(folder.path()), wanted) << "after " << counts.killed << " kills";
        ASSERT_EQ(losses(folder / "run"), losses(whole / "run")) << "after " << counts.killed << " kills";
    }
}

TEST(KilledRun, EndsWithTheSameAdaptersAsAnUninterruptedOne) {
    Counts counts;
    killAndCompare(killsAsked(50), false, counts);
    RecordProperty("kills", counts.killed);
    RecordProperty("runs", counts.finished);
}

TEST(KilledRun, TheSameWithTrainedValuesInBf16) {
    Counts counts;
    killAndCompare(killsAsked(10), true, counts);
    RecordProperty("kills", counts.killed);
    RecordProperty("runs", counts.finished);
}

}  // namespace
}  // namespace caravan::engine
