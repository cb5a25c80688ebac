// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/api/result.h"
#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/normalizer.h"
#include "engine/tokenizer/pattern.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/utf8.h"
#include "tests/engine/tokenizer/tokenizer_fixtures.h"

// What the tokenizers library (0.23) gave for patterns, forms and classes where its rules are not those of
// PCRE2 and utf8proc.
namespace caravan::engine {
namespace {

using nlohmann::json;

std::vector<std::string> pieces(const json& preTokenizer, const std::string& text) {
    std::vector<std::string> out;
    for (const Word& word : PreTokenizer::fromJson(preTokenizer, "pre_tokenizer").apply({text, true}))
        out.push_back(word.text);
    return out;
}

std::vector<std::string> isolated(const std::string& pattern, const std::string& text) {
    return pieces({{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}}, text);
}

using Pieces = std::vector<std::string>;

TEST(Patterns, WordCharactersWithinAndOutsideOfSets) {
    EXPECT_EQ(isolated(R"(\w+)", "x½²y ⁶"), (Pieces{"x½²y", " ⁶"}));
    EXPECT_EQ(isolated(R"([\w]+)", "x½²y ⁶"), (Pieces{"x", "½²", "y", " ⁶"}));
    EXPECT_EQ(isolated(R"([^\W\d_]+)", "a²b⁶c1_d"), (Pieces{"a", "²", "b", "⁶", "c", "1_", "d"}));
    EXPECT_EQ(isolated(R"(\bfoo\b)", "foo²foo foo"), (Pieces{"foo²foo ", "foo"}));
    EXPECT_EQ(isolated(R"([\H]+)", "abxyz 12"), (Pieces{"ab", "xyz ", "12"}));
}

TEST(Patterns, SetsWithinSets) {
    EXPECT_EQ(isolated(R"([\p{L}&&[^a-z]]+)", "abCDéx"), (Pieces{"ab", "CDé", "x"}));
    EXPECT_EQ(isolated(R"([a-c[0-9]]+)", "ab12-d"), (Pieces{"ab12", "-d"}));
    EXPECT_EQ(isolated(R"([^&&a])", "ab"), (Pieces{"a", "b"}));
    EXPECT_EQ(isolated(R"([]a]+)", "]a["), (Pieces{"]a", "["}));
    EXPECT_EQ(isolated(R"([[:punct:]]+)", "a+!b€"), (Pieces{"a", "+!", "b", "€"}));
}

TEST(Patterns, FlagsEndWithTheirGroup) {
    EXPECT_EQ(isolated(R"(\p{Lu}(?i)b|c)", "AbACcaBC"), (Pieces{"Ab", "AC", "ca", "BC"}));
    EXPECT_EQ(isolated(R"((x(?i)a|b)c)", "xAc xBC xbc"), (Pieces{"xAc", " xBC ", "xbc"}));
}

TEST(Patterns, ScriptsAndNewCharacters) {
    EXPECT_EQ(isolated(R"(\p{Han}+)", "漢、字々"), (Pieces{"漢", "、", "字々"}));
    EXPECT_EQ(isolated(R"(\p{L}+)", "a\U00031350b\U0001FAE8\u1C89"),
              (Pieces{"a\U00031350b", "\U0001FAE8", "\u1C89"}));
    EXPECT_EQ(isolated(R"(\p{S}+)", "\U0001FAE8a\u2427"), (Pieces{"\U0001FAE8", "a", "\u2427"}));
}

TEST(Classes, OfTheReferencesTables) {
    EXPECT_EQ(pieces({{"type", "Punctuation"}, {"behavior", "Isolated"}}, "a\u061Db!\u166D"),
              (Pieces{"a\u061Db", "!", "\u166D"}));
    EXPECT_EQ(pieces({{"type", "Digits"}, {"individual_digits", true}}, "a\U0001CCF1\u0968"),
              (Pieces{"a", "\U0001CCF1", "\u0968"}));
    EXPECT_EQ(pieces({{"type", "Whitespace"}}, "x² ⓐ‿y"), (Pieces{"x", "²", "ⓐ‿y"}));
}

std::string normalized(const char* type, const std::string& text) {
    return Normalizer::fromJson({{"type", type}}, "normalizer").apply(text);
}

TEST(Forms, LeaveCharactersAloneThatTheReferenceDoesNotKnow) {
    EXPECT_EQ(normalized("NFC", "a\u0345\u08D3\u0334"), "a\u0345\u08D3\u0334");
    EXPECT_EQ(normalized("NFC", "a\u0301\u08D3\u0323"), "\u00E1\u08D3\u0323");
    EXPECT_EQ(normalized("NFC", "a\u0345\u0334"), "a\u0334\u0345");
    EXPECT_EQ(normalized("NFKC", "\u32FF\u33A1"), "\u32FFm2");
    EXPECT_EQ(normalized("NFD", "\U00011938\u00E9"), "\U00011938e\u0301");
    EXPECT_EQ(normalized("Lowercase", "\uA7DC\u0130Σ\U00010D50"), "\u019Bi\u0307σ\U00010D70");
    EXPECT_EQ(normalized("StripAccents", "e\u0301\u08D3"), "e\u08D3");
}

// A byte-level vocabulary of single bytes with the given added tokens behind it.
json byteTokenizer(const std::vector<json>& added) {
    json vocabulary;
    for (int byte = 0; byte < 256; ++byte) {
        std::string name;
        utf8::append(name, characterOfByte(static_cast<unsigned char>(byte)));
        vocabulary[name] = byte;
    }
    return {{"added_tokens", added},
            {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}},
            {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", json::array()}}},
            {"decoder", {{"type", "ByteLevel"}}}};
}

class TokenizerFile {
  public:
    explicit TokenizerFile(const json& content) { std::ofstream(m_path) << content.dump(); }
    TokenizerFile(const TokenizerFile&) = delete;
    TokenizerFile& operator=(const TokenizerFile&) = delete;
    ~TokenizerFile() { std::remove(m_path.c_str()); }
    [[nodiscard]] const std::string& path() const { return m_path; }

