// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Damaged and malicious tokenizer files, and what holds for any text.

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "engine/tokenizer/utf8.h"
#include "tests/engine/tokenizer/tokenizer_fixtures.h"

namespace caravan::engine {
namespace {

using nlohmann::json;
using test::load;
using test::tokenizerData;

class Folder : public testing::Test {
  protected:
    void SetUp() override { std::filesystem::create_directories(m_path); }
    void TearDown() override { std::filesystem::remove_all(m_path); }
    std::string write(const std::string& name, const std::string& bytes) const {
        std::ofstream(m_path / name, std::ios::binary) << bytes;
        return (m_path / name).string();
    }
    // Why tokenizer.json is refused, "place: detail", or "accepted".
    [[nodiscard]] std::string refusal(const json& tokenizer) const {
        const std::string file = write("tokenizer.json", tokenizer.dump());
        const auto loaded = loadTokenizer(file);
        if (loaded) return "accepted";
        EXPECT_EQ(loaded.error().parameter("file"), file);
        return std::string(loaded.error().parameter("place")) + ": " +
               std::string(loaded.error().parameter("detail"));
    }
    static json small() {
        return json::parse(R"({"added_tokens": [], "normalizer": null, "pre_tokenizer": null, "decoder": null,
            "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
    }
    std::filesystem::path m_path =
        std::filesystem::temp_directory_path() / ("caravan-tokenizer-" + std::to_string(getpid()));
};

TEST_F(Folder, RefusalsNameFileAndPlace) {
    EXPECT_EQ(refusal(small()), "accepted");
    auto with = [](const char* pointer, const json& value) {
        json made = small();
        made[json::json_pointer(pointer)] = value;
        return made;
    };
    EXPECT_EQ(refusal(json::array()), "the whole: an object is expected here");
    EXPECT_EQ(refusal(json::object()), "model: it is missing");
    EXPECT_EQ(refusal(with("/model", json::object())), "model.vocab: it is missing");
    EXPECT_EQ(refusal(with("/model/vocab", json::object())), "model.vocab: it is empty");
    EXPECT_EQ(refusal(with("/model/type", "WordPiece")), "model.type: the type WordPiece is not supported");
    EXPECT_EQ(refusal(with("/model/vocab/a", -1)), "model.vocab entry a: the id is not usable");
    EXPECT_EQ(refusal(with("/model/vocab/a", 1e9)), "model.vocab entry a: the id is not usable");
    EXPECT_EQ(refusal(with("/model/vocab/a", 2)).substr(0, 11), "model.vocab");
    EXPECT_EQ(refusal(with("/model/merges/0", "a c")),
              "model.merges[0]: it names an entry that is not in the vocabulary: c");
    EXPECT_EQ(refusal(with("/model/merges/0", "a b c")),
              "model.merges[0]: a merge of two entries is expected here");
    EXPECT_EQ(refusal(with("/model/merges/0", json::array({"a"}))),
              "model.merges[0]: a merge of two entries is expected here");
    EXPECT_EQ(refusal(with("/model/unk_token", "?")), "model.unk_token: it is not in the vocabulary");
    EXPECT_EQ(refusal(with("/normalizer", {{"type", "Magic"}})),
              "normalizer: the type Magic is not supported");
    EXPECT_EQ(refusal(with("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {{{"type", "X"}}}}})),
              "pre_tokenizer.pretokenizers[0]: the type X is not supported");
    const std::string pattern = refusal(with(
        "/pre_tokenizer", {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}}));
    EXPECT_EQ(pattern.substr(0, 50), "pre_tokenizer.pattern.Regex: the pattern is not va") << pattern;
    EXPECT_EQ(refusal(with("/added_tokens", {{{"content", 3}}})),
              "added_tokens[0].content: a string is expected here");
    EXPECT_EQ(refusal(with("/added_tokens", {{{"content", "x"}, {"id", 1e10}}})).substr(0, 15),
              "added_tokens[0]");
}

TEST_F(Folder, DeepAndCutJson) {
    EXPECT_FALSE(loadTokenizer(write("tokenizer.json", std::string(100'000, '['))));
    EXPECT_FALSE(loadTokenizer(write("tokenizer.json", small().dump().substr(0, 60))));
    EXPECT_FALSE(loadTokenizer(write("tokenizer.json", "")));
    EXPECT_FALSE(loadTokenizer(m_path / "none"));
    std::filesystem::remove(m_path / "tokenizer.json");
    EXPECT_FALSE(loadTokenizer(m_path)) << "a folder without a tokenizer";
}

TEST_F(Folder, PatternsThatBacktrackEndInAnError) {
    json made = small();
    made["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a+)+$"}}}, {"behavior", "Isolated"}};
    const auto tokenizer = load(write("tokenizer.json", made.dump()));
    // 2^64 ways to try, without a bound
    EXPECT_THROW(static_cast<void>(tokenizer->encode(std::string(64, 'a') + "b")), EngineException);
}

TEST_F(Folder, AMegabyteInOneWordIsNotQuadratic) {
    json made = small();
    made["model"]["vocab"] = {{"a", 0}, {"aa", 1}, {"aaaa", 2}};
    made["model"]["merges"] = {"a a", "aa aa"};
    const auto tokenizer = load(write("tokenizer.json", made.dump()));
    const auto ids = tokenizer->encode(std::string(1 << 20, 'a'));  // in quadratic time: hours
    EXPECT_EQ(ids.size(), (1u << 20) / 4);
}

TEST_F(Folder, GarbageSentencePieceModels) {
    EXPECT_FALSE(loadTokenizer(write("a.model", "")));
    EXPECT_FALSE(loadTokenizer(write("b.model", "not a model")));
    std::mt19937 random(1);
    const std::string good =
        test::readText(std::string(CARAVAN_TEST_DATA) + "/models/stories260k/tokenizer.model");
    std::string noise(5000, ' ');
    for (char& c : noise)
        c = static_cast<char>(random());
    EXPECT_FALSE(loadTokenizer(write("c.model", noise)));
    for (int i = 0; i < 300; ++i) {  // bit flips and cuts: refused, or usable without a crash
        std::string bad = good.substr(0, i % 3 == 0 ? random() % good.size() : good.size());
        for (int flips = 0; flips < 1 + i % 5 && !bad.empty(); ++flips)
            bad[random() % bad.size()] ^= static_cast<char>(1u << (random() % 8));
        const auto loaded = loadTokenizer(write("d.model", bad));
        if (!loaded) continue;
        try {
            static_cast<void>((*loaded)->decode((*loaded)->encode("Hello \xff world <s> \xE4\xB8\xAD 123")));
            for (TokenId id = -1; id <= static_cast<TokenId>((*loaded)->vocabularySize()); ++id)
                static_cast<void>((*loaded)->piece(id));
        } catch (const EngineException&) {  // a model that cannot encode says so
        }
    }
}

std::string randomText(std::mt19937& random, bool valid) {
    std::string text;
    for (std::size_t i = random() % 40; i > 0; --i) {
        if (!valid && random() % 4 == 0) text += static_cast<char>(random());
        char32_t code = random() % 3 == 0 ? random() % 0x110000 : random() % 0x80;
        if (code >= 0xD800 && code < 0xE000) code = ' ';
        utf8::append(text, code);
    }
    return text;
}

class AnyText : public testing::TestWithParam<const char*> {};

// Byte-level vocabularies give back every text; bytes that are not UTF-8 come back as U+FFFD.
TEST_P(AnyText, RoundTrip) {
    const auto tokenizer = load(tokenizerData(GetParam()));
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i) {
        const std::string text = randomText(random, i % 2 == 0);
        const auto ids = tokenizer->encode(text);
        EXPECT_EQ(tokenizer->decode(ids), utf8::lossy(text));
        std::string pieces, streamed;
        StreamDecoder stream(*tokenizer);
        for (const TokenId id : ids) {
            ASSERT_GE(id, 0);
            ASSERT_LT(static_cast<std::size_t>(id), tokenizer->vocabularySize());
            pieces += tokenizer->piece(id);
            streamed += stream.feed(id);
            EXPECT_EQ(utf8::firstInvalid(streamed), std::string::npos);
        }
        EXPECT_EQ(pieces, utf8::lossy(text));
        EXPECT_EQ(streamed + stream.finish(), utf8::lossy(text));
    }
}
INSTANTIATE_TEST_SUITE_P(ByteLevel, AnyText, testing::Values("bpe/gpt2", "bpe/llama3", "bpe/digits"));

TEST(SentencePieceText, StreamingGivesWhatDecodingGives) {
    for (const char* name : {"llama2/tokenizer.model", "mistral_v3", "t5"}) {
        const auto tokenizer = load(tokenizerData(name));
        std::mt19937 random(3);
        for (int i = 0; i < 500; ++i) {
            const auto ids = tokenizer->encode(randomText(random, i % 2 == 0));
            StreamDecoder stream(*tokenizer);
            std::string text;
            for (const TokenId id : ids)
                text += stream.feed(id);
            EXPECT_EQ(text + stream.finish(), tokenizer->decode(ids)) << name;
        }
    }
}

TEST(StreamDecoder, HoldsBackUnfinishedCharacters) {
    const auto tokenizer = load(tokenizerData("llama2/tokenizer.model"));
    StreamDecoder stream(*tokenizer, false);
    const auto byte = [&](int value) { return value + 3; };  // llama2: <0x00> is id 3
    EXPECT_EQ(stream.feed(byte(0xF0)), "");
    EXPECT_EQ(stream.feed(byte(0x9F)), "");
    EXPECT_EQ(stream.feed(byte(0x98)), "");
    EXPECT_EQ(stream.feed(byte(0x80)), "\xF0\x9F\x98\x80");
    EXPECT_EQ(stream.feed(byte(0xE2)), "");
    EXPECT_EQ(stream.feed(*tokenizer->idOf("\xE2\x96\x81the")), "\xEF\xBF\xBD the");
    EXPECT_EQ(stream.finish(), "");
}

TEST(Specials, AreTextUnlessAskedFor) {
    const auto model = load(tokenizerData("llama2/tokenizer.model")),
               json = load(tokenizerData("llama2/tokenizer.json"));
    EXPECT_FALSE(model->parsesSpecialsByDefault());
    EXPECT_TRUE(json->parsesSpecialsByDefault());
    for (const auto* tokenizer : {model.get(), json.get()}) {
        const auto text = tokenizer->encode("a</s>b"),
                   parsed = tokenizer->encode("a</s>b", {.parseSpecials = true});
        EXPECT_EQ(std::count(text.begin(), text.end(), 2), 0);
        EXPECT_EQ(std::count(parsed.begin(), parsed.end(), 2), 1);
        const std::vector<TextRange> written{{1, 3}};
        EXPECT_EQ(tokenizer->encode("a</s>b", {.parseSpecials = true, .plain = written}), text);
        EXPECT_EQ(tokenizer->bosId(), 1);
        EXPECT_EQ(tokenizer->eosId(), 2);
        EXPECT_EQ(tokenizer->pieceName(2), "</s>");
        EXPECT_EQ(tokenizer->pieceName(13), "\n");
        EXPECT_EQ(tokenizer->pieceName(3 + 0xE2), "<0xE2>");
        EXPECT_EQ(tokenizer->piece(13), "\n");
    }
    EXPECT_EQ(model->describe(), "SentencePiece BPE, 32,000 pieces");
    EXPECT_EQ(load(tokenizerData("t5"))->describe(), "SentencePiece unigram, 32,000 pieces");
    EXPECT_EQ(json->decode(std::vector<TokenId>{1, 15043, 2}), "<s> Hello</s>");
    EXPECT_EQ(json->decode(std::vector<TokenId>{1, 15043, 2}, {.skipSpecials = true}), "Hello");
    EXPECT_EQ(model->decode(std::vector<TokenId>{1, 15043, 2}), "Hello");
}

TEST(Specials, OfAModelFolder) {
    const auto qwen = load(tokenizerData("qwen2"));
    EXPECT_EQ(qwen->bosId(), std::nullopt) << "null in tokenizer_config.json";
    EXPECT_EQ(qwen->pieceName(*qwen->eosId()), "<|endoftext|>");
    EXPECT_FALSE(qwen->addsBos());
    EXPECT_EQ(qwen->encode("<|im_start|>", {.parseSpecials = true}), std::vector<TokenId>{151644});
    EXPECT_EQ(qwen->vocabularySize(), 151665u);
}

}  // namespace
}  // namespace caravan::engine
