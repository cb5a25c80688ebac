// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include "tests/app/cli/cli_fixture.h"

// The real program, killed at random moments and resumed from the command line, ends with the adapters of a
// run that nobody disturbed. CARAVAN_KILLS says how often (reliability.md, R1).
namespace caravan::cli::testing {
namespace {

constexpr int kSteps = 12, kDefaultKills = 6;
using Seconds = std::chrono::duration<double>;

class KilledRuns : public Cli {
  protected:
    [[nodiscard]] fs::path adapters(const std::string& name) const {
        return folder / "p/runs" / name / "checkpoints/step-000012/trainable.safetensors";
    }
    [[nodiscard]] std::vector<std::string> words(const std::string& name) const {
        const fs::path run = folder / "p/runs" / name;
        // Killed before its recipe was written, a run has not begun: its name is free again.
        if (fs::exists(run / "recipe.json"))
            return {"resume", run, "--json", "--device", "cpu", "--threads", "1"};
        std::error_code ignored;
        fs::remove_all(run, ignored);
        return tune(kSteps, {"--checkpoint-every", "1", "--name", name});
    }
    // True if the program came to its end before the moment.
    bool runFor(const std::string& name, Seconds moment) const {
        const pid_t child = start(words(name), folder / "out", folder / "err");
        std::this_thread::sleep_for(moment);
        int status = 0;
        if (waitpid(child, &status, WNOHANG) == child) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        return false;
    }
};

TEST_F(KilledRuns, EndWithTheAdaptersOfAnUndisturbedOne) {
    const char* asked = std::getenv("CARAVAN_KILLS");
    const int kills = asked ? std::atoi(asked) : kDefaultKills;
    const auto before = std::chrono::steady_clock::now();
    const Outcome whole = run(tune(kSteps, {"--checkpoint-every", "1", "--name", "whole"}));
    ASSERT_EQ(whole.code, 0) << whole.err;
    const Seconds duration = std::chrono::steady_clock::now() - before;
    const std::string wanted = readText(adapters("whole"));
    ASSERT_GT(wanted.size(), 1000u);

    std::mt19937 random(11);
    std::uniform_real_distribution<double> part(0.02, 0.7);
    int killed = 0, runs = 0;
    while (killed < kills) {
        const std::string name = "k" + std::to_string(++runs);
        bool ended = false;
        while (killed < kills && !(ended = runFor(name, duration * part(random))))
            ++killed;
        if (!ended) {
            const Outcome last = run(words(name));
            ASSERT_EQ(last.code, 0) << "after " << killed << " kills: " << last.err;
        }
        ASSERT_EQ(readText(adapters(name)), wanted) << "after " << killed << " kills";
        fs::remove_all(folder / "p/runs" / name);
    }
    std::printf("%d kills in %d runs: the adapters of every run equal the undisturbed run's\n", killed, runs);
}

}  // namespace
}  // namespace caravan::cli::testing
