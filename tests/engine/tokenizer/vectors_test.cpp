// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/engine/tokenizer/tokenizer_fixtures.h"

namespace caravan::engine {
namespace {

using test::load;
using test::readLines;
using test::readText;
using test::tokenizerData;

class ByteLevelVectors : public testing::TestWithParam<const char*> {};

TEST_P(ByteLevelVectors, IdsAndTextAreExact) {
    const auto tokenizer = load(tokenizerData(std::string("bpe/") + GetParam()));
    const auto lines = readLines(tokenizerData(std::string("bpe/") + GetParam() + "/ids.jsonl"));
    ASSERT_EQ(lines.size(), 565u);
    for (const std::string& line : lines) {
        const auto row = nlohmann::json::parse(line);
        const auto text = row["text"].get<std::string>();
        const auto ids = row["ids"].get<std::vector<TokenId>>();
        EXPECT_EQ(tokenizer->encode(text, {.parseSpecials = true}), ids) << text;
        EXPECT_EQ(tokenizer->decode(ids), row["decoded"].get<std::string>()) << text;
    }
}
INSTANTIATE_TEST_SUITE_P(Families, ByteLevelVectors,
                         testing::Values("gpt2", "llama3", "qwen2", "prefix-space", "digits"));

TEST(SentencePieceVectors, ReferenceIds) {
    const auto llama = load(tokenizerData("llama2/tokenizer.model"));
    const auto t5 = load(tokenizerData("t5"));
    const auto lines = readLines(tokenizerData("sentencepiece_ids.jsonl"));
    ASSERT_EQ(lines.size(), 1357u);
    for (const std::string& line : lines) {
        const auto row = nlohmann::json::parse(line);
        const auto text = row["text"].get<std::string>();
        EXPECT_EQ(llama->encode(text), row["llama2"].get<std::vector<TokenId>>()) << text;
        EXPECT_EQ(t5->encode(text), row["t5_unigram"].get<std::vector<TokenId>>()) << text;
    }
}

struct FamilyVectors {
    const char* folder;
    const char* file;
};
class SeparatedVectors : public testing::TestWithParam<FamilyVectors> {};

TEST_P(SeparatedVectors, IdsAreExact) {
    const std::string folder = tokenizerData(GetParam().folder);
    const auto tokenizer = load(folder + GetParam().file);
    const std::string separator = "\n__ggml_vocab_test__\n", input = readText(folder + "/vectors.inp");
    const auto expected = readLines(folder + "/vectors.out");
    std::size_t at = 0;
    for (const std::string& line : expected) {
        const std::size_t end = std::min(input.find(separator, at), input.size());
        const std::string text = input.substr(at, end - at);
        std::istringstream numbers(line);
        const std::vector<TokenId> ids{std::istream_iterator<TokenId>(numbers), {}};
        EXPECT_EQ(tokenizer->encode(text), ids) << text;
        at = end + separator.size();
    }
    EXPECT_GE(expected.size(), 40u);
}
INSTANTIATE_TEST_SUITE_P(Families, SeparatedVectors,
                         testing::Values(FamilyVectors{"llama2", "/tokenizer.model"},
                                         FamilyVectors{"llama2", "/tokenizer.json"},
                                         FamilyVectors{"qwen2", ""}));

// The same vocabulary in both forms gives the same ids for text without special names.
TEST(Llama2Forms, JsonAndModelAgree) {
    const auto model = load(tokenizerData("llama2/tokenizer.model")),
               json = load(tokenizerData("llama2/tokenizer.json"));
    for (const std::string& line : readLines(tokenizerData("sentencepiece_ids.jsonl"))) {
        const auto text = nlohmann::json::parse(line)["text"].get<std::string>();
        EXPECT_EQ(json->encode(text), model->encode(text)) << text;
        EXPECT_EQ(json->decode(model->encode(text)), model->decode(model->encode(text))) << text;
    }
}

}  // namespace
}  // namespace caravan::engine
