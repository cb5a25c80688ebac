// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <sqlite3.h>
#include <sys/wait.h>

#include <fstream>
#include <thread>

#include "projects/metrics_file.h"
#include "projects/power_file.h"
#include "projects/rebuild.h"
#include "projects/run_catalogue.h"
#include "projects/schema.h"
#include "tests/projects/support.h"

namespace caravan::projects::testing {
namespace {

using engine::ErrorCode;
using engine::RunState;

std::shared_ptr<RunRecorder> claim(const std::shared_ptr<Project>& project, const std::string& run) {
    return take(RunRecorder::claim(project, run, "cli", R"({"seed":0})", 20));
}

TEST(Project, NamesRunsInOrderAndNeverTwice) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p", "Mine"));
    EXPECT_EQ(project->name(), "Mine");
    EXPECT_EQ(take(project->reserveRun()), "0001");
    EXPECT_EQ(take(project->reserveRun()), "0002");
    EXPECT_EQ(take(project->reserveRun("try-a")), "try-a");
    EXPECT_EQ(project->reserveRun("try-a").error().code, ErrorCode::AlreadyExists);
    for (const char* bad : {"a/b", "..", ".x", "a@3"})
        EXPECT_EQ(project->reserveRun(bad).error().code, ErrorCode::BadOption) << bad;
    fs::create_directory(project->runFolder("0041"));
    EXPECT_EQ(take(project->reserveRun()), "0042");
    EXPECT_EQ(Project::create(scratch.path() / "p").error().code, ErrorCode::AlreadyExists);
    EXPECT_EQ(Project::open(scratch.path() / "none").error().code, ErrorCode::NotFound);
    EXPECT_EQ(Project::projectOfRun(project->runFolder("0001")), project->folder());
    EXPECT_TRUE(Project::projectOfRun(scratch.path() / "elsewhere" / "0001").empty());
}

TEST(Runs, PowerIsAMeanByStepAndFollowsAResume) {
    const Scratch scratch;
    EXPECT_TRUE(readPower(scratch.path()).empty());  // a device that told nothing
    for (const PowerSample& reading : {PowerSample{1, 100}, {1, 200}, {1, 300}, {2, 50}, {5, 60}, {6, 70}})
        EXPECT_TRUE(appendPower(scratch.path(), reading));
    std::ofstream(scratch.path() / "power.jsonl", std::ios::app)
        << "{\"step\":7}\nno json\n{\"step\":\"8\",\"watts\":1}\n{\"step\":9,\"watts\":-3}\n"
        << std::string(5000, '[') << "\n{\"step\":0,\"watts\":1}\n";
    const std::vector<PowerSample> before = {{1, 200, 3}, {2, 50}, {5, 60}, {6, 70}};
    EXPECT_EQ(readPower(scratch.path()), before);
    EXPECT_TRUE(appendPower(scratch.path(), {3, 90}));  // resumed from step 2
    EXPECT_EQ(readPower(scratch.path()), (std::vector<PowerSample>{{1, 200, 3}, {2, 50}, {3, 90}}));
    EXPECT_FALSE(appendPower(scratch.path() / "gone", {1, 1}));
    // Not every card tells both.
    EXPECT_TRUE(appendPower(scratch.path(), {.step = 4, .celsius = 60}));
    EXPECT_TRUE(appendPower(scratch.path(), {.step = 5, .watts = 80, .celsius = 64}));
    EXPECT_TRUE(appendPower(scratch.path(), {.step = 5, .watts = 100, .celsius = 66}));
    EXPECT_EQ(readPower(scratch.path()),
              (std::vector<PowerSample>{{1, 200, 3}, {2, 50}, {3, 90}, {4, -1, 1, 60}, {5, 90, 2, 65}}));
    // A file that no run can have written is left alone: a sparse one of 256 MiB is still read, a byte more
    // is not.
    constexpr std::uintmax_t kMost = std::uintmax_t{256} << 20;
    const fs::path file = scratch.path() / "power.jsonl";
    fs::resize_file(file, kMost + 1);
    EXPECT_TRUE(readPower(scratch.path()).empty());
    fs::resize_file(file, kMost);
    EXPECT_EQ(readPower(scratch.path()).size(), 5U);
}

TEST(Runs, EventsBecomeRowsThatTheCatalogueReads) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    const auto recorder = claim(project, take(project->reserveRun()));
    FakeRun run(project->runFolder("0001"), recorder.get());
    run.state(RunState::Loading, RunState::Running);
    recorder->onEvent(engine::Progress{engine::kTuningStage, 0, 30});
    run.steps(1, 20);
    engine::Alarm alarm;
    alarm.step = 20;
    alarm.kind = "dead_expert";
    alarm.layer = 1;
    alarm.expert = 3;
    run.say(alarm);
    writeText(project->runFolder("0001") / "changes.jsonl",
              R"({"step":7,"key":"tune.balance","from":0.01,"to":0.02})"
              "\n");
    run.state(RunState::Running, RunState::Finished);
    take(project->store().flush());

