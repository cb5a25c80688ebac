// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

#include "engine/api/config/descriptors.h"

namespace caravan::engine {
namespace {

using nlohmann::json;

Recipe filled() {
    Recipe r;
    r.model.path = "base";
    r.data.files = {{"a.jsonl", "code", 2.0}, {"b.jsonl", "", 1.0}};
    r.data.heldout = {{"h.jsonl", "code", 1.0}};
    return r;
}

std::vector<std::string> keysOf(const std::vector<Problem>& problems, bool warnings) {
    std::vector<std::string> out;
    for (const Problem& p : problems)
        if (p.warning == warnings) out.push_back(p.key);
    return out;
}

TEST(Recipe, everyFieldGoesThroughJson) {
    Recipe r = filled();
    r.model.quantization = Quantization::None;
    r.upcycle = {UpcycleMethod::None, 3, 1, 7, 1.5, "0-3,7"};
    r.data.templateName = "model";
    r.data.packing = Packing::Padded;
    r.data.heldoutFraction = 0.1;
    r.data.longRows = LongRows::Turns;
    r.data.files.front().columns.format = FileFormat::Csv;
    r.data.files.front().columns.shape = RowShape::Alpaca;
    r.data.files.front().columns.prompt = "question";
    r.tune.steps = 11;
    r.tune.epochs = 2.5;
    r.tune.batchRows = 5;
    r.tune.batchSequences = 4;
    r.tune.microBatchTokens = 4096;
    r.tune.sequenceLength = 512;
    r.tune.learningRate = 1e-3;
    r.tune.schedule = Schedule::Cosine;
    r.tune.warmupRatio = 0.5;
    r.tune.maxGradientNorm = 0;
    r.tune.optimizer = OptimizerKind::AdamW8bit;
    r.tune.trained = TrainedValues::Bf16;
    r.tune.beta1 = 0.8;
    r.tune.beta2 = 0.95;
    r.tune.eps = 1e-6;
    r.tune.weightDecay = 0.1;
    r.tune.loraRank = 0;
    r.tune.loraAlpha = 1;
    r.tune.loraDropout = 0;
    r.tune.loraTargets = {"v_proj"};
    r.tune.adapterDropout = 0;
    r.tune.balance = 0;
    r.tune.balanceScope = BalanceScope::Batch;
    r.tune.recompute = Recompute::GateUp;
    r.tune.compute = Compute::Bf16;
    r.tune.dequantization = Dequantization::Cache;
    r.tune.repeatability = Repeatability::Fast;
    r.tune.graph = StepGraph::Off;
    r.tune.checkpointEvery = 1;
    r.tune.evaluateEvery = 2;
    r.tune.sampleEvery = 3;
    r.tune.samples = {"hello", "world"};
    r.tune.keep = Keeping::Best;
    r.tune.earlyStop = 3;
    r.seed = 18446744073709551615ull;
    const json written = recipeToJson(r);
    const auto back = recipeFromJson(json::parse(written.dump()));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, r);
    const json plain = recipeToJson(Recipe{});
    for (const FieldDescriptor& field : recipeFields()) {
        const std::size_t dot = field.key.find('.');
        const auto at = [&](const json& j) {
            return dot == std::string::npos ? j.at(field.key)
                                            : j.at(field.key.substr(0, dot)).at(field.key.substr(dot + 1));
        };
        EXPECT_NE(at(written), at(plain))
            << field.key << " was not changed by this test: it proves nothing for it";
    }
}

TEST(Recipe, theTableIsWhole) {
    std::set<std::string> keys;
    for (const FieldDescriptor& field : recipeFields()) {
        EXPECT_TRUE(keys.insert(field.key).second) << field.key;
        EXPECT_FALSE(field.label.empty() || field.help.empty() || rangeText(field).empty()) << field.key;
        EXPECT_EQ(findField(field.key), &field);
        Recipe copy;
        EXPECT_TRUE(field.set(copy, field.get(Recipe{}))) << field.key << ": its default is refused";
    }
    EXPECT_EQ(keys.size(), 48u);
}

TEST(Recipe, unknownKeysNameTheNearest) {
    Recipe r;
    for (const auto& [key, nearest] : {std::pair{"tune.lora_rnk", "tune.lora_rank"},
                                       {"upcycle.expert", "upcycle.experts"},
                                       {"learning_rate", "tune.learning_rate"},
                                       {"tune.stop_after", ""}}) {
        const auto done = setField(r, key, "1");
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, ErrorCode::UnknownKey);
        if (*nearest) {
            EXPECT_EQ(done.error().parameter("nearest"), nearest);
        }
    }
    EXPECT_EQ(setField(r, "zzzzzzzzzzzzzzzzzzzzzzz", "1").error().parameter("nearest"), "");
    EXPECT_EQ(recipeFromJson({{"tune", {{"epoch", 1}}}}).error().parameter("nearest"), "tune.epochs");
    EXPECT_EQ(recipeFromJson({{"tunes", {{"epochs", 1}}}}).error().code, ErrorCode::UnknownKey);
    EXPECT_EQ(recipeFromJson({{"data", {{"files", {{{"path", "a"}, {"nme", "b"}}}}}}}).error().code,
              ErrorCode::UnknownKey);
}

