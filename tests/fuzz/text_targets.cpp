// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Tokenizers, chat templates, data rows.
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "engine/data/row_file.h"
#include "engine/tokenizer/chat_template.h"
#include "engine/tokenizer/tokenizer.h"
#include "tests/fuzz/target.h"

namespace caravan::fuzz {
namespace {

using namespace engine;

// Whatever was loaded must work on any text.
void exercise(const Tokenizer& tokenizer) {
    for (const bool specials : {false, true}) {
        const std::string_view text = " Hello  w\xc3\xb6rld\xff 123\n<s>\xe2\x96\x81";
        const auto ids = tokenizer.encode(text, {.parseSpecials = specials});
        (void)tokenizer.decode(ids);
        for (const TokenId id : ids) {
            (void)tokenizer.piece(id);
            (void)tokenizer.pieceName(id);
        }
    }
    (void)tokenizer.decode(std::vector<TokenId>{-1, 0, 1, 1 << 30});
    (void)tokenizer.describe();
}

void load(const std::filesystem::path& path) {
    if (const auto tokenizer = loadTokenizer(path)) exercise(**tokenizer);
}

void readTokenizerJson(std::string_view bytes) {
    load(asFile("tokenizer.json", bytes));
}
const Register kTokenizerJson{"tokenizer_json", readTokenizerJson, noSeeds};

void readSentencePiece(std::string_view bytes) {
    load(asFile("tokenizer.model", bytes));
}
std::vector<std::string> sentencePieceSeeds() {
    return {testData("models/stories260k/tokenizer.model")};
}
const Register kSentencePiece{"sentencepiece", readSentencePiece, sentencePieceSeeds};

void renderTemplate(std::string_view bytes) {
    static const auto messages = nlohmann::ordered_json::parse(
        R"([{"role":"system","content":"Be {{ brief }}."},{"role":"user","content":"Hi <s>"},)"
        R"({"role":"assistant","content":"Hello"},{"role":"user","content":[{"type":"text","text":"x"}]}])");
    (void)renderChatTemplate(bytes, messages, {.addGenerationPrompt = true, .bos = "<s>", .eos = "</s>"});
}
std::vector<std::string> templateSeeds() {
    std::set<std::string> sources;
    std::istringstream lines(testData("tokenizers/chat_templates.jsonl"));
    for (std::string line; std::getline(lines, line);)
        sources.insert(nlohmann::json::parse(line).at("template").get<std::string>());
    return {sources.begin(), sources.end()};
}
const Register kTemplate{"template", renderTemplate, templateSeeds};

void readRowsOf(std::string_view bytes) {
    for (const char* name : {"rows.jsonl", "rows.json", "rows.csv", "rows.tsv", "rows.txt"}) {
        const auto rows = readRows(asFile(name, bytes));
        if (!rows) continue;
        for (const DataRow& row : rows->rows)
            if (row.turns.empty() || row.line < 1) throw std::logic_error("a row without a turn or a line");
    }
}
std::vector<std::string> rowSeeds() {
    return {
        R"({"corpus":"","dataset":"","instruction":"Be short.","conversation":[{"input":"a","output":"b"}]})"
        "\n"
        R"({"instruction":"","conversation":[{"input":"c","output":"d"},{"input":"e","output":"f"}]})"
        "\n",
        R"([{"instruction":"a","input":"b","output":"c"},{"conversations":[{"from":"human","value":"x"},)"
        R"({"from":"gpt","value":"y"}]},{"messages":[{"role":"user","content":"q"},{"role":"assistant",)"
        R"("content":"r"}]}])",
        "instruction,input,output\r\n\"a \"\"quoted\"\" one\",b,c\r\n\"two\nlines\",,d\n",
        "question\tanswer\nwhy\tbecause\nhow\tso\n", "A first text\nof two lines.\n\n\nA second one.\n"};
}
const Register kRows{"rows", readRowsOf, rowSeeds};

}  // namespace
}  // namespace caravan::fuzz
