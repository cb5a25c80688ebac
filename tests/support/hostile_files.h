// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Odd and hostile data files, made here: what of each is used, and what must be said of the rest.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/api/config/recipe.h"

namespace caravan::engine::test {

using namespace std::string_literals;

struct Case {
    std::string name, text;
    std::int64_t rows = 0;  // accepted
    std::string said;       // part of a problem's or the file's message; "" = none is expected
    ColumnMapping columns{};
    std::int64_t line = 0;  // of the only problem; 0: other cases tell how many there are and where
};

inline const std::string kGood = R"({"prompt":"q","response":"a"})";

inline std::string line(const std::string& json) {
    return kGood + "\n" + json + "\n" + kGood + "\n";
}

inline std::string csv(const std::string& rows) {
    return "prompt,response\nq,a\n" + rows + "\nq,a\n";
}

inline std::string message(const std::string& list) {
    return line(R"({"messages":)" + list + "}");
}

// Makes files of two good rows with a bad one between them, in the line `at`: name, bad row, what must be
// said.
struct Between {
    std::string prefix, ending;
    std::string (*wrap)(const std::string& row);
    std::int64_t at;
    Case operator()(const std::string& name, const std::string& row, const std::string& said) const {
        return {prefix + name + ending, wrap(row), 2, said, {}, at};
    }
};

inline std::string times(int count, const std::string& text) {
    std::string all;
    for (int i = 0; i < count; ++i)
        all += text;
    return all;
}

inline std::vector<Case> jsonLineCases() {
    const Between two{"", ".jsonl", line, 2};
    return {
        two("empty-object", "{}", "none of"),
        two("number", "7", "not an object"),
        two("string", "\"text\"", "not an object"),
        two("null", "null", "not an object"),
        two("list", "[1,2]", "not an object"),
        two("cut", R"({"prompt":"q","resp)", "ends too early"),
        two("cut-in-string", R"({"prompt":"q","response":"a)", "ends too early"),
        two("single-quotes", "{'prompt':'q','response':'a'}", "not valid JSON"),
        two("trailing-comma", R"({"prompt":"q","response":"a",})", "not valid JSON"),
        two("two-objects", kGood + kGood, "not valid JSON"),
        two("comment", "// " + kGood, "not valid JSON"),
        two("nan", R"({"prompt":"q","response":NaN})", "not valid JSON"),
        two("deep", std::string(10000, '[') + std::string(10000, ']'), "nested deeper than 32"),
        two("deep-object", R"({"prompt":)" + std::string(5000, '{'), "not valid JSON"),
        two("nul-byte", "{\"prompt\":\"q\0\",\"response\":\"a\"}"s, "is NUL"),
        two("nul-escape", R"({"prompt":"q","response":"a\u0000b"})", "NUL character"),
        two("lone-surrogate", R"({"prompt":"q","response":"\ud800"})", "not valid JSON"),
        two("bad-utf8", "{\"prompt\":\"q\xC3\",\"response\":\"a\"}", "not UTF-8"),
        two("overlong-utf8", "{\"prompt\":\"\xC0\xAF\",\"response\":\"a\"}", "not UTF-8"),
        two("latin1", "{\"prompt\":\"caf\xE9 q\",\"response\":\"a\"}", "byte 15 is not UTF-8"),
        two("control-character", "{\"prompt\":\"q\x01\",\"response\":\"a\"}", "not valid JSON"),
        two("bad-escape", R"({"prompt":"\q","response":"a"})", "not valid JSON"),
        two("duplicate-key", R"({"prompt":"q","prompt":"r","response":"a"})", "twice"),
        two("empty-answer", R"({"prompt":"q","response":""})", "no token to train on"),
        two("blank-answer", R"({"prompt":"q","response":" \n\t"})", "only white space"),
        two("null-answer", R"({"prompt":"q","response":null})", "not a string"),
        two("number-answer", R"({"prompt":"q","response":42})", "not a string"),
        two("list-answer", R"({"prompt":"q","response":["a"]})", "not a string"),
        two("object-prompt", R"({"prompt":{},"response":"a"})", "not a string"),
        two("misspelt", R"({"prompt":"q","respones":"a"})", "choose the columns"),
        two("huge", R"({"prompt":"q","response":")" + std::string(9u << 20, 'a') + "\"}", "8 MiB"),
        two("many-values", R"({"prompt":"q","response":"a","x":[0)" + times(300'000, ",0") + "]}",
            "more than 200000 values"),
        two("pesc-no-turns", R"({"conversation":[]})", "is empty"),
        two("pesc-text", R"({"conversation":"hello"})", "not a list"),
        two("pesc-turn-number", R"({"conversation":[3]})", "turn 1 of"),
        two("pesc-no-output", R"({"conversation":[{"input":"q","outptu":"a"}]})", "did it mean \"outptu\"?"),
        two("pesc-second-empty", R"({"conversation":[{"input":"q","output":"a"},{"input":"q","output":""}]})",
            "turn 2 of"),
        two("share-unknown-speaker", R"({"conversations":[{"from":"alien","value":"x"}]})", "alien"),
        two("share-no-value", R"({"conversations":[{"from":"human"}]})", "no \"value\""),
        two("share-begins-with-gpt", R"({"conversations":[{"from":"gpt","value":"x"}]})", "wrong place"),
        two("inside-data", R"({"data":[)" + kGood + "]}", "inside of \"data\""),
    };
}

inline std::vector<Case> messageCases() {
    const Between two{"messages-", ".jsonl", message, 2};
    const std::string user = R"({"role":"user","content":"q"})",
                      answer = R"({"role":"assistant","content":"a"})",
                      system = R"({"role":"system","content":"s"})";
    return {
        two("none", "[]", "is empty"),
        two("object", "{}", "not a list"),
        two("null", "null", "not a list"),
        two("only-system", "[" + system + "]", "has no turn"),
        two("no-answer", "[" + user + "]", "has no answer"),
        two("two-users", "[" + user + "," + user + "," + answer + "]", "wrong place"),
        two("two-answers", "[" + user + "," + answer + "," + answer + "]", "wrong place"),
        two("late-system", "[" + user + "," + system + "," + answer + "]", "wrong place"),
        two("tool", "[" + user + R"(,{"role":"tool","content":"x"}])", "\"tool\""),
        two("no-role", R"([{"content":"x"}])", "no \"role\""),
        two("role-number", R"([{"role":3,"content":"x"}])", "not a string"),
        two("no-content", R"([{"role":"user"}])", "no \"content\""),
        two("null-content", "[" + user + R"(,{"role":"assistant","content":null}])", "not a string"),
        two("picture", R"([{"role":"user","content":[{"type":"image_url","image_url":"x"}]}])", "not text"),
        two("empty-answer", "[" + user + R"(,{"role":"assistant","content":""}])", "is empty"),
        two("text-entry", "[\"hello\"]", "not an object"),
    };
}

inline std::vector<Case> tableCases() {
    const Between two{"table-", ".csv", csv, 3};
    ColumnMapping missing;
    missing.answer = "respnse";
    return {
        two("too-many", "a,b,c", "3 columns"),
        two("too-few", "a", "1 columns"),
        two("quote-never-closed", "\"a,b", "not closed"),
        two("text-behind-quote", "\"a\"b,c", "closing quote"),
        two("empty-answer", "a,", "no token to train on"),
        two("blank-answer", "a,\"  \"", "white space"),
        two("bad-utf8", "a,\xFF", "not UTF-8"),
        two("nul", "a,b\0c"s, "is NUL"),
        two("huge", "a," + std::string(9u << 20, 'b'), "8 MiB"),
        two("huge-quoted", "a,\"" + std::string(9u << 20, 'b') + "\"", "longer than 8 MiB"),
        {"table-crlf-quoted.csv", "prompt,response\r\n\"a\r\nb\",\"c,\"\"d\"\"\"\r\n", 1, ""},
        {"table-cr-only.csv", "prompt,response\rq,a\rq,b\r", 2, ""},
        {"table-no-last-line-feed.csv", "prompt,response\nq,a", 1, ""},
        {"table-extra-separators.csv", "prompt,response\nq,a,,,\n", 1, ""},
        {"table-bom.csv", "\xEF\xBB\xBFprompt,response\nq,a\n", 1, ""},
        {"table-header-only.csv", "prompt,response\n", 0, ""},
        {"table-twice.csv", "prompt,prompt\nq,a\n", 0, "two columns are called \"prompt\""},
        {"table-no-header.csv", "What is 2?,4\nWhat is 3?,9\n", 0, "choose the columns"},
        {"table-bad-header.csv", "\"prompt,response\nq,a\n", 0, "header has a quote"},
        {"table-header-utf8.csv", "pr\xFFmpt,response\nq,a\n", 0, "not UTF-8"},
        {"table-chosen-missing.csv", csv("a,b"), 0, "did you mean \"response\"?", missing},
        {"table-blank-lines.csv", "\n\nprompt,response\n\n\nq,a\n\n", 1, ""},
        {"table-semicolon.csv", "prompt;response\nq,1;a,2\n", 1, ""},
        {"table-quotes.tsv", "prompt\tresponse\n\"unbalanced\ta\nq\t5\" tall\n", 2, ""},
        {"table-wide.csv", std::string(5000, ',') + "\nq,a\n", 0, "too many"},
        {"table-many-open-quotes.csv", "prompt,response\n" + times(200, "\"open,a\n") + "q,a\n", -1,
         "not closed"},
    };
}

inline std::vector<Case> fileCases() {
    ColumnMapping lines, text;
    lines.format = FileFormat::JsonLines;
    text.format = FileFormat::Text;
    return {
        {"empty.jsonl", "", 0, ""},
        {"empty.json", "", 0, ""},
        {"empty.csv", "", 0, ""},
        {"empty.txt", "", 0, ""},
        {"only-bom.jsonl", "\xEF\xBB\xBF", 0, ""},
        {"only-spaces.jsonl", "  \n\t\r\n  ", 0, ""},
        {"bom-crlf.jsonl", "\xEF\xBB\xBF" + kGood + "\r\n\r\n" + kGood + "\r\n", 2, ""},
        {"cr-only.jsonl", kGood + "\r" + kGood, 2, ""},
        {"no-last-line-feed.jsonl", kGood + "\n" + kGood, 2, ""},
        {"mixed-shapes.jsonl",
         kGood + "\n" + R"({"text":"t"})" + "\n" + R"({"conversation":[{"input":"q","output":"a"}]})" + "\n",
         3, ""},
        {"utf16le.jsonl", "\xFF\xFE{\0}\0"s, 0, "UTF-16"},
        {"utf16be.csv", "\xFE\xFF\0q\0,"s, 0, "UTF-16"},
        {"utf16-no-bom.csv", "q\0,\0a\0\n\0"s, 0, "UTF-16"},
        {"zeros.jsonl", std::string(5000, '\0'), 0, "UTF-16"},
        {"binary.bin", "\x01\x02\x00\x00\x00\x03\x00\x00\x00"s, 0, "binary"},
        {"rows.parquet", "PAR1xxxxPAR1", 0, "read_parquet"},
        {"rows.parquet.jsonl", "PAR1xxxxPAR1", 0, "read_parquet"},
        {"rows.arrow", "ARROW1\0\0"s, 0, "JSON Lines or CSV"},
        {"rows.jsonl.gz", "\x1F\x8B\x08\0"s, 0, "gunzip"},
        {"rows.jsonl.zst", "\x28\xB5\x2F\xFD", 0, "unzstd"},
        {"rows.jsonl.xz",
         "\xFD"
         "7zXZ\0"s,
         0, "unxz"},
        {"rows.jsonl.bz2", "BZh91AY", 0, "bunzip2"},
        {"rows.xlsx", "PK\x03\x04", 0, "CSV"},
        {"rows.db", "SQLite format 3\0"s, 0, "CSV"},
        {"rows.pdf", "%PDF-1.7", 0, "PDF"},
        {"rows.unknown", "hello there", 0, "say its format"},
        {"forced-lines.unknown", kGood + "\nx\n", 1, "not valid JSON", lines},
        {"forced-text.bin", "hello\n\nthere", 2, "", text},
        {"list.json", "[" + kGood + "," + kGood + "]", 2, ""},
        {"list-empty.json", "[]", 0, ""},
        {"list-cut.json", "[" + kGood + "," + kGood, 2, "not closed"},
        {"list-cut-in-row.json", "[" + kGood + ",\n{\"prompt\":\"q\"", 1, "not closed"},
        {"list-scalars.json", "[" + kGood + ", 1, \"x\", null, " + kGood + "]", 2, "not an object"},
        {"list-trailing.json", "[" + kGood + "]\n[" + kGood + "]", 1, "follows the end of the list"},
        {"list-no-commas.json", "[" + kGood + "\n" + kGood + "]", 2, ""},
        {"list-extra-commas.json", "[,," + kGood + ",,]", 1, ""},
        {"list-of-lists.json", "[[" + kGood + "]]", 0, "not an object"},
        {"list-deep.json", "[" + std::string(100'000, '[') + std::string(100'000, ']') + "," + kGood + "]", 1,
         "nested deeper than 32"},
        {"stray-brackets.json", "{\"a\":\n1}]]}}" + kGood, 1, "closes nothing"},
        {"pretty.json", "{\n\"prompt\":\"q\",\n\"response\":\"a\"\n}\n", 1, ""},
        {"unclosed-many.json", "[\n" + times(300, "{\"prompt\":\"q\",\n") + kGood + "\n]", -1, "not closed"},
        {"text-nul.txt", "good\n\nba\0d\n\ngood"s, 2, "is NUL"},
        {"text-utf8.txt",
         "good\n\nba\xFF"
         "d\n\ngood",
         2, "not UTF-8"},
        {"text-huge.txt", "good\n\n" + std::string(9u << 20, 'x') + "\n\ngood", 2, "8 MiB"},
        {"text-huge-block.txt", "good\n\n" + times(90'000, std::string(99, 'y') + "\n") + "\ngood", 2,
         "8 MiB"},
    };
}

inline std::vector<std::vector<Case>> hostileFiles() {
    return {jsonLineCases(), messageCases(), tableCases(), fileCases()};
}

}  // namespace caravan::engine::test