TEST(Recipe, setTakesJsonAndBareStrings) {
    Recipe r;
    EXPECT_TRUE(setField(r, "tune.learning_rate", "1e-3"));
    EXPECT_EQ(r.tune.learningRate, 1e-3);
    EXPECT_TRUE(setField(r, "upcycle.method", "none"));
    EXPECT_EQ(r.upcycle.method, UpcycleMethod::None);
    EXPECT_TRUE(setField(r, "upcycle.method", "\"pesc\""));
    EXPECT_TRUE(setField(r, "tune.betas", "[0.8,0.9]"));
    EXPECT_EQ(r.tune.beta2, 0.9);
    EXPECT_TRUE(setField(r, "tune.steps", "30"));
    EXPECT_TRUE(setField(r, "tune.steps", "null"));
    EXPECT_FALSE(r.tune.steps);
    EXPECT_TRUE(setField(r, "tune.lora_targets", "q_proj,v_proj"));
    EXPECT_EQ(r.tune.loraTargets, (std::vector<std::string>{"q_proj", "v_proj"}));
    EXPECT_TRUE(setField(r, "model.path", "0001"));
    EXPECT_EQ(r.model.path, "0001");
    EXPECT_TRUE(setField(r, "upcycle.layers", "0-3,7"));
    EXPECT_TRUE(setField(r, "data.files", R"(["a.jsonl",{"path":"b","weight":0.5}])"));
    EXPECT_EQ(r.data.files[1].weight, 0.5);
}

TEST(Recipe, wrongTypesAndRangesAreRefused) {
    for (const auto& [key, value] : {std::pair{"upcycle.experts", "0"},
                                     {"upcycle.experts", "129"},
                                     {"upcycle.experts", "2.5"},
                                     {"upcycle.experts", "many"},
                                     {"upcycle.experts", "null"},
                                     {"tune.learning_rate", "-1"},
                                     {"tune.learning_rate", "NaN"},
                                     {"tune.learning_rate", "1e999"},
                                     {"tune.lora_dropout", "1"},
                                     {"tune.betas", "[0.9]"},
                                     {"tune.betas", "[0.9,1.5]"},
                                     {"tune.lora_targets", "lm_head"},
                                     {"model.quantization", "int4"},
                                     {"seed", "-1"},
                                     {"tune.steps", "0"},
                                     {"data.files", "a.jsonl"},
                                     {"data.files", "[{\"path\":1}]"},
                                     {"data.files", "[{\"path\":\"a\",\"weight\":-1}]"},
                                     {"upcycle.experts", "9223372036854775808"}}) {
        Recipe r;
        const auto done = setField(r, key, value);
        ASSERT_FALSE(done) << key << " " << value;
        EXPECT_EQ(done.error().code, ErrorCode::BadOption);
        EXPECT_NE(done.error().parameter("range"), "");
        EXPECT_EQ(r, Recipe{}) << key;
    }
}

TEST(Recipe, limitsAreTakenOut) {
    json recipe = {{"tune", {{"stop_after", 20}, {"epochs", 2}}}};
    EXPECT_EQ(takeRunLimits(recipe)->stopAfter, 20);
    EXPECT_TRUE(recipeFromJson(recipe));
    RunLimits limits;
    EXPECT_TRUE(setLimit(limits, "tune.stop_after", "5").value());
    EXPECT_EQ(limits.stopAfter, 5);
    EXPECT_FALSE(setLimit(limits, "tune.steps", "5").value());
    EXPECT_FALSE(setLimit(limits, "tune.stop_after", "0"));
}

TEST(Validate, aGoodRecipeHasNoProblem) {
    EXPECT_TRUE(validate(filled(), nullptr).empty());
    ModelConfig model;
    model.layers = 8;
    model.hidden = 4096;
    model.maxPositions = 4096;
    EXPECT_TRUE(validate(filled(), &model).empty());
}

