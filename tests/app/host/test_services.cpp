// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the engine's process answers without computing, through its socket: the program's own services.
#include <numeric>

#include "app/base_services.h"
#include "engine/plan/fits.h"
#include "tests/app/host/host_fixture.h"

namespace caravan::host::testing {
namespace {

class ServicesTest : public HostTest {
  protected:
    ServicesTest() {
        services = app::baseServices(fake);
        for (int i = 0; i < kRows; ++i) {
            std::string answer = "It is " + std::to_string(2 * i) + ".";
            for (int more = 0; more < i % 5; ++more)  // rows of several lengths
                answer += " So it is.";
            const json row = {
                {"instruction", "What is " + std::to_string(i) + " and " + std::to_string(i) + "?"},
                {"output", answer}};
            std::ofstream(folder / (i % 3 ? "sums.jsonl" : "other.jsonl"), std::ios::app)
                << row.dump() << '\n';
        }
    }
    [[nodiscard]] json recipeBody(std::int64_t steps) const {
        Recipe r;
        r.model.path = CARAVAN_SOURCE_DIR "/resources/demo/base-16m";
        r.data.files = {{.path = "sums.jsonl", .name = "sums"}, {.path = "other.jsonl", .name = "other"}};
        r.tune.sequenceLength = 64;
        r.tune.batchRows = 8;
        r.tune.steps = steps;
        return {{"recipe", recipeToJson(r)}, {"folder", folder.string()}};
    }
    [[nodiscard]] json stepBody(StepIndex step, std::int64_t steps = 6) const {
        json body = recipeBody(steps);
        body["step"] = step;
        return body;
    }
    static constexpr int kRows = 24;
};

TEST_F(ServicesTest, FitsAreThoseOfTheEnginesOwnDevice) {
    start();
    Client client(path());
    const Frame answer = client.call("fits", json::object());
    ASSERT_EQ(answer.type, "result") << answer.body;
    const auto told = answer.body.get<FitTable>();
    const auto device = fake.device();
    EXPECT_EQ(told.device, device.name);
    EXPECT_EQ(told.memory, device.memoryTotal);
    EXPECT_EQ(told.memoryFree, device.memoryTotal - device.memoryUsed);
    ASSERT_EQ(told.rows.size(), knownModels().size());
    const auto planned = unwrap(fitTable(device));
    for (std::size_t i = 0; i < told.rows.size(); ++i) {
        EXPECT_EQ(told.rows[i].model, knownModels()[i].name);
        EXPECT_EQ(told.rows[i].needed, planned.rows[i].needed);
        ASSERT_EQ(told.rows[i].needed.size(), told.settings.size());
    }
}

TEST_F(ServicesTest, TheStepsOfAnEpochHoldEachRowOnce) {
    start();
    Client client(path());
    std::map<std::pair<std::string, std::int64_t>, int> rows;  // file name, line
    std::int64_t sums = 0, other = 0;
    for (StepIndex step = 1; step <= kRows / 8; ++step) {
        const Frame answer = client.call("step_batch", stepBody(step));
        ASSERT_EQ(answer.type, "result") << answer.body;
        const auto batch = answer.body.get<StepBatch>();
        EXPECT_EQ(batch.step, step);
        EXPECT_EQ(batch.steps, 6);
        EXPECT_EQ(batch.epoch, 0);
        EXPECT_EQ(batch.rows(), 8);
        EXPECT_GT(batch.trainedTokens(), 0);
        EXPECT_LT(batch.trainedTokens(), batch.tokens());
        EXPECT_EQ(answer.body["tokens"], batch.tokens());
        for (const auto& sequence : batch.batch)
            for (const auto& row : sequence.rows) {
                ++rows[{fs::path(row.file).filename().string(), row.line}];
                ++(row.domain == "sums" ? sums : other);
            }
        EXPECT_EQ(client.call("step_batch", stepBody(step)).body, answer.body) << "the same again";
    }
    EXPECT_EQ(rows.size(), std::size_t{kRows});
    EXPECT_EQ(sums, 16);
    EXPECT_EQ(other, 8);
    EXPECT_EQ(client.call("step_batch", stepBody(4)).body["epoch"], 1);
}

TEST_F(ServicesTest, AStepThatIsNotThereAndAFileThatIsGoneAreTold) {
    start();
    Client client(path());
    for (const StepIndex step : {0, 7}) {
        const Frame answer = client.call("step_batch", stepBody(step));
        EXPECT_EQ(answer.body["code"], "bad_option");
        EXPECT_EQ(answer.body["parameters"]["range"], "1 to 6") << answer.body;
    }
    EXPECT_EQ(client.call("step_batch", recipeBody(6)).type, "error");  // no step at all
    fs::remove(folder / "other.jsonl");
    const Frame gone = client.call("step_batch", stepBody(1));
    EXPECT_EQ(gone.type, "error");
    EXPECT_NE(gone.body.dump().find("other.jsonl"), std::string::npos) << gone.body;
}

TEST_F(ServicesTest, AnEngineWithoutTheApproximationErrorSaysSo) {
    start();
    Client client(path());
    const json body = {{"base", {{"path", "a"}}}, {"tuned", {{"path", "b"}}}};
    const Frame answer = client.call("approximation", body);
    EXPECT_EQ(answer.type, "error");
    EXPECT_EQ(answer.body["code"], "unsupported") << answer.body;
    EXPECT_NE(answer.body.dump().find("without it"), std::string::npos) << answer.body;
}

}  // namespace
}  // namespace caravan::host::testing
