// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <map>

#include "engine/api/routing_file.h"
#include "projects/run_report.h"
#include "tests/projects/support.h"

namespace caravan::projects::testing {
namespace {

using engine::RunState;

// Every tag that is opened is closed, in order; nothing from outside, nothing that runs.
void expectWholeHtml(const std::string& html) {
    std::vector<std::string> open;
    for (std::size_t at = 0; (at = html.find('<', at)) != std::string::npos;) {
        const std::size_t end = html.find('>', at);
        ASSERT_NE(end, std::string::npos);
        const std::string tag = html.substr(at + 1, end - at - 1);
        at = end + 1;
        const std::string name = tag.substr(0, tag.find_first_of(" />", tag[0] == '/' ? 1 : 0));
        if (name == "!DOCTYPE" || name == "meta" || name == "br" || tag.back() == '/') continue;
        if (name[0] != '/') {
            open.push_back(name);
            continue;
        }
        ASSERT_FALSE(open.empty()) << tag;
        EXPECT_EQ("/" + open.back(), name);
        open.pop_back();
    }
    EXPECT_TRUE(open.empty()) << open.back();
    for (const char* foreign : {"<script", "src=\"http", "href=", "@import", "NaN", "inf "})
        EXPECT_EQ(html.find(foreign), std::string::npos) << foreign;
}

RunReport reportOf(const std::shared_ptr<Project>& project, const std::string& run) {
    return take(readReport(*take(RunCatalogue::open(project->folder())), run));
}

std::string htmlOf(const RunReport& report) {
    return reportHtml(report, [&](const std::string& name) { return reportFigure(report, name); });
}

class Report : public ::testing::Test {
  protected:
    void tell() {
        take(project->reserveRun("0001"));
        const auto recorder = take(RunRecorder::claim(
            project, "0001", "cli",
            R"({"model":{"path":"/models/base-16m"},"tune":{"learning_rate":0.5,"steps":40},"seed":7})", 40));
        FakeRun run(project->runFolder("0001"), recorder.get());
        run.state(RunState::Loading, RunState::Running);
        run.steps(1, 20);
        engine::StepMetrics bad = stepMetrics(21);
        bad.loss = std::numeric_limits<double>::quiet_NaN();
        bad.skipped = true;
        run.say(bad);
        run.say(engine::Alarm{.step = 21, .kind = "spike", .value = 9, .since = 21});
        run.steps(22, 40);
        run.say(engine::Sample{40, "Say \"hé\"", "a <b>bold</b> & wild answer"});
        run.state(RunState::Running, RunState::Finished);
        setRunTitle(*project, "0001", "Try <1>");
        setRunNotes(*project, "0001", "What if?");
        take(project->store().flush());
        const engine::RoutingShape shape{{0, 2}, 4, 2, {"a"}};
        auto writer = take(
            engine::RoutingFileWriter::open((project->runFolder("0001") / "routing.bin").string(), shape));
        engine::RoutingRecord record{.step = 40,
                                     .firstStep = 31,
                                     .layers = shape.layers,
                                     .experts = 4,
                                     .topK = 2,
                                     .domains = shape.domains,
                                     .values = std::vector<float>(2 * 4 * 8, 1.0F)};
        record.values[record.index(1, 3, 0, 1, 0, 0)] = 11;  // 12 of 18 choices of layer 2
        take(writer.append(record));
    }
    Scratch scratch;
    std::shared_ptr<Project> project = take(Project::create(scratch.path() / "p"));
};

TEST_F(Report, HoldsWhatTheRunWas) {
    tell();
    const RunReport report = reportOf(project, "0001");
    EXPECT_EQ(report.name, "Try <1>");
    EXPECT_EQ(report.loss.size(), 40u);
    EXPECT_EQ(report.evaluations.size(), 2u);
    EXPECT_EQ(report.alarms.size(), 1u);
    EXPECT_NEAR(report.seconds, 4.0, 1e-6);
    const std::map<std::string, std::string> settings(report.settings.begin(), report.settings.end());
    EXPECT_EQ(settings.at("Learning rate"), "0.5");
    EXPECT_EQ(settings.at("Seed"), "7");
    EXPECT_EQ(settings.count("Betas"), 0u);  // as it comes
    const std::string html = htmlOf(report);
    expectWholeHtml(html);
    for (const char* words : {"Try &lt;1&gt;", "What if?", "40 of 40", "The loss jumped at step 21.",
                              "2.1250 (best)", "a &lt;b&gt;bold&lt;/b&gt; &amp; wild answer",
                              "line one<br>line two", "base-16m", "general 3.000", "layer 2, expert 3: 2.67"})
        EXPECT_NE(html.find(words), std::string::npos) << words;
}

TEST_F(Report, ARunThatNeverStartedHasOneToo) {
    take(project->reserveRun("0001"));
    putCreatedRun(*project, "0001", "{}", 0);
    take(project->store().flush());
    const RunReport report = reportOf(project, "0001");
    EXPECT_TRUE(reportFigure(report, "loss").empty());
    EXPECT_TRUE(reportFigure(report, "routing").empty());
    EXPECT_TRUE(reportFigure(report, "unknown").empty());
    const std::string html = htmlOf(report);
    expectWholeHtml(html);
    EXPECT_NE(html.find("no held-out data"), std::string::npos);
}

TEST_F(Report, ManyStepsAreThinned) {
    take(project->reserveRun("0001"));
    const auto recorder = take(RunRecorder::claim(project, "0001", "cli", "{}", 5000));
    for (engine::StepIndex step = 1; step <= 5000; ++step)
        recorder->onEvent(stepMetrics(step));
    take(project->store().flush());
    const RunReport report = reportOf(project, "0001");
    EXPECT_LE(report.loss.size(), RunReport::kMostPoints);
    EXPECT_LT(htmlOf(report).size(), 60000u);
}

}  // namespace
}  // namespace caravan::projects::testing
