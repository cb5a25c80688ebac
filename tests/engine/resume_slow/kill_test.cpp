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

Recipe recipeIn(const fs::path& folder) {
    Recipe recipe = smallRecipe(folder, kSteps);
    recipe.tune.checkpointEvery = 4;
    recipe.tune.evaluateEvery = 20;
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

TEST(KilledRun, EndsWithTheSameAdaptersAsAnUninterruptedOne) {
    TemporaryFolder whole;
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(runChild(whole.path(), -1));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto trainable = [](const fs::path& folder) {
        return textOf(checkpoint::checkpointFolder(folder / "run", kSteps) / checkpoint::kTrainableFile);
    };
    const std::string wanted = trainable(whole.path());
    ASSERT_GT(wanted.size(), 1000u);

    const char* asked = std::getenv("CARAVAN_KILLS");
    const int kills = asked ? std::atoi(asked) : 50;
    std::mt19937 random(7);
    std::uniform_real_distribution<double> moment(0.0, seconds * 0.7);
    int killed = 0, finished = 0;
    while (killed < kills) {
        TemporaryFolder folder;
        while (killed < kills && !runChild(folder.path(), moment(random))) {
            ++killed;
            // A kill before the recipe was written leaves a folder without a run.
            if (!fs::exists(folder / "run/recipe.json")) fs::remove_all(folder / "run");
        }
        if (!fs::exists(checkpoint::checkpointFolder(folder / "run", kSteps)))
            ASSERT_TRUE(runChild(folder.path(), -1)) << textOf(folder / "run/log.txt");
        ++finished;
        ASSERT_EQ(trainable(folder.path()), wanted) << "after " << killed << " kills";
        ASSERT_EQ(losses(folder / "run"), losses(whole / "run")) << "after " << killed << " kills";
    }
    RecordProperty("kills", killed);
    RecordProperty("runs", finished);
}

}  // namespace
}  // namespace caravan::engine
