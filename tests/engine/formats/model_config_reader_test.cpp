// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What config.json says, without a weight beside it.
#include <gtest/gtest.h>

#include "engine/formats/model_folder.h"

namespace caravan::engine {
namespace {

using nlohmann::json;

std::string say(const Error& error) {
    std::string out;
    for (const auto& [key, value] : error.parameters)
        out += key + "=" + value + " ";
    return out;
}

ModelConfig parsed(json changes, json generation = nullptr) {
    json config = {{"model_type", "llama"},  {"hidden_size", 64},        {"intermediate_size", 112},
                   {"num_hidden_layers", 4}, {"num_attention_heads", 4}, {"vocab_size", 320}};
    config.update(changes);
    auto result = parseModelConfig(config, generation, "config.json");
    EXPECT_TRUE(result) << say(result.error());
    return result.value_or(ModelConfig{});
}

TEST(ModelConfigReader, bothSpellingsOfRope) {
    EXPECT_EQ(parsed({{"rope_theta", 5e5}}).rope.theta, 5e5);
    EXPECT_EQ(parsed({{"rope_parameters", {{"rope_theta", 5e5}, {"rope_type", "default"}}}}).rope.theta, 5e5);
    EXPECT_EQ(
        parsed({{"rope_theta", 5e5}, {"rope_parameters", nullptr}, {"rope_scaling", nullptr}}).rope.theta,
        5e5);
    const RopeConfig linear{RopeKind::Linear, 1e4, 2.0};
    EXPECT_EQ(parsed({{"rope_scaling", {{"type", "linear"}, {"factor", 2}}}}).rope, linear);
    EXPECT_EQ(parsed({{"rope_parameters", {{"rope_type", "linear"}, {"factor", 2.0}}}}).rope, linear);
    const json three = {{"rope_type", "llama3"},
                        {"factor", 8.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 8192}};
    const RopeConfig llama3{RopeKind::Llama3, 5e5, 8.0, 1.0, 4.0, 8192};
    EXPECT_EQ(parsed({{"rope_theta", 5e5}, {"rope_scaling", three}}).rope, llama3);
    json five = three;
    five["rope_theta"] = 5e5;
    EXPECT_EQ(parsed({{"rope_parameters", five}}).rope, llama3);
}

// Two answers in one file: none of them is taken.
TEST(ModelConfigReader, ropeThatIsToldTwiceMustBeOne) {
    const json three = {{"rope_type", "llama3"},   {"rope_theta", 5e5},
                        {"factor", 8.0},           {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 8192}};
    json base = {{"model_type", "llama"},   {"hidden_size", 64},        {"intermediate_size", 112},
                 {"num_hidden_layers", 4},  {"num_attention_heads", 4}, {"vocab_size", 320},
                 {"rope_parameters", three}};
    EXPECT_TRUE(parseModelConfig(base, nullptr, "config.json"));
    json same = base, other = base, moved = base;
    same["rope_scaling"] = three;
    same["original_max_position_embeddings"] = 8192;
    EXPECT_TRUE(parseModelConfig(same, nullptr, "config.json"));
    other["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
    const auto refused = parseModelConfig(other, nullptr, "config.json");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().parameter("place"), "key rope_scaling");
    moved["original_max_position_embeddings"] = 4096;
    const auto contradicted = parseModelConfig(moved, nullptr, "config.json");
    ASSERT_FALSE(contradicted);
    EXPECT_EQ(contradicted.error().parameter("place"), "key original_max_position_embeddings");
}

TEST(ModelConfigReader, theFirstLlamaFiles) {
    const ModelConfig c = parsed({{"architectures", {"LLaMAForCausalLM"}},
                                  {"max_sequence_length", 1024},
                                  {"pad_token_id", -1},
                                  {"torch_dtype", "float16"},
                                  {"bos_token_id", 0},
                                  {"eos_token_id", 1}});
    EXPECT_EQ(c.kvHeads, 4);
    EXPECT_EQ(c.headSize, 16);
    EXPECT_EQ(c.maxPositions, 1024);
    EXPECT_FALSE(c.padId);
    EXPECT_EQ(c.storedType, DType::F16);
    EXPECT_FALSE(c.tiedEmbeddings);
}

TEST(ModelConfigReader, tokenIds) {
    EXPECT_EQ(parsed({{"eos_token_id", {7, 8}}}).eosIds, (std::vector<std::int32_t>{7, 8}));
    EXPECT_EQ(parsed({{"eos_token_id", 7}}, {{"eos_token_id", {9, 10}}}).eosIds,
              (std::vector<std::int32_t>{9, 10}));
    EXPECT_EQ(parsed({{"eos_token_id", nullptr}}, {{"bos_token_id", 3}}).bosId, 3);
    EXPECT_TRUE(parsed({{"eos_token_id", nullptr}}).eosIds.empty());
}

TEST(ModelConfigReader, windows) {
    EXPECT_EQ(parsed({{"model_type", "mistral"}, {"sliding_window", 24}}).slidingWindow, 24);
    EXPECT_EQ(parsed({{"model_type", "mistral"}, {"sliding_window", nullptr}}).slidingWindow, std::nullopt);
    EXPECT_EQ(parsed({{"model_type", "mistral"}}).slidingWindow, 4096);
    EXPECT_EQ(parsed({{"model_type", "qwen2"}, {"sliding_window", 24}}).slidingWindow, std::nullopt);
    const ModelConfig upper = parsed({{"model_type", "qwen2"},
                                      {"sliding_window", 24},
                                      {"use_sliding_window", true},
                                      {"max_window_layers", 2}});
    EXPECT_EQ(upper.slidingWindow, 24);
    EXPECT_EQ(upper.slidingLayers, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(parsed({{"model_type", "qwen2"},
                      {"sliding_window", nullptr},
                      {"use_sliding_window", true},
                      {"max_window_layers", 2}})
                  .slidingWindow,
              std::nullopt);
    const ModelConfig typed = parsed(
        {{"model_type", "qwen3"},
         {"sliding_window", 24},
         {"use_sliding_window", true},
         {"layer_types", {"full_attention", "sliding_attention", "full_attention", "full_attention"}}});
    EXPECT_EQ(typed.slidingLayers, std::vector<std::int64_t>{1});
    json mistral = {
        {"model_type", "mistral"},
        {"sliding_window", 24},
        {"layer_types", {"full_attention", "full_attention", "sliding_attention", "full_attention"}}};
    EXPECT_EQ(parsed(mistral).slidingLayers, std::vector<std::int64_t>{2});
    mistral["layer_types"][2] = "full_attention";
    EXPECT_EQ(parsed(mistral).slidingWindow, std::nullopt);
    mistral["layer_types"] = {"sliding_attention", "sliding_attention", "sliding_attention",
                              "sliding_attention"};
    EXPECT_EQ(parsed(mistral).slidingWindow, 24);
    EXPECT_TRUE(parsed(mistral).slidingLayers.empty());
}

TEST(ModelConfigReader, biasesAndNorms) {
    const ModelConfig qwen2 = parsed({{"model_type", "qwen2"}});
    EXPECT_TRUE(qwen2.qkvBias && !qwen2.outputBias && !qwen2.qkNorm);
    const ModelConfig qwen3 = parsed({{"model_type", "qwen3"}, {"head_dim", 24}});
    EXPECT_TRUE(!qwen3.qkvBias && qwen3.qkNorm);
    EXPECT_EQ(qwen3.queryWidth(), 96);
    EXPECT_EQ(parsed({{"model_type", "qwen3"}}).headSize, 128);  // its class' default
    const ModelConfig llama = parsed({{"attention_bias", true}, {"mlp_bias", true}});
    EXPECT_TRUE(llama.qkvBias && llama.outputBias && llama.mlpBias);
}

}  // namespace
}  // namespace caravan::engine
