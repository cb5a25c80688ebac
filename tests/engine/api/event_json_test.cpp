// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/event_json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/api/error_text.h"
#include "engine/api/wire.h"

namespace caravan::engine {
namespace {

using nlohmann::json;

// Through text and through a frame; both must give the same JSON again.
json travelled(const json& value) {
    wire::Decoder decoder;
    decoder.feed(wire::encode({"x", 1, value}));
    wire::Frame frame;
    EXPECT_TRUE(decoder.take(frame).value_or(false));
    return frame.body;
}
void expectSame(const RunEvent& event) {
    const json written = toJson(event);
    for (const json& way : {json::parse(written.dump()), travelled(written)}) {
        const auto back = runEventFromJson(way);
        ASSERT_TRUE(back) << written;
        EXPECT_EQ(back->index(), event.index());
        EXPECT_EQ(toJson(*back), written);
    }
}
template <class T>
void expectSameValue(const T& value) {
    const json written = value;
    EXPECT_EQ(json(json::parse(written.dump()).get<T>()), written);
    EXPECT_EQ(json(travelled(written).get<T>()), written);
}

StepMetrics step() {
    return {.step = 12,
            .loss = 1.25,
            .balance = 1.01,
            .balanceLoss = 0.08,
            .learningRate = 1e-3,
            .gradientNorm = 0.7,
            .tokens = 4000,
            .answerTokens = 900,
            .tokensPerSecond = 812.5,
            .memoryBytes = 1 << 30,
            .seconds = 3.5,
            .expertLoad = {{0.1f, 0.9f}, {0.5f, 0.5f}},
            .maxVio = {0.8f, 0.0f},
            .entropy = {0.3f, 1.0f},
            .confidence = {0.9f, 0.6f},
            .margin = {0.5f, 0.1f},
            .tokenEntropy = {0.2f, 0.9f},
            .skipped = true};
}

TEST(EventJson, keysAreThoseOfTheCommandLine) {
    const json j = toJson(step());
    for (const char* key : {"step", "loss", "balance", "balance_loss", "learning_rate", "gradient_norm",
                            "tokens", "answer_tokens", "tokens_per_second", "memory_bytes", "expert_load"})
        EXPECT_TRUE(j.contains(key)) << key;
    EXPECT_EQ(j["type"], "step");
    EXPECT_EQ(j["expert_load"].dump(), "[[0.1,0.9],[0.5,0.5]]");
    const json e = toJson(Evaluation{3, {{"math", 1.5}, {"code", 2.5}}, 2.0});
    EXPECT_EQ(e["heldout_loss"], json({{"code", 2.5}, {"math", 1.5}}));
    EXPECT_EQ(e["domains"], json({"math", "code"}));
    EXPECT_EQ(e["mean"], 2.0);
    const json s = toJson(StateChange{RunState::Running, RunState::Paused, "/r", 3, {}});
    EXPECT_EQ(s["from"], "running");
    EXPECT_EQ(s["to"], "paused");
    EXPECT_EQ(s["run"], "/r");
}

TEST(EventJson, everyEventThereAndBack) {
    expectSame(step());
    expectSame(StepMetrics{});
    expectSame(Evaluation{3, {{"math", 1.5}, {"code", 2.5}}, 2.0});
    expectSame(Sample{3, "Hello \"you\"\n", "text é"});
    expectSame(CheckpointInfo{3, "/r/checkpoints/step-000003", 12345678901});
    expectSame(Alarm{9, "dead_expert", 3, 7, 0.001, 5});
    expectSame(Alarm{9, "not_a_number", {}, {}, 0, 5});
    expectSame(StateChange{RunState::Running, RunState::Failed, "/r", 3,
                           Error{ErrorCode::NotANumber, {{"step", "3"}}}});
    expectSame(Progress{"reading weights", 3, 291});
    expectSame(LogLine{"info", "hello"});
    expectSame(RunResult{"/r", 30});
    RoutingRecord record{.step = 4,
                         .firstStep = 2,
                         .layers = {0, 3},
                         .experts = 4,
                         .topK = 2,
                         .domains = {"a", "b"},
                         .values = std::vector<float>(2 * 4 * 2 * 8)};
    for (std::size_t i = 0; i < record.values.size(); ++i)
        record.values[i] = static_cast<float>(i) * 0.37f;
    expectSame(record);
    const auto back = runEventFromJson(travelled(toJson(record)));
    EXPECT_EQ(std::get<RoutingRecord>(*back).values, record.values);
}

TEST(EventJson, notANumberIsNullInText) {
    StepMetrics m;
    m.loss = std::nan("");
    m.gradientNorm = INFINITY;
    const json j = toJson(m);
    EXPECT_TRUE(j["loss"].is_null());
    EXPECT_TRUE(std::isnan(std::get<StepMetrics>(*runEventFromJson(j)).loss));
}

TEST(EventJson, badEventsAreErrors) {
    for (const char* text :
         {"1", "{}", "{\"type\":1}", "{\"type\":\"none\"}", "{\"type\":\"step\",\"step\":\"x\"}",
          "{\"type\":\"step\",\"expert_load\":3}", "{\"type\":\"state\"}",
          "{\"type\":\"state\",\"from\":\"running\",\"to\":\"gone\"}",
          "{\"type\":\"routing\",\"layers\":[0],\"experts\":8,\"domains\":[\"a\"],\"values\":[1,2]}",
          "{\"type\":\"routing\",\"layers\":[0],\"experts\":-8,\"domains\":[\"a\"],\"values\":[]}"})
        EXPECT_FALSE(runEventFromJson(json::parse(text))) << text;
}

TEST(EventJson, errorsKeepCodeAndParameters) {
    for (int i = 0; i <= static_cast<int>(ErrorCode::Internal); ++i) {
        const Error error{static_cast<ErrorCode>(i), {{"detail", "why"}, {"file", "f"}}};
        const json j = toJson(error);
        EXPECT_EQ(errorFromJson(j), error);
        EXPECT_EQ(j["code"], errorTemplate(error.code).name);
        EXPECT_TRUE(j.contains("what") && j.contains("where") && j.contains("why") && j.contains("do"));
    }
}

TEST(ValueJson, everyValueThereAndBack) {
    ModelConfig c;
    c.architecture = Architecture::Qwen3;
    c.hidden = 64;
    c.layers = 2;
    c.rope = {RopeKind::Llama3, 5e5, 8, 1, 4, 8192};
    c.slidingWindow = 24;
    c.slidingLayers = {1};
    c.eosIds = {1, 2};
    c.bosId = 1;
    c.moe = MoeConfig{8, 2, 12, 0.25, {0, 1}, AdapterKeyStyle::Sparsetral};
    EXPECT_EQ(json(c).get<ModelConfig>(), c);
    ModelInspection inspection;
    inspection.folder = "/m";
    inspection.config = c;
    inspection.shares = {{"ffn", 5}};
    inspection.reasons = {"because"};
    expectSameValue(inspection);
    EXPECT_EQ(json(inspection)["layers"], 2);
    RunPlan plan;
    plan.memory = {{"optimizer", 5}, {"base_weights", 7}};
    plan.parametersTotal = 3;
    expectSameValue(plan);
    EXPECT_EQ(json(plan).get<RunPlan>().memory[0].key, "optimizer");
    EXPECT_EQ(json(plan)["memory"]["base_weights"], 7);
    DataPreview preview;
    preview.files = {{.path = "a", .name = "code", .rows = 3, .lengths = {1, 2}}};
    preview.problems = {{"a", 3, "bad"}};
    preview.firstBatch = {{{{"a", "code", 1, {{5, "x", true, false}}}}, 7}};
    expectSameValue(preview);
    expectSameValue(StepZeroProof{0, 5, 6, -1, 0.5});
    expectSameValue(DryStep{1, 2, 3});
    expectSameValue(DeviceStatus{"CPU", false, 1, 2, -1, "no driver"});
    expectSameValue(UpcycleOutcome{{0, 5, 6, 2, 0.5}, plan, "/o"});
    expectSameValue(ModelSource{"/m", "/b", true, Quantization::Nf4, Compute::Fp32});
    expectSameValue(ChatMessage{"user", "hi"});
    GenerateOptions options;
    options.steer = {{1, 2, SteerExpert::Use::Force, 0.5}};
    options.activeExperts = 3;
    options.stop = {"a"};
    expectSameValue(options);
    TokenEvent token;
    token.id = 5;
    token.bytes = "\xc3";
    token.alternatives = {{7, "x", -0.5}};
    token.experts = {{1, 2}};
    token.weights = {{0.25f, 0.75f}};
    expectSameValue(token);
    EXPECT_EQ(json(token).get<TokenEvent>().bytes, "\xc3");
    expectSameValue(GenerateSummary{"t", 1, 2, 3, 4, "eos"});
    expectSameValue(EvaluateOutcome{"m", {{"b", 1}, {"a", 2}}, 1.5});
    RoutingStatistics statistics;
    statistics.maxVio = {0.5, 0.25};
    statistics.dead = {{1, 2}};
    expectSameValue(statistics);
    expectSameValue(ExportOutcome{0.5, 3});
}

// A name in a damaged file reaches the terminal as characters, not as commands.
TEST(ErrorLines, HoldNoControlCharactersAndOnlyUtf8) {
    const Error error{
        ErrorCode::FileBad,
        {{"file", "m\x1B[2J\t.json"}, {"place", "\x82\xC2\x9B"}, {"detail", "é 🙂 \xED\xA0\x80"}}};
    const std::string lines = errorLines(error);
    EXPECT_NE(lines.find("(m\uFFFD[2J\uFFFD.json, \uFFFD\uFFFD\uFFFD):\n  é 🙂 \uFFFD\uFFFD\uFFFD.\n"),
              std::string::npos)
        << lines;
}

}  // namespace
}  // namespace caravan::engine
