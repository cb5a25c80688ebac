// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/model_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/engine/formats/temporary_folder.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::TemporaryFolder;

std::string say(const Error& error) {
    std::string out;
    for (const auto& [key, value] : error.parameters)
        out += key + "=" + value + " ";
    return out;
}

class Fixture : public testing::TestWithParam<const char*> {};
TEST_P(Fixture, opensWhole) {
    const auto model = openModelFolder(test::dataFolder() / GetParam());
    ASSERT_TRUE(model) << say(model.error());
    EXPECT_EQ(model->config.hidden, 64);
    EXPECT_EQ(model->config.storedType, DType::F32);
    EXPECT_EQ(readModelConfig(test::dataFolder() / GetParam()).value(), model->config);
}
INSTANTIATE_TEST_SUITE_P(All, Fixture,
                         testing::Values("hf/camelidae_6e_top3", "hf/camelidae_8e_top2", "hf/llama2",
                                         "hf/llama31_scaled", "hf/llama_gqa_tied", "hf/llama_linear_scaled",
                                         "hf/lora_camelidae/base", "hf/lora_dense/base", "hf/mistral_sw",
                                         "hf/qwen2_bias", "hf/qwen3_qknorm", "hf/sparsetral_8e_top2",
                                         "hf/yi_like", "models/stories260k"));

TEST(ModelFolder, demoModel) {
    const auto model = openModelFolder(fs::path(CARAVAN_SOURCE_DIR) / "resources/demo/base-16m");
    ASSERT_TRUE(model) << say(model.error());
    EXPECT_EQ(model->files.files().size(), 3u);
    EXPECT_EQ(model->config.storedType, DType::BF16);
    EXPECT_TRUE(model->config.tiedEmbeddings);
    EXPECT_EQ(model->config.eosIds, std::vector<std::int32_t>{2});
}

TEST(ModelFolder, mixturesAreFoundByTheirRouters) {
    const auto camelidae = readModelConfig(test::dataFolder() / "hf/camelidae_6e_top3");
    ASSERT_TRUE(camelidae && camelidae->moe);
    EXPECT_EQ(*camelidae->moe, (MoeConfig{6, 3, 10, 1.0, {0, 1}, AdapterKeyStyle::Camelidae}));
    const auto sparsetral = readModelConfig(test::dataFolder() / "hf/sparsetral_8e_top2");
    ASSERT_TRUE(sparsetral && sparsetral->moe);
    EXPECT_EQ(*sparsetral->moe, (MoeConfig{8, 2, 12, 0.25, {0, 1}, AdapterKeyStyle::Sparsetral}));
    EXPECT_EQ(sparsetral->architecture, Architecture::Mistral);
    EXPECT_FALSE(readModelConfig(test::dataFolder() / "hf/llama2")->moe);
}

// A copy of a fixture whose config.json is changed.
class Changed {
  public:
    explicit Changed(const char* fixture, const json& changes) {
        fs::copy(test::dataFolder() / fixture, m_folder.path(), fs::copy_options::recursive);
        json config = json::parse(test::readAll(path() / "config.json"));
        for (const auto& [key, value] : changes.items()) {
            if (value == "(erase)")
                config.erase(key);
            else
                config[key] = value;
        }
        m_folder.write("config.json", config.dump());
    }
    [[nodiscard]] const fs::path& path() const { return m_folder.path(); }
    [[nodiscard]] const TemporaryFolder& folder() const { return m_folder; }

  private:
    TemporaryFolder m_folder;
};

TEST(ModelFolder, wrongMixtureConfigsAreRefused) {
    for (const json& change :
         {json{{"num_experts", 7}}, json{{"num_experts", 9}}, json{{"adapter_dim", 13}}, json{{"topk", 9}},
          json{{"topk", 0}}, json{{"num_experts", nullptr}}, json{{"moe_layers", {0}}},
          json{{"moe_layers", {0, 2}}}, json{{"moe_layers", "all"}}, json{{"moe_scaling", "x"}}}) {
        const Changed model("hf/camelidae_8e_top2", change);
        EXPECT_FALSE(openModelFolder(model.path())) << change;
    }
    EXPECT_TRUE(openModelFolder(
        Changed("hf/camelidae_8e_top2", {{"moe_layers", {1, 0}}, {"model_type", "llama"}}).path()));
}

struct Shape {
    const char* key;
    json value;
};
TEST(ModelFolder, shapesAreCheckedAgainstTheConfig) {
    for (const auto& [key, value] :
         {Shape{"hidden_size", 32}, Shape{"intermediate_size", 113}, Shape{"vocab_size", 321},
          Shape{"num_hidden_layers", 3}, Shape{"num_hidden_layers", 1}, Shape{"num_key_value_heads", 2},
          Shape{"head_dim", 32}, Shape{"attention_bias", true}, Shape{"mlp_bias", true},
          Shape{"num_hidden_layers", 4096}}) {
        const Changed model("hf/llama2", {{key, value}});
        const auto opened = openModelFolder(model.path());
        ASSERT_FALSE(opened) << key;
        EXPECT_NE(opened.error().parameter("detail"), "") << key;
    }
}

