// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <map>

#include "tests/app/cli/cli_fixture.h"

namespace caravan::cli::testing {
namespace {

class ChatBatch : public Cli {
  protected:
    [[nodiscard]] Outcome chat(const std::vector<std::string>& more) const {
        std::vector<std::string> words = {"chat",      model(), "--device",     "cpu",
                                          "--threads", "1",     "--max-tokens", "6"};
        words.insert(words.end(), more.begin(), more.end());
        return run(words);
    }
    [[nodiscard]] std::string file(const std::string& name, const std::string& text) const {
        std::ofstream(folder / name) << text;
        return (folder / name).string();
    }
};

TEST_F(ChatBatch, EachAnswerIsTheOneThatItsSeedGivesAlone) {
    const Outcome batch = chat({"--prompt", "What is 2 and 3?", "--seed", "7", "--n", "3", "--json"});
    ASSERT_EQ(batch.code, 0) << batch.err;
    std::map<int, std::vector<json>> tokens;
    std::map<int, json> last;
    for (const json& line : batch.lines()) {
        if (line.contains("id")) tokens[line["answer"]].push_back(line);
        if (line.contains("finish")) last[line["answer"]] = line;
    }
    ASSERT_EQ(last.size(), 3u);
    for (int i = 0; i < 3; ++i) {
        const Outcome alone =
            chat({"--prompt", "What is 2 and 3?", "--seed", std::to_string(7 + i), "--json"});
        const std::vector<json> lines = alone.lines();
        EXPECT_EQ(last[i]["text"], lines.back()["text"]);
        EXPECT_EQ(last[i]["seed"], 7 + i);
        ASSERT_EQ(tokens[i].size() + 1, lines.size());
        for (std::size_t t = 0; t < tokens[i].size(); ++t) {
            EXPECT_EQ(tokens[i][t]["id"], lines[t]["id"]);
            EXPECT_EQ(tokens[i][t]["logprob"], lines[t]["logprob"]);
        }
    }
    EXPECT_NE(last[0]["text"], last[1]["text"]);
    const json result = batch.of("batch").at(0);
    EXPECT_EQ(result["answers"], 3);
    EXPECT_EQ(result["prefills"], 1);
    EXPECT_EQ(result["together"], 3);
}

TEST_F(ChatBatch, PromptsOfAFileInTheirOrder) {
    const std::string text = file("prompts.txt", "What is 2 and 3?\n\nWrite a word.\r\n");
    const Outcome plain = chat({"--prompts", text, "--greedy"});
    ASSERT_EQ(plain.code, 0) << plain.err;
    const auto first = plain.out.find("--- 1 of 2, seed 0: What is 2 and 3?\n"),
               second = plain.out.find("\n--- 2 of 2, seed 0: Write a word.\n");
    EXPECT_EQ(first, 0u) << plain.out;
    EXPECT_NE(second, std::string::npos) << plain.out;
    const Outcome alone = chat({"--prompt", "Write a word.", "--greedy"});
    EXPECT_TRUE(plain.out.ends_with("Write a word.\n" + alone.out)) << plain.out << alone.out;

    const Outcome rows = chat({"--prompts",
                               file("p.jsonl",
                                    "{\"prompt\": \"What is 2 and 3?\", \"max_tokens\": 2}\n"
                                    "{\"prompt\": \"Hi\", \"system\": \"Be short.\", \"seed\": 5, "
                                    "\"temperature\": 1.5, \"stop\": [\".\"]}\n"),
                               "--n", "2", "--json"});
    ASSERT_EQ(rows.code, 0) << rows.err;
    std::vector<std::uint64_t> seeds;
    for (const json& line : rows.lines())
        if (line.contains("finish")) {
            seeds.push_back(line["seed"]);
            if (line["answer"] < 2) {
                EXPECT_LE(line["tokens"], 2);
            }
        }
    EXPECT_EQ(seeds, (std::vector<std::uint64_t>{0, 1, 5, 6}));
    EXPECT_EQ(rows.of("batch").at(0)["prefills"], 2);
}

TEST_F(ChatBatch, WhatCannotBeIsSaid) {
    EXPECT_EQ(chat({"--n", "2"}).code, 2);
    EXPECT_EQ(chat({"--prompt", "x", "--n", "0"}).code, 2);
    EXPECT_EQ(chat({"--prompt", "x", "--prompts", "y"}).code, 2);
    EXPECT_EQ(chat({"--prompt", "x", "--n", "2", "--compare", "--k", "1"}).code, 2);
    EXPECT_EQ(chat({"--prompts", (folder / "none.txt").string()}).code, 3);
    EXPECT_EQ(chat({"--prompts", file("empty.txt", "\n")}).code, 3);
    for (const std::string line :
         {"{\"prompt\": 3}", "[1]", "{\"prompt\": \"x\", \"sed\": 1}",
          "{\"prompt\": \"x\", \"max_tokens\": 0}", "{\"prompt\": \"x\", \"seed\": -1}",
          "{\"prompt\": \"x\", \"stop\": \"a\"}"}) {
        const Outcome bad = chat({"--prompts", file("bad.jsonl", "{\"prompt\": \"x\"}\n" + line + "\n")});
        EXPECT_EQ(bad.code, 3) << line;
        EXPECT_NE(bad.err.find("line 2"), std::string::npos) << bad.err;
    }
}

}  // namespace
}  // namespace caravan::cli::testing