  private:
    std::string m_path = testing::TempDir() + "reference_rules_tokenizer.json";
};

TEST(AddedTokens, WhiteSpaceThatTheTokenBeforeTookAlongCountsAgain) {
    const TokenizerFile file(byteTokenizer(
        {{{"id", 256}, {"content", "<x>"}, {"rstrip", true}}, {{"id", 257}, {"content", "  "}}}));
    const auto tokenizer = test::load(file.path());
    EXPECT_EQ(tokenizer->encode("a<x>  b", {}), (std::vector<TokenId>{'a', 256, 257, 'b'}));
    EXPECT_EQ(tokenizer->encode("a<x>   b", {}), (std::vector<TokenId>{'a', 256, 257, ' ', 'b'}));
    EXPECT_EQ(tokenizer->encode("a<x> b", {}), (std::vector<TokenId>{'a', 256, 'b'}));
}

TEST(BpeModel, MergesByChanceAreRefused) {
    json content = byteTokenizer({});
    for (const json& harmless : {json(nullptr), json(0.0), json(0)}) {
        content["model"]["dropout"] = harmless;
        EXPECT_TRUE(loadTokenizer(TokenizerFile(content).path()));
    }
    content["model"]["dropout"] = 0.1;
    const auto refused = loadTokenizer(TokenizerFile(content).path());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().parameter("place"), "model.dropout");
}

json unigram(bool byteFallback) {
    return {{"model",
             {{"type", "Unigram"},
              {"unk_id", 0},
              {"byte_fallback", byteFallback},
              {"vocab", json::parse(R"([["<unk>", 0.0], ["a", -1.0], ["b", -1.5], ["ab", -2.6], ["abc", -3.0],
                  ["c", -4.0], ["▁", -2.0], ["ca", -2.0], ["<0xC3>", -9.0], ["<0xA9>", -9.0]])")}}}};
}

TEST(UnigramModel, TakesTheMostProbablePieces) {
    for (const bool bytes : {false, true}) {
        const TokenizerFile file(unigram(bytes));
        const auto tokenizer = test::load(file.path());
        const auto ids = [&](const char* text) { return tokenizer->encode(text, {}); };
        using Ids = std::vector<TokenId>;
        EXPECT_EQ(ids("abca"), (Ids{4, 1}));
        EXPECT_EQ(ids("abab"), (Ids{1, 2, 1, 2}));
        EXPECT_EQ(ids("éa"), bytes ? (Ids{8, 9, 1}) : (Ids{0, 1}));
        EXPECT_EQ(ids("aéßb"), (Ids{1, 0, 2}));  // one unknown stretch, whose bytes are not all there
        EXPECT_EQ(ids(""), Ids{});
        EXPECT_EQ(tokenizer->describe(),
                  bytes ? "unigram with byte fallback, 10 pieces" : "unigram, 10 pieces");
    }
}

TEST(UnigramModel, DamagedOnesAreRefused) {
    const auto place = [](auto change) {
        json content = unigram(false);
        change(content["model"]);
        const auto loaded = loadTokenizer(TokenizerFile(content).path());
        return std::string(loaded ? "loaded" : loaded.error().parameter("place"));
    };
    EXPECT_EQ(place([](json& m) { m.erase("unk_id"); }), "model.unk_id");
    EXPECT_EQ(place([](json& m) { m["unk_id"] = 10; }), "model.unk_id");
    EXPECT_EQ(place([](json& m) { m["vocab"] = json::array(); }), "model.vocab");
    EXPECT_EQ(place([](json& m) { m["vocab"][3] = "ab"; }), "model.vocab[3]");
    EXPECT_EQ(place([](json& m) { m["vocab"][3][0] = "a"; }), "model.vocab[3]");
    EXPECT_EQ(place([](json& m) { m["vocab"][3][0] = std::string(257, 'a'); }), "model.vocab[3]");
    EXPECT_EQ(place([](json& m) { m["type"] = "WordPiece"; }), "model.type");
}

}  // namespace
}  // namespace caravan::engine
