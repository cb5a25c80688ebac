// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <fstream>
#include <random>

#include "app/engine_host/device_watch.h"
#include "engine/api/config/descriptors.h"
#include "projects/power_file.h"
#include "projects/run_catalogue.h"
#include "tests/app/host/host_fixture.h"

namespace caravan::host::testing {
namespace {

TEST_F(HostTest, AnswersRequestsAndTellsErrors) {
    start();
    Client client(path());
    EXPECT_EQ(client.call("inspect", {{"path", "base"}}).body["name"], "base");
    const Frame bad = client.call("inspect", {{"path", "bad"}});
    EXPECT_EQ(bad.type, "error");
    EXPECT_EQ(bad.body["code"], "file_bad");
    EXPECT_EQ(client.call("device", {}).body["name"], "Fake");
    EXPECT_EQ(client.call("inspect", {{"path", 7}}).type, "error");
    EXPECT_EQ(client.call("inspect", {}).type, "error");
    EXPECT_EQ(client.call("nonsense", {}).body["code"], "unsupported");
    EXPECT_EQ(client.call("plan", {{"recipe", recipe(1)}}).body["code"], "unsupported");
    EXPECT_EQ(client.call("proof", {{"recipe", {{"tune", {{"stepz", 3}}}}}}).body["code"], "unknown_key");
    EXPECT_EQ(client.call("dry_step", {{"recipe", recipe(1)}}).body["code"], "internal");  // the engine threw
    std::vector<Frame> seen;
    const Frame proof = client.answer(client.send("proof", {{"recipe", recipe(1)}}), &seen);
    EXPECT_EQ(proof.body["tokens"], 7);
    EXPECT_TRUE(std::any_of(seen.begin(), seen.end(), [](const Frame& f) {
        return f.type == "progress" && f.body["stage"] == "proving";
    }));
    EXPECT_EQ(client
                  .call("evaluate",
                        {{"source", {{"path", "x"}}}, {"files", {{{"path", "a"}, {"name", "general"}}}}})
                  .body["mean"],
              1.5);
}

TEST_F(HostTest, WritesModelsWhereNothingIs) {
    start();
    Client client(path());
    const std::string out = folder / "copy";
    std::vector<Frame> seen;
    const json source = {{"path", "run"}, {"base", "dense"}, {"top_k", 3}, {"scaling", 0.5}};
    const Frame done = client.answer(client.send("export", {{"source", source}, {"folder", out}}), &seen);
    EXPECT_EQ(done.body["bytes"], 1234);
    EXPECT_EQ(done.body["max_abs_logit_difference"], 0.25);
    EXPECT_TRUE(std::any_of(seen.begin(), seen.end(), [](const Frame& f) {
        return f.type == "progress" && f.body["stage"] == "writing weights";
    }));
    const json asked = json::parse(std::ifstream(out + "/asked.json"));
    EXPECT_EQ(asked["format"], "camelidae");
    for (const char* key : {"path", "base", "top_k", "scaling"})
        EXPECT_EQ(asked["source"][key], source[key]) << key;
    // A folder that holds something, or no absolute one, is told before the engine reads anything.
    EXPECT_EQ(client.call("export", {{"source", source}, {"folder", out}}).body["code"], "already_exists");
    EXPECT_EQ(client.call("export", {{"source", source}, {"folder", "copy"}}).body["code"], "bad_option");
    EXPECT_EQ(client.call("export", {{"source", source}}).type, "error");
    EXPECT_EQ(fake.exports, 1);
    const auto id = client.send("export", {{"source", {{"path", "forever"}}}, {"folder", out + "2"}});
    ASSERT_TRUE(client.until([&](const Frame& f) { return f.type == "progress" && f.id == id; }));
    client.send("cancel", {{"id", id}});
    EXPECT_EQ(client.answer(id).body["code"], "interrupted");
    EXPECT_FALSE(fs::exists(out + "2"));
}

TEST_F(HostTest, BeatsAndTellsTheDevice) {
    start();
    Client client(path());
    EXPECT_TRUE(client.until([](const Frame& f) { return f.type == "heartbeat"; }, 1));
    EXPECT_TRUE(
        client.until([](const Frame& f) { return f.type == "device" && f.body["name"] == "Fake"; }, 1));
}

TEST_F(HostTest, StreamsTokensAndCancels) {
    start();
    Client client(path());
    std::vector<Frame> seen;
    const json source = {{"path", "m"}};
    auto id = client.send("generate", {{"source", source},
                                       {"messages", {{{"role", "user"}, {"content", "hi"}}}},
                                       {"options", {{"max_tokens", 5}}}});
    EXPECT_EQ(client.answer(id, &seen).body["text"], "hihihihihi");
    EXPECT_EQ(std::count_if(seen.begin(), seen.end(),
                            [&](const Frame& f) { return f.type == "token" && f.id == id; }),
              5);
    id = client.send("generate", {{"source", source},
                                  {"messages", {{{"role", "user"}, {"content", "forever"}}}},
                                  {"options", {{"max_tokens", 1000000}}}});
    ASSERT_TRUE(client.until([&](const Frame& f) { return f.type == "token" && f.id == id; }));
    client.send("cancel", {{"id", id}});
    EXPECT_EQ(client.answer(id).body["code"], "interrupted");
}

TEST_F(HostTest, ALeavingClientEndsItsRequests) {
    start();
    {
        Client client(path());
        client.send("generate", {{"source", {{"path", "m"}}},
                                 {"messages", {{{"role", "user"}, {"content", "forever"}}}},
                                 {"options", {{"max_tokens", 1000000}}}});
        ASSERT_TRUE(client.until([](const Frame& f) { return f.type == "token"; }));
    }
    for (int i = 0; i < 300 && fake.generating > 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(fake.generating, 0);
}

TEST_F(HostTest, WhatTheDeviceTakesStandsBesideTheRun) {
    options.beat = std::chrono::milliseconds(2);
    fake.watts = 250;
    fake.celsius = 61;
    start();
    Client client(path());
    const fs::path told = folder / "told", silent = folder / "silent";
    EXPECT_EQ(client.call("run.start", {{"recipe", recipe(60)}, {"run", told.string()}}).type, "result");
    ASSERT_TRUE(client.state("finished"));
    const auto samples = projects::readPower(told);
    ASSERT_FALSE(samples.empty());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        EXPECT_EQ(samples[i].watts, 250);
        EXPECT_EQ(samples[i].celsius, 61);
        EXPECT_GE(samples[i].step, i == 0 ? 1 : samples[i - 1].step + 1);
        EXPECT_LE(samples[i].step, 60);
    }
    fake.watts = fake.celsius = -1;  // a device that tells nothing
    ASSERT_TRUE(client.until([](const Frame& f) {
        return f.type == "device" && f.body["power_watts"] < 0 && f.body["celsius"] < 0;
    }));
    EXPECT_EQ(client.call("run.start", {{"recipe", recipe(60)}, {"run", silent.string()}}).type, "result");
    ASSERT_TRUE(client.state("finished"));
    EXPECT_FALSE(fs::exists(silent / "power.jsonl"));
}

// As the command line has it: no host, one run.
TEST(DeviceWatch, NotesWhatTheDeviceTakesWhileARunIsTuning) {
    const fs::path folder = fs::temp_directory_path() / ("caravan_watch_" + std::to_string(getpid()));
    fs::create_directories(folder);
    FakeEngine fake;
    std::atomic<int> told{0};
    std::atomic<engine::StepIndex> step{0};
    {
        const DeviceWatch watch(
            fake, std::chrono::milliseconds(1),
            [&] {
                return std::vector<DeviceWatch::At>{{folder.string(), step}};
            },
            [&](const engine::DeviceStatus&) { ++told; });
        const auto heard = [&](int more) {
            for (const int until = told + more; told < until;)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
        };
        heard(3);
        EXPECT_FALSE(fs::exists(folder / "power.jsonl"));  // the device tells nothing
        fake.watts = 300;
        heard(3);
        EXPECT_FALSE(fs::exists(folder / "power.jsonl"));  // no step was made
        step = 7;
        heard(3);
    }
    const auto samples = projects::readPower(folder);
    ASSERT_EQ(samples.size(), 1U);
    EXPECT_EQ(samples[0].step, 7);
    EXPECT_EQ(samples[0].watts, 300);
    fs::remove_all(folder);
}

TEST_F(HostTest, RunsAndWritesTheProject) {
    const auto project = *projects::Project::create(folder / "p");
    const std::string run = project->runFolder(*project->reserveRun()).string();
    start();
    Client client(path());
    EXPECT_EQ(client.call("run.start", {{"recipe", recipe(20)}, {"run", run}}).body["run"], run);
    ASSERT_TRUE(client.state("finished"));
    Client later(path());
    const auto catalogue = *projects::RunCatalogue::open(folder / "p");
    for (int i = 0; i < 200 && catalogue->run("0001")->row.state != RunState::Finished; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const auto row = catalogue->run("0001")->row;
    EXPECT_EQ(row.state, RunState::Finished);
    EXPECT_EQ(row.owner.kind, "engine");
    EXPECT_EQ(catalogue->series("0001", projects::Metric::Loss, 1, 100)->size(), 20u);
    // A folder that holds a run is not started over.
    EXPECT_EQ(client.call("run.start", {{"recipe", recipe(20)}, {"run", run}}).body["code"],
              "already_exists");
    EXPECT_EQ(client.call("run.resume", {{"run", run}}).type, "result");
    ASSERT_TRUE(client.state("finished"));
    EXPECT_EQ(
        client
            .call("run.start", {{"recipe", recipe(1, "missing")}, {"run", (folder / "p/runs/0002").string()}})
            .body["code"],
        "file_missing");
}

TEST_F(HostTest, ControlsARun) {
    fake.pace = std::chrono::milliseconds(2);
    start();
    const std::string run = folder / "runs" / "x";
    Client client(path());
    EXPECT_EQ(client.call("run.pause", {{"run", run}}).body["code"], "not_found");
    ASSERT_EQ(client.call("run.start", {{"recipe", recipe(100000)}, {"run", run}}).type, "result");
    EXPECT_EQ(client.call("run.start", {{"recipe", recipe(1)}, {"run", run}}).type, "error");
    Client other(path());
    const Frame attached = other.call("run.attach", json::object());
    ASSERT_EQ(attached.body["runs"].size(), 1u);
    EXPECT_EQ(attached.body["runs"][0]["run"], run);
    EXPECT_EQ(client.call("run.pause", {{"run", run}}).type, "result");
    EXPECT_TRUE(other.state("paused"));
    EXPECT_EQ(client.call("run.continue", {{"run", run}}).type, "result");
    EXPECT_TRUE(other.state("running"));
    EXPECT_EQ(client.call("run.checkpoint", {{"run", run}}).type, "result");
    EXPECT_EQ(client.call("run.change", {{"run", run}, {"key", "tune.learning_rate"}, {"value", 0.5}}).type,
              "result");
    EXPECT_EQ(client.call("run.change", {{"run", run}, {"key", "x"}, {"value", "1"}}).body["code"],
              "unknown_key");
    EXPECT_EQ(client.call("run.fly", {{"run", run}}).body["code"], "unsupported");
    const auto routing =
        other.until([](const Frame& f) { return f.type == "run" && f.body["event"]["type"] == "routing"; });
    ASSERT_TRUE(routing);
    EXPECT_EQ(engine::wire::unpackFloats(routing->body["event"]["values"])->size(), 64u);
    EXPECT_EQ(client.call("quit", json::object()).body["code"], "run_busy");
    EXPECT_EQ(client.call("run.stop", {{"run", run}}).type, "result");
    EXPECT_TRUE(other.state("stopped"));
    // Who hears that it has stopped may go on at once: with the same run, or to the end.
    ASSERT_EQ(client.call("run.resume", {{"run", run}}).type, "result");
    EXPECT_TRUE(other.state("finished"));
    EXPECT_EQ(client.call("quit", json::object()).type, "result");
    EXPECT_TRUE(endsWithin(2000));
    EXPECT_EQ(code, 0);
}

TEST_F(HostTest, ASlowClientHoldsNobodyUp) {
    fake.pace = std::chrono::microseconds(0);
    start();
    Client slow(path()), quick(path());
    ASSERT_EQ(slow.call("run.attach", json::object()).type, "result");
    ASSERT_EQ(
        quick.call("run.start", {{"recipe", recipe(40'000)}, {"run", (folder / "runs" / "x").string()}}).type,
        "result");
    // slow reads nothing while 40,000 steps go by.
    const auto finished = quick.until(
        [](const Frame& f) {
            return f.type == "run" && f.body["event"]["type"] == "state" &&
                   f.body["event"]["to"] == "finished";
        },
        300);  // sanitizers beside other work
    ASSERT_TRUE(finished);
    std::vector<Frame> seen;
    EXPECT_TRUE(slow.until(
        [](const Frame& f) {
            return f.type == "run" && f.body["event"]["type"] == "state" &&
                   f.body["event"]["to"] == "finished";
        },
        100, &seen));
    std::int64_t last = 0;
    std::size_t steps = 0;
    for (const Frame& f : seen) {
        if (f.type != "run" || f.body["event"]["type"] != "step") continue;
        EXPECT_GT(f.body["event"]["step"].get<std::int64_t>(), last);
        last = f.body["event"]["step"].get<std::int64_t>();
        ++steps;
    }
    EXPECT_EQ(last, 40'000);  // the newest is never dropped
    EXPECT_LT(steps, 40'001u);
}

TEST_F(HostTest, RefusesAnotherProtocolAndNamesBoth) {
    start();
    Client client(path(), false);
    const Frame refused = client.call("hello", {{"protocol", 999}});
    EXPECT_EQ(refused.type, "error");
    EXPECT_NE(refused.body.dump().find("999"), std::string::npos);
    EXPECT_EQ(refused.body["parameters"]["protocol"], std::to_string(engine::wire::kProtocol));
    EXPECT_TRUE(client.closedByPeer());
    Client rude(path(), false);
    EXPECT_EQ(rude.call("device", {}).type, "error");
    EXPECT_TRUE(rude.closedByPeer());
}

TEST_F(HostTest, SurvivesMalformedFrames) {
    start();
    Client good(path());
    std::mt19937 random(3);
    for (int i = 0; i < 60; ++i) {
        Client bad(path(), i % 2 == 0);
        std::vector<std::uint8_t> bytes(1 + random() % 300);
        for (auto& b : bytes)
            b = static_cast<std::uint8_t>(random());
        if (i % 3 == 0) bytes = {0xFF, 0xFF, 0xFF, 0xFF, 1};  // 4 GiB announced
        if (i % 3 == 1) {                                     // a right length, random CBOR
            const auto length =
                static_cast<std::uint32_t>(bytes.size() - std::min<std::size_t>(bytes.size(), 4));
            for (int k = 0; k < 4 && bytes.size() > 4; ++k)
                bytes[static_cast<std::size_t>(k)] = static_cast<std::uint8_t>(length >> (8 * k));
        }
        bad.write(bytes);
        if (i % 5 == 0) EXPECT_TRUE(i % 3 != 0 || bad.closedByPeer(2));
    }
    for (const json& body : {json(), json(3), json::array({1, 2}), json("x")})
        good.send("generate", body);
    EXPECT_EQ(good.call("inspect", {{"path", "still here"}}).body["name"], "still here");
}

TEST_F(HostTest, SocketIsPrivate) {
    start();
    Client client(path());
    struct stat info {};
    ASSERT_EQ(stat(path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    ASSERT_EQ(stat(fs::path(path()).parent_path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
}

// Another uid must be refused: SO_PEERCRED tells who connects.
TEST_F(HostTest, AnotherUserIsRefused) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
    start();
    { Client client(path()); }
    fs::permissions(folder, fs::perms::all);
    fs::permissions(fs::path(path()).parent_path(), fs::perms::all);
    fs::permissions(path(), fs::perms::all);
    const pid_t child = fork();
    if (child == 0) {
        if (setuid(65534) != 0) _exit(9);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
        const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) _exit(8);
        char c = 0;
        _exit(recv(fd, &c, 1, 0) == 0 ? 0 : 7);  // closed without a word
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(HostTest, QuitsWhenIdleButNotWhileARunLives) {
    fake.pace = std::chrono::milliseconds(1);
    options.idleQuit = std::chrono::milliseconds(150);
    start();
    {
        Client client(path());
        ASSERT_EQ(
            client.call("run.start", {{"recipe", recipe(100000)}, {"run", (folder / "runs/x").string()}})
                .type,
            "result");
    }
    EXPECT_FALSE(endsWithin(500));
    {
        Client client(path());
        const auto runs = client.call("run.attach", json::object()).body["runs"];
        ASSERT_EQ(runs.size(), 1u);
        client.call("run.stop", {{"run", runs[0]["run"]}});
    }
    EXPECT_TRUE(endsWithin(3000));
    EXPECT_FALSE(fs::exists(path()));
}

TEST_F(HostTest, StoppingSavesLiveRuns) {
    fake.pace = std::chrono::milliseconds(1);
    start();
    Client client(path());
    ASSERT_EQ(
        client.call("run.start", {{"recipe", recipe(100000)}, {"run", (folder / "runs/x").string()}}).type,
        "result");
    host->requestStop();
    EXPECT_TRUE(client.state("stopped"));
    EXPECT_TRUE(endsWithin(2000));
}

TEST_F(HostTest, OneInstanceAndStaleSocketsAreReplaced) {
    fs::create_directories(fs::path(path()).parent_path());
    std::ofstream(path()) << "left by a process that died";
    start();
    Client client(path());
    Host second(fake, services, options);
    EXPECT_EQ(second.run(), 0);  // at once: another one lives
    EXPECT_EQ(client.call("device", {}).type, "result");
}

}  // namespace
}  // namespace caravan::host::testing
