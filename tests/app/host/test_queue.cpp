// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fstream>

#include "projects/run_catalogue.h"
#include "projects/run_queue.h"
#include "tests/app/host/host_fixture.h"

namespace caravan::host::testing {
namespace {

// Three wait; the second cannot start. The queue goes on until somebody stops a run.
TEST_F(HostTest, WorksThroughAQueueAndStopsWithAStoppedRun) {
    const auto project = *projects::Project::create(folder / "p");
    for (const char* name : {"a", "bad", "c", "d"}) {
        ASSERT_TRUE(project->reserveRun(name));
        const bool bad = std::string(name) == "bad";
        const std::int64_t steps = *name == 'a' ? 5 : 100000;
        projects::putCreatedRun(*project, name, recipe(steps, bad ? "missing" : "m").dump(), steps);
        ASSERT_TRUE(projects::queueRun(*project, name));
    }
    const auto stateOf = [&](const char* run) {
        return (*projects::RunCatalogue::open(folder / "p"))->run(run)->row.state;
    };
    start();
    Client client(path());
    client.call("run.attach", json::object());
    EXPECT_EQ(client.call("queue.start", {{"project", (folder / "p").string()}}).type, "result");
    const auto begins = [&](const std::string& run) {
        return client
            .until([&](const Frame& f) {
                return f.type == "run" && f.body["event"]["type"] == "state" &&
                       f.body["event"]["to"] == "running" &&
                       fs::path(f.body["run"].get<std::string>()).filename() == run;
            })
            .has_value();
    };
    ASSERT_TRUE(begins("a"));
    ASSERT_TRUE(begins("c"));
    EXPECT_EQ(stateOf("a"), RunState::Finished);
    EXPECT_EQ(stateOf("bad"), RunState::Failed);
    EXPECT_EQ(stateOf("d"), RunState::Queued);
    client.call("run.stop", {{"run", (project->runFolder("c")).string()}});
    ASSERT_TRUE(client.state("stopped"));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_EQ(stateOf("d"), RunState::Queued);
    EXPECT_EQ(*projects::queuedRuns(*project), std::vector<std::string>{"d"});
    EXPECT_EQ(client.call("queue.start", {{"project", (folder / "p").string()}}).type, "result");
    ASSERT_TRUE(begins("d"));
    client.call("run.cancel", {{"run", (project->runFolder("d")).string()}});
}

// The queue of a project whose database is no database is given up once, with the reason in the engine's log.
TEST_F(HostTest, TellsOfAQueueThatCannotBeRead) {
    ASSERT_TRUE(projects::Project::create(folder / "p"));
    std::ofstream(folder / "p" / "project.db") << std::string(4096, 'x');
    std::mutex mutex;
    std::vector<std::string> errors;
    options.log = [&](const std::string& level, const std::string& text) {
        const std::lock_guard lock(mutex);
        if (level == "error") errors.push_back(text);
    };
    start();
    Client client(path());
    EXPECT_EQ(client.call("queue.start", {{"project", (folder / "p").string()}}).type, "result");
    for (int beats = 0; beats < 4; ++beats)
        ASSERT_TRUE(client.until([](const Frame& f) { return f.type == "heartbeat"; }));
    EXPECT_EQ(client.call("inspect", {{"path", "base"}}).body["name"], "base");
    stop();
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_NE(errors[0].find("project.db"), std::string::npos) << errors[0];
}

}  // namespace
}  // namespace caravan::host::testing