    const auto catalogue = take(RunCatalogue::open(project->folder()));
    const auto runs = take(catalogue->runs());
    ASSERT_EQ(runs.size(), 1u);
    EXPECT_EQ(runs[0].row.state, RunState::Finished);
    EXPECT_EQ(runs[0].row.step, 20);
    EXPECT_EQ(runs[0].row.steps, 30);
    EXPECT_GT(runs[0].row.startedAt, 0);
    EXPECT_DOUBLE_EQ(*runs[0].lastLoss, stepMetrics(20).loss);
    EXPECT_DOUBLE_EQ(*runs[0].bestHeldoutMean, 2.125);
    const auto series = take(catalogue->series("0001", Metric::Loss, 5, 10));
    ASSERT_EQ(series.size(), 6u);
    EXPECT_EQ(series.front().step, 5);
    EXPECT_DOUBLE_EQ(series.front().value, stepMetrics(5).loss);
    EXPECT_EQ(take(catalogue->series("0001", Metric::Loss, 1, 20, 5)).size(), 5u);
    const auto steps = take(catalogue->steps("0001", 20, 20));
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].expertLoad, stepMetrics(20).expertLoad);
    EXPECT_EQ(steps[0].tokenEntropy, stepMetrics(20).tokenEntropy);
    const auto evaluations = take(catalogue->evaluations("0001"));
    ASSERT_EQ(evaluations.size(), 1u);
    EXPECT_EQ(evaluations[0].heldoutLoss[1].first, "code");
    EXPECT_DOUBLE_EQ(evaluations[0].mean, 2.125);
    EXPECT_EQ(take(catalogue->samples("0001")).at(0).text, "line one\nline two");
    EXPECT_EQ(take(catalogue->checkpoints("0001")).at(0).path,
              (project->runFolder("0001") / "checkpoints/step-20").string());
    EXPECT_EQ(*take(catalogue->alarms("0001")).at(0).expert, 3);
    EXPECT_EQ(take(catalogue->changes("0001")).at(0).to, "0.02");
    EXPECT_EQ(catalogue->run("0009").error().code, ErrorCode::NotFound);
}

TEST(Runs, RepeatedStepsReplaceTheFormerOnes) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    const auto recorder = claim(project, take(project->reserveRun()));
    FakeRun run(project->runFolder("0001"), recorder.get());
    run.steps(1, 10);
    auto again = stepMetrics(6);
    again.loss = 99;
    run.say(again);
    take(project->store().flush());
    const auto catalogue = take(RunCatalogue::open(project->folder()));
    const auto series = take(catalogue->series("0001", Metric::Loss, 1, 100));
    ASSERT_EQ(series.size(), 10u);
    EXPECT_EQ(series[5].value, 99);
}

