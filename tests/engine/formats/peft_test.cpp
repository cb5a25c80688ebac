// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/peft.h"

#include <gtest/gtest.h>

#include "engine/formats/model_folder.h"
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

TEST(Peft, foldersOpenAgainstTheirBase) {
    for (const char* name : {"hf/lora_dense", "hf/lora_camelidae"}) {
        const fs::path folder = test::dataFolder() / name / "adapter";
        ASSERT_TRUE(isPeftFolder(folder));
        const auto config = readPeftConfig(folder);
        ASSERT_TRUE(config) << say(config.error());
        EXPECT_EQ(config->rank, 8);
        EXPECT_EQ(config->scaleOf("model.layers.0.self_attn.q_proj"), 2.0);
        EXPECT_EQ(config->targets.size(), 7u);
        EXPECT_EQ(peftBase(*config, folder), fs::path(test::dataFolder() / name / "base"));
        const auto base = readModelConfig(peftBase(*config, folder));
        ASSERT_TRUE(base);
        const auto opened = openPeftFolder(folder, *base);
        ASSERT_TRUE(opened) << say(opened.error());
        EXPECT_EQ(opened->pairs.size(), 14u);
        EXPECT_EQ(opened->pairs[0].key, "base_model.model.model.layers.0.self_attn.q_proj");
    }
}

TEST(Peft, patternsAndRsLora) {
    PeftConfig config;
    config.rank = 8;
    config.alpha = 16;
    config.rankPattern = {{"q_proj", 4}, {"model.layers.1.mlp.up_proj", 2}};
    config.alphaPattern = {{"q_proj", 32}};
    EXPECT_EQ(config.rankOf("model.layers.0.self_attn.q_proj"), 4);
    EXPECT_EQ(config.rankOf("model.layers.1.mlp.up_proj"), 2);
    EXPECT_EQ(config.rankOf("model.layers.11.mlp.up_proj"), 8);
    EXPECT_EQ(config.scaleOf("model.layers.0.self_attn.q_proj"), 8.0);
    config.rsLora = true;
    EXPECT_EQ(config.scaleOf("model.layers.0.self_attn.q_proj"), 16.0);
}

TEST(Peft, otherAdaptersAreRefused) {
    const fs::path source = test::dataFolder() / "hf/lora_dense/adapter";
    for (const json& change : {json{{"peft_type", "IA3"}}, json{{"use_dora", true}}, json{{"bias", "all"}},
                               json{{"modules_to_save", {"lm_head"}}}, json{{"target_modules", {"lm_head"}}},
                               json{{"target_modules", ".*_proj"}}, json{{"r", 0}}, json{{"r", 4}},
                               json{{"init_lora_weights", "pissa"}}, json{{"lora_alpha", "x"}},
                               json{{"rank_pattern", {{"q_proj", 3}}}}, json{{"rank_pattern", {{".*q", 3}}}},
                               json{{"target_modules", nullptr}}}) {
        const TemporaryFolder folder;
        fs::copy(source, folder.path(), fs::copy_options::recursive);
        json config = json::parse(test::readAll(source / "adapter_config.json"));
        config.update(change);
        folder.write("adapter_config.json", config.dump());
        EXPECT_FALSE(
            openPeftFolder(folder.path(), *readModelConfig(test::dataFolder() / "hf/lora_dense/base")))
            << change;
    }
}

}  // namespace
}  // namespace caravan::engine