TEST(Validate, allProblemsAtOnceWithAValidNeighbour) {
    Recipe r = filled();
    r.model.path = "";
    r.upcycle.experts = 200;
    r.upcycle.layers = "0-99";
    r.tune.learningRate = std::nan("");
    r.tune.loraDropout = 1.5;
    r.tune.sequenceLength = 4096;
    r.data.files.clear();
    ModelConfig model;
    model.layers = 8;
    model.hidden = 384;
    model.maxPositions = 1024;
    const auto problems = validate(r, &model);
    EXPECT_EQ(
        keysOf(problems, false),
        (std::vector<std::string>{"upcycle.experts", "tune.learning_rate", "tune.lora_dropout", "model.path",
                                  "upcycle.layers", "data.files", "tune.sequence_length"}));
    for (const Problem& p : problems) {
        if (p.nearestValid.empty() || p.warning) continue;
        EXPECT_TRUE(setField(r, p.key, p.nearestValid)) << p.key;
    }
    r.model.path = "base";
    r.tune.learningRate = 1e-3;
    r.data = filled().data;
    EXPECT_TRUE(keysOf(validate(r, &model), false).empty());
}

TEST(Validate, rulesBetweenFields) {
    Recipe r = filled();
    r.upcycle.experts = 4;
    r.upcycle.topK = 5;
    EXPECT_EQ(keysOf(validate(r, nullptr), false), std::vector<std::string>{"upcycle.top_k"});
    r.upcycle.topK = 1;
    EXPECT_EQ(keysOf(validate(r, nullptr), true), std::vector<std::string>{"upcycle.top_k"});
    r.upcycle.experts = 1;
    EXPECT_TRUE(validate(r, nullptr).empty());
    r.upcycle.method = UpcycleMethod::None;
    r.tune.loraRank = 0;
    EXPECT_EQ(keysOf(validate(r, nullptr), false), std::vector<std::string>{"tune.lora_rank"});
    r = filled();
    r.tune.sequenceLength = 512;
    r.tune.microBatchTokens = 256;
    EXPECT_EQ(keysOf(validate(r, nullptr), false), std::vector<std::string>{"tune.micro_batch_tokens"});
    r = filled();
    ModelConfig mixture;
    mixture.layers = 8;
    mixture.hidden = 4096;
    mixture.maxPositions = 4096;
    mixture.moe.emplace();
    EXPECT_EQ(keysOf(validate(r, &mixture), false), std::vector<std::string>{"upcycle.method"});
}

TEST(Layers, textBothWays) {
    using V = std::vector<std::int64_t>;
    EXPECT_EQ(parseLayers("all", 3).value(), (V{0, 1, 2}));
    EXPECT_EQ(parseLayers("0-3,7", 8).value(), (V{0, 1, 2, 3, 7}));
    EXPECT_EQ(parseLayers(" 7 , 0 - 1,1", 8).value(), (V{0, 1, 7}));
    for (const char* text : {"", ",", "8", "3-1", "-1", "1-", "a", "0-8", "0,,1", "1.5",
                             "99999999999999999999", "0-99999999999"})
        EXPECT_FALSE(parseLayers(text, 8)) << text;
    EXPECT_EQ(formatLayers({0, 1, 2, 3, 7}, 8), "0-3,7");
    EXPECT_EQ(formatLayers({0, 1, 2}, 3), "all");
    EXPECT_EQ(formatLayers({4}, 8), "4");
}

TEST(Presets, theReferenceRunReads) {
    std::ifstream in(std::string(CARAVAN_SOURCE_DIR) + "/resources/presets/reference.json");
    const auto recipe = recipeFromJson(json::parse(in));
    ASSERT_TRUE(recipe);
    // The data are said on the command line: they do not come with the program.
    EXPECT_EQ(keysOf(validate(*recipe, nullptr), false), std::vector<std::string>{"data.files"});
    EXPECT_EQ(recipe->tune.sequenceLength, 512);
    EXPECT_EQ(recipe->upcycle.adapterSize, 64);
}

TEST(Recipe, columnMappingsAreChecked) {
    const auto read = [](const char* columns) {
        return recipeFromJson(
            json{{"data", {{"files", {{{"path", "a.csv"}, {"columns", json::parse(columns)}}}}}}});
    };
    const auto good = read(R"({"shape":"messages","messages":"log","role":"who"})");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->data.files[0].columns.shape, RowShape::Messages);
    EXPECT_EQ(good->data.files[0].columns.role, "who");
    EXPECT_EQ(read(R"({"shape":"poem"})").error().code, ErrorCode::BadOption);
    EXPECT_EQ(read(R"({"promt":"x"})").error().code, ErrorCode::UnknownKey);
    EXPECT_EQ(read(R"({"prompt":3})").error().code, ErrorCode::BadOption);
    EXPECT_EQ(read(R"([])").error().code, ErrorCode::BadOption);
    Recipe recipe;
    EXPECT_TRUE(setField(recipe, "data.template", "chatml"));
    EXPECT_FALSE(setField(recipe, "data.template", "vicuna"));
}

}  // namespace
}  // namespace caravan::engine