TEST(Runs, AReaderIsNotHeldUpByAnOpenWrite) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    const auto recorder = claim(project, take(project->reserveRun()));
    FakeRun(project->runFolder("0001"), recorder.get()).steps(1, 50);
    take(project->store().flush());
    std::atomic<bool> inside{false}, release{false};
    project->store().post(
        [&](Connection& db) {
            db.execute("UPDATE runs SET title = 'half done'");
            inside = true;
            while (!release)
                std::this_thread::yield();
        },
        Store::Urgency::Now);
    while (!inside)
        std::this_thread::yield();
    const auto catalogue = take(RunCatalogue::open(project->folder()));
    EXPECT_EQ(take(catalogue->runs()).at(0).row.title, "");
    EXPECT_EQ(take(catalogue->series("0001", Metric::Loss, 1, 50)).size(), 50u);
    release = true;
    take(project->store().flush());
    EXPECT_EQ(take(catalogue->runs()).at(0).row.title, "half done");
}

TEST(Runs, ReadersSeeWholeBatchesWhileAWriterIsBusy) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    const auto recorder = claim(project, take(project->reserveRun()));
    std::atomic<bool> done{false};
    std::atomic<int> reads{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i)
        readers.emplace_back([&] {
            const auto catalogue = take(RunCatalogue::open(project->folder()));
            while (!done || reads < 10) {
                const auto series = take(catalogue->series("0001", Metric::Loss, 1, 100000));
                for (std::size_t k = 0; k < series.size(); ++k)
                    ASSERT_EQ(series[k].step, static_cast<engine::StepIndex>(k) + 1);
                ++reads;
            }
        });
    FakeRun run(project->runFolder("0001"), recorder.get());
    for (engine::StepIndex s = 1; s <= 600; ++s) {
        run.say(stepMetrics(s));
        if (s % 50 == 0) take(project->store().flush());
    }
    done = true;
    for (auto& reader : readers)
        reader.join();
    EXPECT_EQ(
        take(take(RunCatalogue::open(project->folder()))->series("0001", Metric::Loss, 1, 100000)).size(),
        600u);
}

TEST(Runs, OneBadJobDoesNotTakeItsNeighboursAlong) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    project->store().post([](Connection& db) { db.execute("INSERT INTO models VALUES('a','null',1)"); });
    project->store().post(
        [](Connection& db) { db.execute("INSERT INTO steps(run, step) VALUES('no such run', 1)"); });
    project->store().post([](Connection& db) { db.execute("INSERT INTO models VALUES('b','null',2)"); });
    EXPECT_FALSE(project->store().flush());
    EXPECT_TRUE(project->store().flush());  // told once
    EXPECT_EQ(take(take(RunCatalogue::open(project->folder()))->models()).size(), 2u);
}

