// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "projects/run_comparison.h"
#include "tests/projects/support.h"

namespace caravan::projects::testing {
namespace {

class Comparison : public ::testing::Test {
  protected:
    void tell(const std::string& name, const std::string& recipe, engine::StepIndex steps) {
        take(project->reserveRun(name));
        const auto recorder = take(RunRecorder::claim(project, name, "cli", recipe, 40));
        FakeRun run(project->runFolder(name), recorder.get());
        run.state(engine::RunState::Loading, engine::RunState::Running);
        run.steps(1, steps);
        run.state(engine::RunState::Running, engine::RunState::Finished);
        take(project->store().flush());
    }
    [[nodiscard]] std::vector<ComparedRow> compare(const std::vector<std::string>& names) {
        const auto catalogue = take(RunCatalogue::open(project->folder()));
        std::vector<ComparedRun> runs;
        for (const std::string& name : names)
            runs.push_back(take(readCompared(*catalogue, name)));
        return compareRuns(runs);
    }
    static const ComparedRow& row(const std::vector<ComparedRow>& rows, const std::string& key) {
        const auto found =
            std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.key == key; });
        if (found == rows.end()) throw std::runtime_error(key);
        return *found;
    }
    Scratch scratch;
    std::shared_ptr<Project> project = take(Project::create(scratch.path() / "p"));
};

TEST_F(Comparison, TellsWhatDiffersAndHowRunsEnded) {
    tell("a", R"({"model":{"path":"/m/base"},"upcycle":{"experts":8},"tune":{"learning_rate":0.5}})", 20);
    tell("b", R"({"model":{"path":"/n/base"},"upcycle":{"experts":8},"tune":{"learning_rate":0.25}})", 40);
    const auto rows = compare({"a", "b"});
    EXPECT_EQ(rows.size(), engine::recipeFields().size() + 7);
    EXPECT_TRUE(row(rows, "tune.learning_rate").differs);
    EXPECT_EQ(row(rows, "tune.learning_rate").values[1], nlohmann::json(0.25));
    EXPECT_TRUE(row(rows, "model.path").differs);  // same name, another folder
    EXPECT_FALSE(row(rows, "upcycle.experts").differs);
    EXPECT_EQ(row(rows, "steps_done").values[1], nlohmann::json(40));
    EXPECT_TRUE(row(rows, "loss_last").differs);
    EXPECT_DOUBLE_EQ(row(rows, "loss_last").values[0]->get<double>(), stepMetrics(20).loss);
    EXPECT_NEAR(row(rows, "max_vio").values[0]->get<double>(), 0.3, 1e-6);
    EXPECT_FALSE(row(rows, "heldout_best").differs);
    EXPECT_DOUBLE_EQ(row(rows, "heldout_best").values[0]->get<double>(), 2.125);
    EXPECT_EQ(row(rows, "memory_bytes").values[1], nlohmann::json(double(1 << 20)));
}

TEST_F(Comparison, SettingsOfExpertsDoNotApplyToADenseRun) {
    tell("a", R"({"upcycle":{"method":"pesc","experts":4}})", 20);
    tell("b", R"({"upcycle":{"method":"none","experts":4}})", 20);
    take(project->reserveRun("c"));
    putCreatedRun(*project, "c", R"({"upcycle":{"method":"none"}})", 0);
    take(project->store().flush());
    const auto rows = compare({"a", "b", "c"});
    EXPECT_TRUE(row(rows, "upcycle.method").differs);
    EXPECT_TRUE(row(rows, "upcycle.experts").differs);
    EXPECT_EQ(row(rows, "upcycle.experts").values[0], nlohmann::json(4));
    EXPECT_EQ(row(rows, "upcycle.experts").values[1], std::nullopt);
    EXPECT_EQ(row(rows, "upcycle.method").values[1], nlohmann::json("none"));
    EXPECT_EQ(row(rows, "loss_last").values[2], std::nullopt);       // it never ran
    EXPECT_EQ(row(rows, "tune.steps").values[2], nlohmann::json());  // left open
    EXPECT_FALSE(row(rows, "tune.steps").differs);
}

// What is shown alike is no difference: losses with four decimals, speeds with none.
TEST(ComparisonOfFigures, RoundsAsItShows) {
    ComparedRun a, b;
    a.figures.lastLoss = 1.00001, b.figures.lastLoss = 1.00002;
    a.figures.tokensPerSecond = 1000.2, b.figures.tokensPerSecond = 1000.4;
    a.heldout = 1.0, b.heldout = 1.0002;
    for (const ComparedRow& row : compareRuns({a, b}))
        EXPECT_EQ(row.differs, row.key == "heldout_last") << row.key;
    EXPECT_TRUE(
        readCompared(*take(RunCatalogue::open(take(Project::create(Scratch().path() / "p"))->folder())),
                     "none")
            .error()
            .code == engine::ErrorCode::NotFound);
}

}  // namespace
}  // namespace caravan::projects::testing