TEST(ModelFolder, numbersThatAreNoneAreRefused) {
    for (const char* key :
         {"hidden_size", "intermediate_size", "vocab_size", "num_hidden_layers", "num_attention_heads"})
        for (const json& value : {json(0), json(-1), json(1e30), json(1.5), json("64"), json(nullptr),
                                  json(json::array()), json(9223372036854775807)}) {
            const Changed model("hf/llama2", {{key, value}});
            const auto opened = openModelFolder(model.path());
            ASSERT_FALSE(opened) << key << value;
            EXPECT_EQ(opened.error().parameter("place"), std::string("key ") + key) << value;
        }
}

TEST(ModelFolder, unsupportedModelsAreRefusedWithTheReason) {
    struct Case {
        json change;
        const char* reason;
    };
    const Case cases[] = {
        {{{"model_type", "gemma"}, {"architectures", {"GemmaForCausalLM"}}}, "gemma"},
        {{{"model_type", "mixtral"}}, "mixtral"},
        {{{"architectures", {"LlamaForSequenceClassification"}}}, "LlamaForSequenceClassification"},
        {{{"hidden_act", "gelu"}}, "gelu"},
        {{{"rope_parameters", {{"rope_type", "yarn"}, {"factor", 4.0}, {"rope_theta", 1e4}}}}, "yarn"},
        {{{"rope_parameters", nullptr}, {"rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}}}, "dynamic"},
        {{{"rope_parameters", {{"full_attention", {{"rope_theta", 1e4}}}}}}, "full_attention"},
        {{{"partial_rotary_factor", 0.5}}, "partial_rotary_factor"},
        {{{"quantization_config", {{"quant_method", "gptq"}, {"bits", 4}}}}, "gptq"},
        {{{"quantization_config", {{"quant_method", "bitsandbytes"}, {"load_in_8bit", true}}}}, "8 bits"},
        {{{"quantization_config",
           {{"quant_method", "bitsandbytes"}, {"load_in_4bit", true}, {"bnb_4bit_quant_type", "fp4"}}}},
         "fp4"},
    };
    for (const Case& c : cases) {
        const auto opened = openModelFolder(Changed("hf/llama2", c.change).path());
        ASSERT_FALSE(opened) << c.change;
        EXPECT_EQ(opened.error().code, ErrorCode::ModelUnsupported) << c.change;
        EXPECT_NE(opened.error().parameter("detail").find(c.reason), std::string::npos)
            << say(opened.error());
        EXPECT_EQ(opened.error().parameter("supported"), kSupportedModels);
    }
}

// "Tied" in the config, and yet a head in the file: the same one is the embedding, another one counts.
TEST(ModelFolder, aHeadOfItsOwnBesideTiedEmbeddings) {
    for (const bool same : {true, false}) {
        TemporaryFolder folder;
        fs::copy(test::dataFolder() / "hf/llama_gqa_tied", folder.path(), fs::copy_options::recursive);
        const auto source = openModelFolder(test::dataFolder() / "hf/llama_gqa_tied");
        ASSERT_TRUE(source && source->config.tiedEmbeddings);
        std::vector<TensorSpec> specs = expectedTensors(source->config);
        const TensorSpec embedding = specs.front();
        specs.push_back({"lm_head.weight", embedding.shape, embedding.dtype});
        auto writer = SafetensorsWriter::create(folder.path() / "model.safetensors", specs);
        ASSERT_TRUE(writer);
        for (const TensorSpec& spec : specs) {
            const bool head = spec.name == "lm_head.weight";
            const auto bytes = source->files.bytes(head ? embedding.name : spec.name);
            std::vector<std::byte> copy(bytes.begin(), bytes.end());
            if (head && !same) copy.back() ^= std::byte{1};
            ASSERT_TRUE(writer->write(spec.name, copy));
        }
        ASSERT_TRUE(writer->finish(SafetensorsWriter::Sync::No));
        const auto opened = openModelFolder(folder.path());
        ASSERT_TRUE(opened) << say(opened.error());
        EXPECT_EQ(opened->config.tiedEmbeddings, same);
        EXPECT_EQ(makeConfigJson(opened->configJson, opened->config)["tie_word_embeddings"], same);
    }
}

// As LlamaModel.save_pretrained writes it: no head, and no "model." before the names.
TEST(ModelFolder, namesWithoutTheirPrefix) {
    for (const bool tied : {true, false}) {
        TemporaryFolder folder;
        const fs::path from = test::dataFolder() / "hf/llama_gqa_tied";
        json config = json::parse(test::readAll(from / "config.json"));
        config["architectures"] = {"LlamaModel"};
        config["tie_word_embeddings"] = tied;
        folder.write("config.json", config.dump());
        const auto source = openModelFolder(from);
        ASSERT_TRUE(source);
        std::vector<TensorSpec> specs = expectedTensors(source->config);
        const auto bare = [](const std::string& name) { return name.substr(std::strlen("model.")); };
        for (TensorSpec& spec : specs)
            spec.name = bare(spec.name);
        auto writer = SafetensorsWriter::create(folder.path() / "model.safetensors", specs);
        ASSERT_TRUE(writer);
        for (const TensorSpec& spec : specs)
            ASSERT_TRUE(writer->write(spec.name, source->files.bytes("model." + spec.name)));
        ASSERT_TRUE(writer->finish(SafetensorsWriter::Sync::No));
        auto opened = openModelFolder(folder.path());
        if (!tied) {
            ASSERT_FALSE(opened);
            EXPECT_NE(say(opened.error()).find("lm_head.weight"), std::string::npos);
            continue;
        }
        ASSERT_TRUE(opened) << say(opened.error());
        const ModelFolder moved = std::move(*opened);
        EXPECT_EQ(moved.files.tensors().size(), specs.size());
        for (const TensorSpec& spec : expectedTensors(source->config))
            EXPECT_TRUE(std::ranges::equal(moved.files.bytes(spec.name), source->files.bytes(spec.name)))
                << spec.name;
        EXPECT_EQ(moved.files.find("norm.weight"), nullptr);
    }
}

TEST(ModelFiles, damagedFoldersAreNamed) {
    const Changed model("hf/llama2", json::object());
    fs::remove(model.path() / "model-00002-of-00004.safetensors");
    auto opened = openModelFolder(model.path());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::FileMissing);
    EXPECT_NE(opened.error().parameter("file").find("model-00002-of-00004"), std::string::npos);

    json index = json::parse(test::readAll(model.path() / "model.safetensors.index.json"));
    for (const char* shard : {"../x.safetensors", "/etc/passwd", "", "a/b.safetensors", "x.bin"}) {
        json changed = index;
        changed["weight_map"]["model.norm.weight"] = shard;
        model.folder().write("model.safetensors.index.json", changed.dump());
        EXPECT_FALSE(openModelFolder(model.path())) << shard;
    }
    for (const char* text :
         {"{}", "[]", "{\"weight_map\":{}}", "{\"weight_map\":[]}", "{\"weight_map\":{\"a\":1}}"}) {
        model.folder().write("model.safetensors.index.json", text);
        EXPECT_FALSE(openModelFolder(model.path())) << text;
    }
}

TEST(ModelFiles, theIndexMustTellTheTruth) {
    const Changed model("hf/llama2", json::object());
    json index = json::parse(test::readAll(model.path() / "model.safetensors.index.json"));
    index["weight_map"]["model.norm.weight"] = "model-00001-of-00004.safetensors";
    model.folder().write("model.safetensors.index.json", index.dump());
    EXPECT_FALSE(openModelFolder(model.path()));
    index["weight_map"].erase("model.norm.weight");
    model.folder().write("model.safetensors.index.json", index.dump());
    EXPECT_FALSE(openModelFolder(model.path()));
}

TEST(ModelFiles, picklesAreRefusedUnread) {
    const TemporaryFolder folder;
    folder.write("config.json", test::readAll(test::dataFolder() / "hf/llama2/config.json"));
    folder.write("pytorch_model.bin", "x");
    const auto opened = openModelFolder(folder.path());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().parameter("detail"),
              "pytorch_model.bin runs code when read. Only tensor storage is accepted");
}

TEST(ModelFiles, unknownTensorsAreNamed) {
    // q and k norms in what the config calls a Llama.
    const Changed model("hf/qwen3_qknorm",
                        {{"model_type", "llama"}, {"architectures", {"LlamaForCausalLM"}}});
    const auto opened = openModelFolder(model.path());
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().parameter("detail").find("_norm.weight"), std::string::npos);
}

TEST(ConfigWriter, keepsEveryKeyAndReadsBack) {
    const fs::path source = test::dataFolder() / "hf/qwen3_qknorm";
    const json original = json::parse(test::readAll(source / "config.json"));
    ModelConfig config = *readModelConfig(source);
    config.moe = MoeConfig{4, 2, 8, 0.5, {1}, AdapterKeyStyle::Camelidae};
    const json written = makeConfigJson(original, config);
    for (const auto& [key, value] : original.items())
        EXPECT_EQ(written.at(key), key == "model_type" ? json("camelidae") : value) << key;
    EXPECT_EQ(written.at("num_experts"), 4);
    EXPECT_EQ(written.at("moe_layers"), json({1}));
    const auto back = parseModelConfig(written, nullptr, "config.json");
    ASSERT_TRUE(back);
    EXPECT_EQ(back->architecture, Architecture::Qwen3);
    config.quantizedNf4 = true;
    EXPECT_TRUE(parseModelConfig(makeConfigJson(original, config), nullptr, "x")->quantizedNf4);
}

}  // namespace
}  // namespace caravan::engine
