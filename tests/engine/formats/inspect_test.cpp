// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "engine/formats/model_folder.h"
#include "tests/engine/formats/temporary_folder.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

std::int64_t share(const ModelInspection& inspection, const std::string& key) {
    for (const ParameterShare& s : inspection.shares)
        if (s.key == key) return s.parameters;
    return 0;
}

TEST(Inspect, theDemoModel) {
    const auto found = inspectModel(fs::path(CARAVAN_SOURCE_DIR) / "resources/demo/base-16m");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, "dense");
    EXPECT_EQ(found->name, "base-16m");
    EXPECT_EQ(found->architecture, "Llama");
    EXPECT_EQ(found->parameters, 15'735'168);
    EXPECT_EQ(share(*found, "embeddings"), 8192 * 384);
    EXPECT_EQ(share(*found, "ffn"), 8 * 3 * 384 * 1024);
    EXPECT_EQ(share(*found, "norms"), 17 * 384);
    EXPECT_EQ(share(*found, "head"), 0);
    EXPECT_EQ(found->files, 3);
    EXPECT_TRUE(found->canUpcycle);
    EXPECT_TRUE(found->reasons.empty());
    EXPECT_NE(found->tokenizer, "none");
    EXPECT_EQ(found->tokenizerFile, "tokenizer.model");
}

TEST(Inspect, mixturesAndLorasCannotBeUpcycled) {
    const auto mixture = inspectModel(test::dataFolder() / "hf/camelidae_8e_top2");
    ASSERT_TRUE(mixture);
    EXPECT_EQ(mixture->kind, "moe");
    EXPECT_FALSE(mixture->canUpcycle);
    EXPECT_NE(mixture->reasons.at(0).find("8 experts"), std::string::npos);
    EXPECT_EQ(share(*mixture, "adapters"), 2 * 8 * 2 * 64 * 12);
    EXPECT_EQ(share(*mixture, "routers"), 2 * 8 * 64);
    const auto lora = inspectModel(test::dataFolder() / "hf/lora_dense/adapter");
    ASSERT_TRUE(lora);
    EXPECT_EQ(lora->kind, "lora");
    EXPECT_FALSE(lora->canUpcycle);
    EXPECT_EQ(lora->base, (test::dataFolder() / "hf/lora_dense/base").string());
    EXPECT_EQ(lora->config.hidden, 64);
}

TEST(Inspect, wholeButUnusable) {
    const TemporaryFolder folder;
    folder.write("config.json", R"({"model_type":"gemma","architectures":["GemmaForCausalLM"]})");
    const auto found = inspectModel(folder.path());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, "unusable");
    EXPECT_EQ(found->architecture, "gemma");
    EXPECT_FALSE(found->canUpcycle);
    ASSERT_EQ(found->reasons.size(), 2u);
    EXPECT_NE(found->reasons[0].find("gemma"), std::string::npos);
    EXPECT_NE(found->reasons[1].find("Mistral"), std::string::npos);
}

TEST(Inspect, brokenFoldersAreErrors) {
    const TemporaryFolder folder;
    EXPECT_EQ(inspectModel(folder.path()).error().code, ErrorCode::FileMissing);
    EXPECT_EQ(inspectModel(folder.path() / "none").error().code, ErrorCode::FileMissing);
    folder.write("config.json", "{");
    EXPECT_EQ(inspectModel(folder.path()).error().code, ErrorCode::FileBad);
}

TEST(Inspect, aLoraWithoutItsBase) {
    const TemporaryFolder folder;
    fs::copy(test::dataFolder() / "hf/lora_dense/adapter", folder.path(), fs::copy_options::recursive);
    const auto found = inspectModel(folder.path());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->reasons.size(), 2u);
    const auto said = inspectModel(folder.path(), (test::dataFolder() / "hf/lora_dense/base").string());
    ASSERT_TRUE(said);
    EXPECT_EQ(said->config.layers, 2);
}

}  // namespace
}  // namespace caravan::engine
