// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/app/cli/cli_fixture.h"

namespace caravan::cli::testing {
namespace {

std::vector<std::string> names(const json& object) {
    return object.at("queue").get<std::vector<std::string>>();
}

TEST_F(Cli, QueuedRunsAreTunedInTheirOrderAndReported) {
    const std::string project = folder / "p";
    for (const char* name : {"one", "two", "three"}) {
        const Outcome queued = run(tune(2, {"--queue", "--name", name}));
        ASSERT_EQ(queued.code, 0) << queued.err;
        EXPECT_EQ(queued.lines().at(0)["state"], "queued");
        EXPECT_FALSE(fs::exists(folder / "p/runs" / name / "metrics.jsonl"));
    }
    Outcome list = run({"runs", "queue", "two", "--place", "0", "--project", project, "--json"});
    ASSERT_EQ(list.code, 0) << list.err;
    EXPECT_EQ(names(list.lines().at(0)), (std::vector<std::string>{"two", "one", "three"}));
    list = run({"runs", "queue", "three", "--remove", "--project", project, "--json"});
    EXPECT_EQ(names(list.lines().at(0)), (std::vector<std::string>{"two", "one"}));
    EXPECT_EQ(run({"runs", "queue", "nine", "--project", project}).code, 2);

    const Outcome done =
        run({"runs", "next", "--project", project, "--json", "--device", "cpu", "--threads", "1"});
    ASSERT_EQ(done.code, 0) << done.err;
    const auto results = done.of("result");
    ASSERT_EQ(results.size(), 2u);
    EXPECT_EQ(fs::path(results[0]["run"].get<std::string>()).filename(), "two");
    EXPECT_EQ(fs::path(results[1]["run"].get<std::string>()).filename(), "one");
    EXPECT_TRUE(names(run({"runs", "queue", "--project", project, "--json"}).lines().at(0)).empty());
    const json listed = run({"runs", "list", "--project", project, "--json"}).lines().at(0);
    for (const json& row : listed["runs"])
        EXPECT_EQ(row["state"], row["run"] == "three" ? "created" : "finished") << row["run"];

    const std::string page = folder / "one.html";
    const Outcome report = run({"runs", "report", "one", "--project", project, "--out", page});
    ASSERT_EQ(report.code, 0) << report.err;
    const std::string html = readText(page);
    EXPECT_NE(html.find("<svg"), std::string::npos);
    EXPECT_NE(html.find("finished"), std::string::npos);

    const Outcome imported =
        run({"runs", "import", folder / "p/runs/one", "--project", folder / "q", "--json"});
    ASSERT_EQ(imported.code, 0) << imported.err;
    EXPECT_EQ(imported.lines().at(0)["name"], "one");
    EXPECT_EQ(run({"runs", "list", "--project", folder / "q", "--json"}).lines().at(0)["runs"][0]["state"],
              "finished");
}

// A run that is blown up says what happened and what to do, and ends with 1.
TEST_F(Cli, ABlownUpRunSaysWhatToDo) {
    std::vector<std::string> words = tune(20, {"--set", "tune.learning_rate=10"});
    words.erase(std::remove(words.begin(), words.end(), "--learning-rate"), words.end());
    words.erase(std::remove(words.begin(), words.end(), "0.001"), words.end());
    const Outcome bad = run(words);
    ASSERT_EQ(bad.code, 1) << bad.err;
    const std::string kind = bad.of("alarm").back()["kind"];
    EXPECT_TRUE(kind == "diverged" || kind == "not_a_number") << kind;
    EXPECT_NE(bad.err.find("Tuning paused itself at step"), std::string::npos) << bad.err;
    EXPECT_NE(bad.err.find("half the learning rate"), std::string::npos) << bad.err;
}

}  // namespace
}  // namespace caravan::cli::testing
