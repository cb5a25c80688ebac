// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <set>

#include "tests/app/cli/cli_fixture.h"

namespace caravan::cli::testing {
namespace {

TEST_F(Cli, DataTellsFormatProblemsAndFirstBatch) {
    const fs::path file = folder / "rows.csv";
    std::ofstream(file)
        << "question,answer\nWhat is 1 and 1?,It is 2.\nNothing follows,\n\"Two\nlines\",Yes\n";
    const Outcome o =
        run({"data", "--model", model(), "--data", file.string() + ",name=sums", "--batch", "--json"});
    ASSERT_EQ(o.code, 0) << o.err;
    ASSERT_EQ(o.lines().size(), 1u);
    const json report = o.lines()[0];
    ASSERT_EQ(report["files"].size(), 1u);
    EXPECT_EQ(report["files"][0]["name"], "sums");
    EXPECT_EQ(report["files"][0]["rejected"], 1);
    ASSERT_EQ(report["problems"].size(), 1u);
    EXPECT_EQ(report["problems"][0]["line"], 3);
    EXPECT_FALSE(report["first_batch"].empty());
    const Outcome words =
        run({"data", "--model", model(), "--data", file.string() + ",name=sums", "--batch"});
    EXPECT_EQ(words.code, 0) << words.err;
    EXPECT_NE(words.out.find("rejected 1"), std::string::npos) << words.out;
    EXPECT_NE(words.out.find("It is 2."), std::string::npos) << words.out;
    EXPECT_EQ(run({"data", "--model", model()}).code, 2);
}

// What a run's folder says it saw, step by step, is what its steps logged.
TEST_F(Cli, DataShowsWhatAStepWasTrainedOn) {
    const Outcome tuned = run(tune(3));
    ASSERT_EQ(tuned.code, 0) << tuned.err;
    const std::vector<json> steps = tuned.of("step");
    ASSERT_EQ(steps.size(), 3u);
    const auto show = [&](int step, bool asJson) {
        std::vector<std::string> words = {"data",   "--recipe",           folder / "p/runs/0001/recipe.json",
                                          "--step", std::to_string(step), "--device",
                                          "cpu"};
        if (asJson) words.emplace_back("--json");
        return run(words);
    };
    std::set<std::string> seen;
    for (int step = 1; step <= 3; ++step) {
        const Outcome o = show(step, true);
        ASSERT_EQ(o.code, 0) << o.err;
        ASSERT_EQ(o.lines().size(), 1u);
        const json batch = o.lines()[0];
        EXPECT_EQ(batch["step"], step);
        EXPECT_EQ(batch["steps"], 3);
        EXPECT_EQ(batch["rows"], 2);
        EXPECT_EQ(batch["tokens"], steps[static_cast<std::size_t>(step - 1)]["tokens"]);
        seen.insert(batch["batch"].dump());
    }
    EXPECT_EQ(seen.size(), 3u) << "each step has rows of its own";
    const Outcome words = show(2, false);
    EXPECT_NE(words.out.find("step 2 of 3, epoch 1: 2 rows"), std::string::npos) << words.out;
    EXPECT_NE(words.out.find("math 2"), std::string::npos) << words.out;
    EXPECT_NE(words.out.find("math.train.jsonl"), std::string::npos) << words.out;
    const Outcome beyond = show(4, true);
    EXPECT_EQ(beyond.code, 2);
    EXPECT_EQ(beyond.lines().at(0)["parameters"]["range"], "1 to 3");
}

}  // namespace
}  // namespace caravan::cli::testing