// The child is killed while it writes; what its files hold is the truth.
TEST(Runs, ACrashedOwnerLeavesAnInterruptedRunWithAllItsSteps) {
    const Scratch scratch;
    const fs::path folder = scratch.path() / "p";
    take(Project::create(folder));
    const pid_t child = fork();
    if (child == 0) {
        const auto project = take(Project::open(folder));
        const auto recorder = claim(project, take(project->reserveRun()));
        FakeRun run(project->runFolder("0001"), recorder.get());
        run.state(RunState::Loading, RunState::Running);
        run.steps(1, 10);
        take(project->store().flush());
        run.say(stepMetrics(11));  // in the file, not yet in the database
        std::ofstream(project->runFolder("0001") / "metrics.jsonl", std::ios::app)
            << R"({"type":"step","step":12,"lo)";
        raise(SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto project = take(Project::open(folder));
    EXPECT_EQ(project->interruptedRuns(), std::vector<std::string>{"0001"});
    const auto catalogue = take(RunCatalogue::open(folder));
    const auto run = take(catalogue->run("0001"));
    EXPECT_EQ(run.row.state, RunState::Interrupted);
    EXPECT_FALSE(run.row.reason.empty());
    EXPECT_EQ(run.row.step, 11);
    EXPECT_EQ(take(catalogue->series("0001", Metric::Loss, 1, 100)).size(), 11u);
    EXPECT_TRUE(take(Project::open(folder))->interruptedRuns().empty());
}

TEST(Runs, ARunOfALivingProcessIsLeftAloneAndCannotBeClaimed) {
    const Scratch scratch;
    const fs::path folder = scratch.path() / "p";
    take(Project::create(folder));
    int ready[2], end[2];
    ASSERT_EQ(pipe(ready) + pipe(end), 0);
    const pid_t child = fork();
    if (child == 0) {
        {
            const auto project = take(Project::open(folder));
            const auto recorder = claim(project, take(project->reserveRun()));
            char c = 'x';
            (void)!write(ready[1], &c, 1);
            (void)!read(end[0], &c, 1);
        }
        _exit(0);
    }
    char c = 0;
    ASSERT_EQ(read(ready[0], &c, 1), 1);
    const auto project = take(Project::open(folder));
    EXPECT_TRUE(project->interruptedRuns().empty());
    EXPECT_EQ(RunRecorder::claim(project, "0001", "cli", "", 0).error().code, ErrorCode::RunBusy);
    EXPECT_EQ(removeRun(*project, "0001").error().code, ErrorCode::RunBusy);
    EXPECT_EQ(rebuild(folder).error().code, ErrorCode::RunBusy);
    (void)!write(end[1], &c, 1);
    waitpid(child, nullptr, 0);
    EXPECT_EQ(take(Project::open(folder))->interruptedRuns().size(), 1u);
    take(RunRecorder::claim(project, "0001", "cli", "", 0));
}

TEST(Runs, AFailedResumeLeavesTheRunAsItWas) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    {
        const auto recorder = claim(project, take(project->reserveRun()));
        FakeRun run(project->runFolder("0001"), recorder.get());
        run.state(RunState::Loading, RunState::Stopped);
    }
    const auto recorder = take(RunRecorder::claim(project, "0001", "cli", "", 0));
    recorder->abandon({ErrorCode::CheckpointDamaged, {{"path", "x"}}});
    take(project->store().flush());
    EXPECT_EQ(take(take(RunCatalogue::open(project->folder()))->run("0001")).row.state, RunState::Stopped);
}

TEST(MetricsFile, ToleratesTornAndForeignLines) {
    const Scratch scratch;
    const fs::path file = scratch.path() / "metrics.jsonl";
    EXPECT_TRUE(take(readMetrics(file)).empty());
    const std::string good = engine::toJson(engine::RunEvent(stepMetrics(1))).dump();
    writeText(file, good + "\nnot json\n{\"type\":\"unheard\"}\n[1]\n\n" + std::string("\0\x80\n", 3) + good +
                        "\n" + good.substr(0, 40));
    MetricsTail tail(file);
    EXPECT_EQ(take(tail.take()).size(), 2u);
    EXPECT_EQ(tail.badLines(), 4);
    std::ofstream(file, std::ios::app) << good.substr(40) << '\n';
    const auto rest = take(tail.take());
    ASSERT_EQ(rest.size(), 1u);
    EXPECT_EQ(std::get<engine::StepMetrics>(rest[0]).tokens, 1001);
    EXPECT_TRUE(take(tail.take()).empty());
}

