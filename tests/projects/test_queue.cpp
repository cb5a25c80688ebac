// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/rebuild.h"
#include "projects/run_catalogue.h"
#include "projects/run_import.h"
#include "projects/run_queue.h"
#include "projects/trash.h"
#include "tests/projects/support.h"

namespace caravan::projects::testing {
namespace {

using engine::ErrorCode;
using engine::RunState;
using Names = std::vector<std::string>;

class Queue : public ::testing::Test {
  protected:
    void create(const std::string& name) {
        take(project->reserveRun(name));
        putCreatedRun(*project, name, R"({"seed":1})", 10);
        take(project->store().flush());
    }
    void queueAll(const Names& names) {
        for (const std::string& name : names) {
            create(name);
            take(queueRun(*project, name));
        }
    }
    RunState stateOf(const std::string& run) {
        return take(take(RunCatalogue::open(project->folder()))->run(run)).row.state;
    }
    void reopen() {
        project.reset();
        project = take(Project::open(scratch.path() / "p"));
    }
    Names waiting() { return take(queuedRuns(*project)); }

    Scratch scratch;
    std::shared_ptr<Project> project = take(Project::create(scratch.path() / "p"));
};

TEST_F(Queue, KeepsItsOrderOverARestart) {
    queueAll({"a", "b", "c"});
    EXPECT_EQ(waiting(), (Names{"a", "b", "c"}));
    EXPECT_EQ(stateOf("b"), RunState::Queued);
    take(moveQueuedRun(*project, "c", 0));
    EXPECT_EQ(waiting(), (Names{"c", "a", "b"}));
    take(moveQueuedRun(*project, "c", 99));
    EXPECT_EQ(waiting(), (Names{"a", "b", "c"}));
    take(moveQueuedRun(*project, "c", 1));
    reopen();  // nobody owns a queued run: it is not taken for interrupted
    EXPECT_TRUE(project->interruptedRuns().empty());
    EXPECT_EQ(waiting(), (Names{"a", "c", "b"}));
    EXPECT_EQ(stateOf("a"), RunState::Queued);
}

TEST_F(Queue, TakesOnlyRunsThatNeverStarted) {
    queueAll({"a"});
    EXPECT_EQ(queueRun(*project, "a").error().code, ErrorCode::AlreadyExists);
    EXPECT_EQ(queueRun(*project, "none").error().code, ErrorCode::NotFound);
    EXPECT_EQ(unqueueRun(*project, "none").error().code, ErrorCode::NotFound);
    EXPECT_EQ(moveQueuedRun(*project, "none", 0).error().code, ErrorCode::NotFound);
    take(project->reserveRun("done"));
    const auto recorder = take(RunRecorder::claim(project, "done", "cli", "{}", 2));
    FakeRun run(project->runFolder("done"), recorder.get());
    run.state(RunState::Running, RunState::Finished);
    take(project->store().flush());
    EXPECT_EQ(queueRun(*project, "done").error().code, ErrorCode::BadOption);
    take(unqueueRun(*project, "a"));
    EXPECT_EQ(stateOf("a"), RunState::Created);
    EXPECT_TRUE(waiting().empty());
}

TEST_F(Queue, EachRunIsTakenOnceByWhoeverComes) {
    queueAll({"a", "b"});
    const auto other = take(Project::open(project->folder()));  // another process
    const auto first = take(takeQueuedRun(*other));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->run, "a");
    EXPECT_EQ(first->recipe, R"({"seed":1})");
    EXPECT_EQ(take(takeQueuedRun(*project))->run, "b");
    EXPECT_FALSE(take(takeQueuedRun(*other)));
    // "a" is claimed and runs; who took "b" dies before claiming it.
    const auto recorder = take(RunRecorder::claim(project, "a", "engine", "", 0));
    EXPECT_EQ(stateOf("a"), RunState::Loading);
    const auto third = take(Project::open(project->folder()));
    EXPECT_EQ(stateOf("a"), RunState::Loading);
    EXPECT_EQ(stateOf("b"), RunState::Created);
}

TEST_F(Queue, RebuildAndTrashKnowOfIt) {
    queueAll({"a", "b", "c"});
    take(moveQueuedRun(*project, "c", 0));
    take(trashRun(*project, "a"));
    EXPECT_EQ(waiting(), (Names{"c", "b"}));
    take(restoreRun(*project, "a"));
    EXPECT_EQ(stateOf("a"), RunState::Created);
    project.reset();
    const RebuildReport report = take(rebuild(scratch.path() / "p"));
    EXPECT_TRUE(report.differences.empty()) << report.differences.front();
    EXPECT_EQ(report.rows.at("queue"), 2);
    project = take(Project::open(scratch.path() / "p"));
    EXPECT_EQ(waiting(), (Names{"c", "b"}));
    // From the folders alone.
    project.reset();
    for (const char* tail : {"", "-wal", "-shm"})
        fs::remove((scratch.path() / "p/project.db").string() + tail);
    take(rebuild(scratch.path() / "p"));
    project = take(Project::open(scratch.path() / "p"));
    EXPECT_EQ(waiting(), (Names{"c", "b"}));
}

// A run folder as another project holds it.
fs::path foreignRun(const fs::path& folder) {
    const auto other = take(Project::create(folder / "other"));
    take(other->reserveRun("0001"));
    const auto recorder = take(RunRecorder::claim(other, "0001", "cli", R"({"seed":7})", 4));
    const fs::path run = other->runFolder("0001");
    writeText(run / "recipe.json",
              R"({"model":{"path":"../../model"},"data":{"files":[{"path":"../../rows.jsonl"}]}})");
    FakeRun story(run, recorder.get());
    story.state(RunState::Loading, RunState::Running);
    story.steps(1, 4);
    story.state(RunState::Running, RunState::Finished);
    setRunTitle(*other, "0001", "From afar");
    take(other->store().flush());
    fs::create_symlink("/etc/hostname", run / "link");
    return run;
}

TEST_F(Queue, ARunFolderOfElsewhereIsTakenIn) {
    const fs::path source = foreignRun(scratch.path());
    EXPECT_EQ(take(importRunFolder(*project, source)), "0001");
    EXPECT_EQ(take(importRunFolder(*project, source)), "0002");  // its name is taken now
    const auto catalogue = take(RunCatalogue::open(project->folder()));
    const RunSummary run = take(catalogue->run("0002"));
    EXPECT_EQ(run.row.state, RunState::Finished);
    EXPECT_EQ(run.row.title, "From afar");
    EXPECT_EQ(run.row.step, 4);
    EXPECT_EQ(take(catalogue->series("0002", Metric::Loss, 0, 99)).size(), 4u);
    EXPECT_EQ(take(catalogue->checkpoints("0002")).size(), 1u);
    // What its recipe named is still found, and nothing behind a link came along.
    const auto recipe = nlohmann::json::parse(readText(project->runFolder("0002") / "recipe.json"));
    EXPECT_EQ(recipe["model"]["path"], (scratch.path() / "other/model").string());
    EXPECT_FALSE(fs::exists(fs::symlink_status(project->runFolder("0002") / "link")));
    EXPECT_TRUE(fs::exists(source / "recipe.json"));
}

TEST_F(Queue, WhatIsNoRunFolderIsRefused) {
    writeText(scratch.path() / "photos/one.txt", "x");
    EXPECT_EQ(importRunFolder(*project, scratch.path() / "photos").error().code, ErrorCode::FileBad);
    EXPECT_EQ(importRunFolder(*project, scratch.path() / "none").error().code, ErrorCode::FileBad);
    writeText(scratch.path() / "bad/recipe.json", "{ no");
    writeText(scratch.path() / "bad/metrics.jsonl", "");
    EXPECT_FALSE(importRunFolder(*project, scratch.path() / "bad"));
    EXPECT_FALSE(fs::exists(project->runFolder("bad")));  // nothing half done stays
    queueAll({"a"});
    writeText(project->runFolder("a") / "recipe.json", "{}");
    writeText(project->runFolder("a") / "metrics.jsonl", "");
    EXPECT_EQ(importRunFolder(*project, project->runFolder("a")).error().code, ErrorCode::AlreadyExists);
}

}  // namespace
}  // namespace caravan::projects::testing
