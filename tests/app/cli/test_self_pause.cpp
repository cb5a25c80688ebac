// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>

#include <limits>

#include "engine/formats/safetensors.h"
#include "tests/app/cli/cli_fixture.h"

// A run that pauses itself has nobody to wait for on a command line: it ends, says why, and can be resumed.
namespace caravan::cli::testing {
namespace {

// No file may grow beyond this: what a full disk does to a checkpoint.
void limitFiles() {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{200 << 10, 200 << 10};
    setrlimit(RLIMIT_FSIZE, &limit);
}

TEST_F(Cli, AFullDiskEndsTheRunWithFourAndItResumes) {
    inChild = limitFiles;
    const Outcome full = run(tune(4, {"--checkpoint-every", "2"}));
    inChild = {};
    ASSERT_EQ(full.code, 4) << full.err;
    EXPECT_NE(full.err.find("trainable.safetensors"), std::string::npos) << full.err;
    EXPECT_NE(full.err.find("resume"), std::string::npos) << full.err;
    ASSERT_EQ(full.of("error").size(), 1u) << full.out;
    EXPECT_EQ(full.of("error")[0]["code"], "write_failed");
    EXPECT_EQ(full.of("step").back()["step"], 2);
    const auto states = full.of("state");
    EXPECT_TRUE(std::any_of(states.begin(), states.end(), [](const json& s) { return s["to"] == "paused"; }));

    const std::vector<std::string> same = {"--json", "--device", "cpu", "--threads", "1"};
    std::vector<std::string> words = {"resume", folder / "p/runs/0001"};
    words.insert(words.end(), same.begin(), same.end());
    const Outcome resumed = run(words);
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_EQ(resumed.of("result").at(0)["step"], 4);
    const Outcome whole = run(tune(4, {"--checkpoint-every", "2", "--name", "whole"}));
    ASSERT_EQ(whole.code, 0) << whole.err;
    EXPECT_EQ(readText(folder / "p/runs/0001/checkpoints/step-000004/trainable.safetensors"),
              readText(folder / "p/runs/whole/checkpoints/step-000004/trainable.safetensors"));
}

// What the window's remedies change, from the next step on; the rest of the run is the same.
TEST_F(Cli, ResumeTakesAnotherRateAndSmallerMicroBatches) {
    ASSERT_EQ(run(tune(4, {"--stop-after", "2"})).code, 5);
    const std::vector<std::string> resume = {
        "resume", folder / "p/runs/0001", "--json", "--device", "cpu", "--threads", "1"};
    const auto with = [&](const std::vector<std::string>& more) {
        std::vector<std::string> words = resume;
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    };
    for (const char* bad : {"tune.lora_rank=8", "tune.learning_rate", "tune.learning_rate=much"}) {
        const Outcome refused = with({"--set", bad});
        EXPECT_EQ(refused.code, 2) << bad << refused.err;
        EXPECT_TRUE(refused.of("state").empty()) << bad;
    }
    const Outcome resumed =
        with({"--set", "tune.learning_rate=0.00001", "--set", "tune.micro_batch_tokens=96"});
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_EQ(resumed.of("result").at(0)["step"], 4);
    EXPECT_LE(resumed.of("step").back()["learning_rate"].get<double>(), 0.00001);
    std::istringstream lines(readText(folder / "p/runs/0001/changes.jsonl"));
    std::vector<json> changes;
    for (std::string line; std::getline(lines, line);)
        changes.push_back(json::parse(line));
    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0]["key"], "tune.learning_rate");
    EXPECT_EQ(changes[0]["step"], 3);
    EXPECT_EQ(changes[1]["key"], "tune.micro_batch_tokens");
    EXPECT_EQ(changes[1]["to"], 96);
    EXPECT_GT(changes[1]["from"], 96);
}

// A model whose last norm holds something that is no number.
fs::path brokenModel(const fs::path& folder) {
    fs::copy(CARAVAN_TEST_DATA "/models/stories260k", folder / "broken");
    const fs::path weights = folder / "broken/model.safetensors";
    std::int64_t offset = 0;
    {
        const auto file = engine::unwrap(engine::SafetensorsFile::open(weights));
        offset = file.find("model.norm.weight")->offset;
    }
    const float value = std::numeric_limits<float>::quiet_NaN();
    std::fstream out(weights, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(offset).write(reinterpret_cast<const char*>(&value), sizeof value);
    return folder / "broken";
}

TEST_F(Cli, ThreeBadStepsEndTheRunWithOne) {
    std::vector<std::string> words = tune(6, {"--checkpoint-every", "1"});
    ASSERT_EQ(words[1], "--model");
    words[2] = brokenModel(folder);
    words.insert(words.end(), {"--set", "tune.sequence_length=512"});  // its tokens are short
    const Outcome bad = run(words);
    ASSERT_EQ(bad.code, 1) << bad.err;
    ASSERT_EQ(bad.of("error").size(), 1u) << bad.out;
    EXPECT_EQ(bad.of("error")[0]["code"], "not_a_number");
    EXPECT_NE(bad.err.find("resume"), std::string::npos) << bad.err;
    EXPECT_EQ(bad.of("state").back()["to"], "stopped");
    EXPECT_EQ(bad.of("alarm").back()["kind"], "not_a_number");
}

}  // namespace
}  // namespace caravan::cli::testing