TEST(MetricsFile, PiecesTellTheSameEventsInTheSameOrder) {
    const Scratch scratch;
    const fs::path file = scratch.path() / "metrics.jsonl";
    std::string text;
    for (int step = 1; step <= 50; ++step)
        text += engine::toJson(engine::RunEvent(stepMetrics(step))).dump() + (step % 9 == 0 ? "\nx\n" : "\n");
    writeText(file, text + "{\"type\":\"st");
    for (const std::size_t bytes : {1u, 7u, 1000u, 1u << 20}) {
        MetricsTail tail(file);
        std::vector<engine::StepIndex> steps;
        std::size_t most = 0, before = 0;
        while (take(tail.takePiece(bytes, [&](engine::RunEvent&& event) {
            steps.push_back(std::get<engine::StepMetrics>(event).step);
        }))) {
            most = std::max(most, steps.size() - before);
            before = steps.size();
        }
        ASSERT_EQ(steps.size(), 50u) << bytes;
        for (std::size_t i = 0; i < steps.size(); ++i)
            EXPECT_EQ(steps[i], static_cast<engine::StepIndex>(i + 1));
        EXPECT_EQ(tail.badLines(), 5);
        EXPECT_EQ(tail.offset(), static_cast<std::int64_t>(fs::file_size(file)));
        if (bytes <= 7) EXPECT_EQ(most, 1u);  // no more than a piece at once
    }
    EXPECT_FALSE(take(MetricsTail(scratch.path() / "none").takePiece(9, [](engine::RunEvent&&) { FAIL(); })));
}

TEST(Schema, EveryPageIsReadOfWhatIsSmallOrWasNotClosed) {
    const Scratch scratch;
    const fs::path file = scratch.path() / "project.db";
    EXPECT_TRUE(wantsWholeCheck(file));  // is made
    writeText(file, "x");
    EXPECT_TRUE(wantsWholeCheck(file));
    fs::resize_file(file, std::uintmax_t{33} << 20);
    EXPECT_FALSE(wantsWholeCheck(file));
    for (const char* log : {"-wal", "-journal"}) {
        writeText(file.string() + log, "");
        EXPECT_FALSE(wantsWholeCheck(file)) << "an empty log holds nothing";
        writeText(file.string() + log, "x");
        EXPECT_TRUE(wantsWholeCheck(file)) << log;
        fs::remove(file.string() + log);
    }
    // A project that was closed leaves no log behind.
    const fs::path folder = scratch.path() / "p";
    {
        const auto project = take(Project::create(folder));
        ASSERT_TRUE(project->store().flush());
        EXPECT_TRUE(fs::exists(folder / "project.db-wal"));
    }
    EXPECT_FALSE(fs::exists(folder / "project.db-wal"));
}

TEST(Schema, MigratesStepByStepWithABackupBefore) {
    const Scratch scratch;
    const fs::path file = scratch.path() / "old.db";
    const auto all = schemaMigrations();
    {
        Connection db(file, Connection::Mode::Create);
        migrate(db, scratch.path() / "backups", all.first(1));
        EXPECT_EQ(db.scalar("PRAGMA user_version"), 1);
        EXPECT_FALSE(fs::exists(scratch.path() / "backups"));
        db.execute("INSERT INTO chats VALUES('c','t','null','','null',1,2)");
    }
    Connection db(file, Connection::Mode::ReadWrite);
    migrate(db, scratch.path() / "backups");
    EXPECT_EQ(db.scalar("PRAGMA user_version"), static_cast<std::int64_t>(all.size()));
    EXPECT_EQ(db.scalarText("SELECT draft FROM chats"), "");
    Connection copy(scratch.path() / "backups" / "project-schema-1.db", Connection::Mode::ReadOnly);
    EXPECT_EQ(copy.scalarText("SELECT title FROM chats"), "t");
    db.execute("PRAGMA user_version = 99");
    EXPECT_THROW(migrate(db, scratch.path()), engine::EngineException);
}

TEST(Schema, AFailedMigrationChangesNothing) {
    const Scratch scratch;
    Connection db(scratch.path() / "x.db", Connection::Mode::Create);
    const std::array<const char*, 2> steps = {"CREATE TABLE a(x);", "CREATE TABLE b(x); NONSENSE;"};
    EXPECT_THROW(migrate(db, scratch.path() / "backups", steps), engine::EngineException);
    EXPECT_EQ(db.scalar("PRAGMA user_version"), 1);
    EXPECT_EQ(db.scalar("SELECT count(*) FROM sqlite_master WHERE name = 'b'"), 0);
}

}  // namespace
}  // namespace caravan::projects::testing
