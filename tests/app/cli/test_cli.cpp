// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/app/cli/cli_fixture.h"

#include <thread>

#include "projects/run_catalogue.h"

namespace caravan::cli::testing {
namespace {

TEST_F(Cli, HelpAnswersWithTypeRangeDefaultAndUnit) {
    const Outcome all = run({"--help"});
    EXPECT_EQ(all.code, 0);
    for (const char* command :
         {"demo", "inspect", "tokenize", "plan", "upcycle", "tune", "resume", "runs", "data", "projects",
          "probe", "chat", "eval", "routing", "import", "export", "approximation"})
        EXPECT_NE(all.out.find(std::string("\n  ") + command), std::string::npos) << command;
    const Outcome tune = run({"tune", "--help"});
    EXPECT_EQ(tune.code, 0);
    for (const char* part : {"--learning-rate", "--top-k", "from 1 to 128", "default 8", "in tokens", "nf4",
                             "--stop-after", "--json", "--device"})
        EXPECT_NE(tune.out.find(part), std::string::npos) << part;
    EXPECT_EQ(run({"runs", "list", "--help"}).code, 0);
    EXPECT_EQ(run({"--version"}).code, 0);
}

TEST_F(Cli, WrongUsageIsTwoAndNamesTheNearest) {
    EXPECT_EQ(run({}).code, 2);
    Outcome o = run({"tune", "--lerning-rate", "1", "--project", "x", "--json"});
    EXPECT_EQ(o.code, 2);
    EXPECT_NE(o.err.find("--learning-rate"), std::string::npos) << o.err;
    ASSERT_EQ(o.of("error").size(), 1u) << o.out;
    EXPECT_EQ(o.of("error")[0]["code"], "unknown_key");
    for (const char* key : {"what", "where", "why", "do"})
        EXPECT_TRUE(o.of("error")[0].contains(key)) << key;
    o = run({"tnue"});
    EXPECT_EQ(o.code, 2);
    EXPECT_NE(o.err.find("tune"), std::string::npos);
    o = run({"tune", "--project", (folder / "p").string(), "--model", model(), "--data", rows("math.train"),
             "--set", "tune.lerning_rate=1"});
    EXPECT_EQ(o.code, 2);
    EXPECT_NE(o.err.find("tune.learning_rate"), std::string::npos) << o.err;
    o = run({"tune", "--project", (folder / "p").string(), "--model", model(), "--data", rows("math.train"),
             "--experts", "1000"});
    EXPECT_EQ(o.code, 2);
    EXPECT_NE(o.err.find("128"), std::string::npos) << o.err;
    EXPECT_EQ(run({"tune", "--project", (folder / "p").string(), "--model", model()}).code, 2);
    EXPECT_EQ(run({"tune", "--model", model()}).code, 2);
    EXPECT_EQ(run({"chat", model(), "--device", "gpu"}).code, 2);
    EXPECT_EQ(run({"chat", model(), "--temperature", "warm"}).code, 2);
    EXPECT_EQ(run({"runs", "list", "--project", (folder / "none").string()}).code, 2);
    EXPECT_FALSE(fs::exists(folder / "p" / "runs" / "0001"));
}

TEST_F(Cli, BadFilesAreThree) {
    EXPECT_EQ(run({"chat", (folder / "nothing").string(), "--prompt", "x"}).code, 3);
    EXPECT_EQ(
        run({"tune", "--project", (folder / "p").string(), "--model", model(), "--data", "missing.jsonl"})
            .code,
        3);
    std::ofstream(folder / "recipe.json") << "{ not json";
    EXPECT_EQ(
        run({"tune", "--project", (folder / "p").string(), "--recipe", (folder / "recipe.json").string()})
            .code,
        3);
    std::ofstream(folder / "recipe2.json") << R"({"tune": {"steps": 3, "lora_rnk": 4}})";
    const Outcome o =
        run({"tune", "--project", (folder / "p").string(), "--recipe", (folder / "recipe2.json").string()});
    EXPECT_EQ(o.code, 2);
    EXPECT_NE(o.err.find("tune.lora_rank"), std::string::npos) << o.err;
}

TEST_F(Cli, TunesStopsResumesAndLists) {
    const Outcome o = run(tune(4, {"--stop-after", "2", "--checkpoint-every", "1"}));
    ASSERT_EQ(o.code, 5) << o.err;
    EXPECT_EQ(o.of("step").size(), 2u);
    const std::string folderOfRun = folder / "p/runs/0001";
    EXPECT_EQ(o.of("state").back()["to"], "stopped");
    EXPECT_EQ(o.of("state").back()["run"], fs::canonical(folderOfRun).string());
    EXPECT_EQ(o.of("evaluation").at(0)["step"], 0);
    EXPECT_FALSE(json::parse(readText(folder / "p/runs/0001/recipe.json"))["tune"].contains("stop_after"));
    for (const char* key : {"loss", "balance", "balance_loss", "learning_rate", "gradient_norm", "tokens",
                            "answer_tokens", "tokens_per_second", "memory_bytes", "expert_load"})
        EXPECT_TRUE(o.of("step")[0].contains(key)) << key;

    const Outcome resumed = run({"resume", folderOfRun, "--json", "--device", "cpu", "--threads", "1"});
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_EQ(resumed.of("step").front()["step"], 3);
    EXPECT_EQ(resumed.of("step").back()["step"], 4);
    EXPECT_EQ(resumed.of("result").at(0)["step"], 4);
    EXPECT_EQ(resumed.of("checkpoint").back()["step"], 4);

    const Outcome list = run({"runs", "list", "--project", (folder / "p").string(), "--json"});
    ASSERT_EQ(list.code, 0);
    const json run1 = list.lines().at(0)["runs"][0];
    EXPECT_EQ(run1["state"], "finished");
    EXPECT_EQ(run1["step"], 4);
    EXPECT_EQ(run1["steps"], 4);

    // The same run without a stop in between: the same losses to the last bit.
    const Outcome whole = run(tune(4, {"--checkpoint-every", "1", "--name", "whole"}));
    ASSERT_EQ(whole.code, 0) << whole.err;
    EXPECT_EQ(whole.of("step")[3]["loss"], resumed.of("step")[1]["loss"]);

    const Outcome rebuilt = run({"projects", "rebuild", (folder / "p").string(), "--json"});
    ASSERT_EQ(rebuilt.code, 0) << rebuilt.err;
    EXPECT_EQ(rebuilt.lines().at(0)["equal"], true) << rebuilt.out;
    EXPECT_EQ(rebuilt.lines().at(0)["rows"]["runs"], 2);
    EXPECT_EQ(rebuilt.lines().at(0)["rows"]["steps"], 8);
}

TEST_F(Cli, CtrlCSavesAndOtherProcessesControlARun) {
    const pid_t child = start(tune(100000), folder / "child-out", folder / "child-err");
    const auto steps = [&](std::int64_t wanted) {
        for (int i = 0; i < 2400; ++i) {
            const auto catalogue = projects::RunCatalogue::open(folder / "p");
            if (catalogue) {
                const auto found = (*catalogue)->run("0001");
                if (found && found->row.step >= wanted) return true;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return false;
    };
    ASSERT_TRUE(steps(1));
    const auto control = [&](const char* word) {
        return run({"runs", word, "0001", "--project", (folder / "p").string()}).code;
    };
    EXPECT_EQ(control("pause"), 0);
    const auto state = [&](engine::RunState wanted) {
        for (int i = 0; i < 1200; ++i) {
            const auto catalogue = projects::RunCatalogue::open(folder / "p");
            if (catalogue && (*catalogue)->run("0001")->row.state == wanted) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return false;
    };
    EXPECT_TRUE(state(engine::RunState::Paused));
    EXPECT_EQ(control("continue"), 0);
    EXPECT_TRUE(state(engine::RunState::Running));
    kill(child, SIGINT);
    EXPECT_EQ(join(child), 5);
    EXPECT_TRUE(state(engine::RunState::Stopped));
    EXPECT_FALSE(fs::is_empty(folder / "p/runs/0001/checkpoints"));
    EXPECT_EQ(control("pause"), 2);
}

TEST_F(Cli, ChatStreamsOneObjectPerToken) {
    const Outcome o = run({"chat", model(), "--prompt", "Hello", "--greedy", "--max-tokens", "5", "--json",
                           "--alternatives", "2", "--device", "cpu", "--threads", "1"});
    ASSERT_EQ(o.code, 0) << o.err;
    const auto lines = o.lines();
    ASSERT_GE(lines.size(), 2u);
    std::string text;
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
        EXPECT_TRUE(lines[i].contains("id") && lines[i].contains("logprob") && lines[i].contains("experts") &&
                    lines[i].contains("weights"));
        EXPECT_EQ(lines[i]["alternatives"].size(), 2u);
        text += lines[i]["text"].get<std::string>();
    }
    EXPECT_TRUE(lines.back().contains("tokens_per_second") &&
                lines.back().contains("seconds_to_first_token"));
    const Outcome plain = run({"chat", model(), "--prompt", "Hello", "--greedy", "--max-tokens", "5",
                               "--device", "cpu", "--threads", "1"});
    EXPECT_EQ(plain.out, text + "\n");
}

TEST_F(Cli, UpcyclesProvesEvaluatesAndRoutes) {
    const std::string out = folder / "sparse";
    Outcome o =
        run({"upcycle", model(), "--experts", "4", "--top-k", "2", "--adapter-size", "8", "--scaling", "1",
             "--quantization", "none", "--out", out, "--json", "--device", "cpu", "--threads", "1"});
    ASSERT_EQ(o.code, 0) << o.err;
    EXPECT_EQ(o.lines().at(0)["step0_max_abs_logit_difference"], 0.0);
    EXPECT_GT(o.lines()[0]["parameters_total"], o.lines()[0]["parameters_active"]);
    EXPECT_EQ(run({"upcycle", model(), "--out", out}).code, 2);  // it exists
    o = run({"eval", model(), out, "--data", small(), "--json", "--device", "cpu", "--threads", "1"});
    ASSERT_EQ(o.code, 0) << o.err;
    const json models = o.lines().at(0)["models"];
    ASSERT_EQ(models.size(), 2u);
    EXPECT_EQ(models[0]["heldout_loss"]["math"], models[1]["heldout_loss"]["math"]);
    o = run({"routing", out, "--data", small(), "--json", "--csv", (folder / "r.csv").string(), "--device",
             "cpu", "--threads", "1"});
    ASSERT_EQ(o.code, 0) << o.err;
    double sum = 0;
    const json first = o.lines().at(0)["load"][0];
    for (const auto& share : first)
        sum += share.get<double>();
    EXPECT_NEAR(sum, 1, 1e-6);
    EXPECT_EQ(readText(folder / "r.csv").substr(0, 12), "layer,expert");
}

TEST_F(Cli, AnalysesRoutingOfARunAgainstItsLastCheckpoint) {
    auto words = tune(4, {"--set", "tune.checkpoint_every=2"});
    Outcome o = run(words);
    ASSERT_EQ(o.code, 0) << o.err;
    const std::string runFolder = o.of("result").at(0)["run"];
    const std::vector<std::string> common = {"--device", "cpu", "--threads", "1", "--json"};
    words = {"routing", runFolder + "@2", "--reference", runFolder,    "--mute", "1", "--max-tokens",
             "200",     "--mute-tokens",  "100",         "--contexts", "2"};
    words.insert(words.end(), common.begin(), common.end());
    o = run(words);
    ASSERT_EQ(o.code, 0) << o.err;
    const json found = o.lines().at(0);
    EXPECT_EQ(found["step"], 2);
    EXPECT_EQ(found["probe"], "held-out");
    EXPECT_EQ(found["muted"].size(), 4u);
    const json& layer = found["layers"][0];
    EXPECT_TRUE(layer["saturation"] > 0.3 && layer["saturation"] <= 1.0) << layer["saturation"];
    EXPECT_EQ(layer["together"].size(), 16u);
    EXPECT_EQ(layer["contexts"].size(), 4u);
    EXPECT_EQ(json::parse(readText(fs::path(runFolder) / "routing/analysis-000002.json"))["tokens"],
              found["tokens"]);
    words = {"routing", runFolder, "--mute", "99"};
    words.insert(words.end(), common.begin(), common.end());
    o = run(words);
    EXPECT_EQ(o.code, 2);
    EXPECT_NE(o.err.find("99"), std::string::npos);
}

}  // namespace
}  // namespace caravan::cli::testing
