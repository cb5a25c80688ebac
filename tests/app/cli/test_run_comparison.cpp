// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/routing_file.h"
#include "projects/run_catalogue.h"
#include "projects/run_recorder.h"
#include "tests/app/cli/cli_fixture.h"

namespace caravan::cli::testing {
namespace {

using projects::Project;

// Two runs of a project, with routing; written without an engine.
class RunCommands : public Cli {
  protected:
    RunCommands() {
        tell("one", R"({"model":{"path":"/m/base"},"tune":{"learning_rate":0.5}})", 3.0, 1);
        tell("two", R"({"model":{"path":"/m/base"},"tune":{"learning_rate":0.25}})", 2.0, 3);
    }
    void tell(const std::string& name, const std::string& recipe, double loss, float share) {
        ASSERT_TRUE(m_project->reserveRun(name));
        const auto recorder = projects::RunRecorder::claim(m_project, name, "cli", recipe, 4);
        ASSERT_TRUE(recorder);
        engine::StepMetrics metrics;
        metrics.step = 4;
        metrics.loss = loss;
        metrics.tokensPerSecond = 100;
        (*recorder)->onEvent(metrics);
        ASSERT_TRUE(m_project->store().flush());
        const engine::RoutingShape shape{{0, 3}, 2, 1, {"code", "math"}};
        auto writer =
            engine::RoutingFileWriter::open((m_project->runFolder(name) / "routing.bin").string(), shape);
        ASSERT_TRUE(writer);
        for (const engine::StepIndex step : {2, 4}) {
            engine::RoutingRecord record{.step = step,
                                         .firstStep = step - 1,
                                         .layers = shape.layers,
                                         .experts = 2,
                                         .topK = 1,
                                         .domains = shape.domains,
                                         .values = std::vector<float>(2 * 2 * 2 * 8, 1.0F)};
            // Answer tokens of "math" in layer 3: share to one to expert 0 at step 4.
            if (step == 4) record.values[record.index(1, 0, 1, 1, 1, 0)] = share;
            ASSERT_TRUE(writer->append(record));
        }
    }
    [[nodiscard]] Outcome runs(std::vector<std::string> words) const {
        words.insert(words.begin(), "runs");
        words.insert(words.end(), {"--project", (folder / "p").string()});
        return run(words);
    }

  private:
    std::shared_ptr<Project> m_project = Project::create(folder / "p").value();
};

TEST_F(RunCommands, DiffTellsOnlyWhatDiffersAndTheEndFigures) {
    const Outcome told = runs({"diff", "one", "two", "--json"});
    ASSERT_EQ(told.code, 0) << told.err;
    const json object = told.lines().at(0);
    ASSERT_EQ(object["settings"].size(), 1u);
    EXPECT_EQ(object["settings"][0]["key"], "tune.learning_rate");
    EXPECT_EQ(object["settings"][0]["values"], (json{0.5, 0.25}));
    ASSERT_EQ(object["results"].size(), 7u);
    EXPECT_EQ(object["results"][3]["key"], "loss_last");
    EXPECT_EQ(object["results"][3]["values"], (json{3.0, 2.0}));
    EXPECT_EQ(object["results"][1]["values"], (json{nullptr, nullptr}));  // never evaluated
    EXPECT_GT(runs({"diff", "one", "two", "--all", "--json"}).lines().at(0)["settings"].size(), 30u);
    const Outcome words = runs({"diff", "one", "two"});
    EXPECT_NE(words.out.find("tune.learning_rate"), std::string::npos);
    EXPECT_NE(words.out.find("2 of "), std::string::npos) << words.out;
    EXPECT_EQ(words.out.find("tune.batch_rows"), std::string::npos);
}

TEST_F(RunCommands, DiffSaysWhatIsWrong) {
    EXPECT_EQ(runs({"diff", "one"}).code, 2);
    const Outcome none = runs({"diff", "one", "three", "--json"});
    EXPECT_NE(none.code, 0);
    EXPECT_EQ(none.lines().at(0)["code"], "not_found");
}

TEST_F(RunCommands, RoutingTellsTheLoggedLoadByStepAndFilter) {
    const json newest = runs({"routing", "two", "--json"}).lines().at(0);
    EXPECT_EQ(newest["step"], 4);
    EXPECT_EQ(newest["layers"][0]["load"], (json{1.0, 1.0}));
    // Layer 3: 3 + 3 of "math" and "code" against 4.
    EXPECT_NEAR(newest["layers"][1]["load"][0].get<double>(), 2 * 6.0 / 10, 1e-6);
    EXPECT_NEAR(newest["layers"][1]["max_vio"].get<double>(), 0.2, 1e-6);
    const json math =
        runs({"routing", "two", "--domain", "math", "--role", "answer", "--json"}).lines().at(0);
    EXPECT_NEAR(math["layers"][1]["load"][0].get<double>(), 1.5, 1e-6);
    EXPECT_EQ(runs({"routing", "two@3", "--json"}).lines().at(0)["step"], 2);
    EXPECT_EQ(runs({"routing", "two", "--step", "2", "--json"}).lines().at(0)["layers"][1]["max_vio"], 0.0);
    const Outcome words = runs({"routing", "two", "--against", "one@2"});
    EXPECT_EQ(words.code, 0) << words.err;
    EXPECT_NE(words.out.find("the first over the second"), std::string::npos);
    EXPECT_NE(words.out.find("1.20"), std::string::npos) << words.out;
}

TEST_F(RunCommands, RoutingSaysWhatIsWrong) {
    EXPECT_EQ(runs({"routing", "one@1", "--json"}).lines().at(0)["code"], "not_found");
    EXPECT_EQ(runs({"routing", "one@x"}).code, 2);
    const Outcome domain = runs({"routing", "one", "--domain", "poems"});
    EXPECT_EQ(domain.code, 2);
    EXPECT_NE(domain.err.find("code, math"), std::string::npos) << domain.err;
    EXPECT_EQ(runs({"routing", "one", "--choice", "third"}).code, 2);
}

TEST_F(RunCommands, TitlesNotesTagsAndTheTrash) {
    const json edited =
        runs({"edit", "one", "--title", "First", "--tag", "a", "--tag", "b", "--json"}).lines().at(0);
    EXPECT_EQ(edited["title"], "First");
    EXPECT_EQ(edited["tags"], (json{"a", "b"}));
    EXPECT_EQ(edited["notes"], "");
    const json again = runs({"edit", "one", "--notes", "Why?", "--no-tags", "--json"}).lines().at(0);
    EXPECT_EQ(again["title"], "First");
    EXPECT_EQ(again["notes"], "Why?");
    EXPECT_EQ(again["tags"], json::array());
    EXPECT_EQ(runs({"edit", "one"}).code, 2);
    EXPECT_NE(runs({"edit", "none", "--title", "x"}).code, 0);
}

TEST_F(RunCommands, ADeletedRunComesBack) {
    // Of "two": its owner was this process, which lives; a run that was only created has none.
    const auto project = Project::open(folder / "p").value();
    ASSERT_TRUE(project->reserveRun("c"));
    projects::putCreatedRun(*project, "c", "{}", 0);
    ASSERT_TRUE(project->store().flush());
    EXPECT_EQ(runs({"delete", "c"}).code, 0);
    EXPECT_TRUE(fs::exists(folder / "p" / "trash" / "c"));
    EXPECT_EQ(runs({"list", "--json"}).lines().at(0)["runs"].size(), 2u);
    EXPECT_NE(runs({"delete", "c"}).code, 0);
    EXPECT_EQ(runs({"restore", "c"}).code, 0);
    EXPECT_EQ(runs({"list", "--json"}).lines().at(0)["runs"].size(), 3u);
}

}  // namespace
}  // namespace caravan::cli::testing
