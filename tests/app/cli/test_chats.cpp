// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/chat_export.h"
#include "tests/app/cli/cli_fixture.h"

namespace caravan::cli::testing {
namespace {

using projects::ChatArchive;

// Two conversations; the first one is older, pinned, and has a branch that is not shown.
class ChatCommands : public Cli {
  protected:
    ChatCommands() : m_project(projects::Project::create(folder / "p").value()) {
        ChatArchive archive(m_project);
        archive.create({.id = "aa-1",
                        .title = "Two and three",
                        .system = "Be short.",
                        .source = {{"path", "/m"}, {"words", "tiny, dense"}},
                        .options = {{"leaf", 3}},
                        .pinned = true,
                        .createdAt = 1000,
                        .changedAt = 1000});
        archive.putMessage("aa-1", {.id = 1, .role = "user", .content = "What is 2 and 3?"});
        archive.putMessage("aa-1", {.id = 2, .parent = 1, .role = "assistant", .content = "Six."});
        archive.putMessage("aa-1", {.id = 3, .parent = 1, .role = "assistant", .summary = {{"tokens", 2}}});
        archive.putMessage("aa-1", {.id = 3, .parent = 1, .role = "assistant", .content = "Five."});
        archive.create({.id = "ab-2", .title = "Other", .createdAt = 2000, .changedAt = 2000});
        EXPECT_TRUE(archive.flush());
    }
    [[nodiscard]] Outcome chat(std::vector<std::string> words) const {
        words.insert(words.begin(), "chat");
        words.insert(words.end(), {"--project", (folder / "p").string()});
        return run(words);
    }
    [[nodiscard]] std::string exported(projects::ChatFormat format) {
        ChatArchive archive(m_project);
        return exportedText(keptChat(archive, findChat(archive, "aa-1").value()).value(), format);
    }

    void vote(const projects::Vote& vote) {
        ChatArchive archive(m_project);
        archive.putVote("aa-1", vote);
        EXPECT_TRUE(archive.flush());
    }

  private:
    std::shared_ptr<projects::Project> m_project;
};

TEST_F(ChatCommands, ListsPinnedOnesFirst) {
    const Outcome listed = chat({"list", "--json"});
    ASSERT_EQ(listed.code, 0) << listed.err;
    const json chats = listed.lines().at(0)["chats"];
    ASSERT_EQ(chats.size(), 2u);
    EXPECT_EQ(chats[0]["chat"], "aa-1");
    EXPECT_EQ(chats[0]["pinned"], true);
    EXPECT_EQ(chats[0]["messages"], 3);
    EXPECT_EQ(chats[0]["answers"], "tiny, dense");
    EXPECT_EQ(chats[1]["changed_at_ms"], 2000);
    EXPECT_EQ(chat({"list", "--json", "--search", "2 and 3"}).lines().at(0)["chats"].size(), 1u);
    const Outcome words = chat({"list"});
    EXPECT_LT(words.out.find("Two and three"), words.out.find("Other"));
    EXPECT_NE(chat({"list", "--search", "nothing of it"}).out.find("No conversation holds"),
              std::string::npos);
}

TEST_F(ChatCommands, ExportsWhatTheWindowWrites) {
    EXPECT_EQ(chat({"export", "aa-1"}).out, exported(projects::ChatFormat::Markdown));
    EXPECT_NE(exported(projects::ChatFormat::Markdown).find("Five."), std::string::npos);
    EXPECT_EQ(exported(projects::ChatFormat::Markdown).find("Six."), std::string::npos);
    const fs::path file = folder / "c.json";
    const Outcome written = chat({"export", "aa", "--format", "json", "--out", file.string(), "--json"});
    ASSERT_EQ(written.code, 0) << written.err;
    EXPECT_EQ(written.lines().at(0)["file"], file.string());
    EXPECT_EQ(written.lines().at(0)["bytes"], fs::file_size(file));
    EXPECT_EQ(readText(file), exported(projects::ChatFormat::Json));
    // One object on one line with --json.
    const auto lines = chat({"export", "aa-1", "--format", "json", "--json"}).lines();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0], json::parse(readText(file)));
}

TEST_F(ChatCommands, TellsHowModelsFared) {
    EXPECT_EQ(chat({"votes"}).out, "No vote yet.\n");
    projects::Vote vote;
    vote.answers = {{2, {{"words", "tuned"}}}, {3, {{"words", "base"}}}};
    vote.outcome = projects::Vote::Outcome::Better;
    vote.best = 0;
    this->vote(vote);
    const json told = chat({"votes", "--json"}).lines().at(0);
    EXPECT_EQ(told["votes"], 1);
    EXPECT_EQ(told["pairs"][0]["first"], "base");
    EXPECT_EQ(told["pairs"][0]["second_better"], 1);
    EXPECT_EQ(chat({"votes"}).out, "base : tuned\n  better 0 : 1, tie 0, both bad 0\n");
    EXPECT_EQ(json::parse(chat({"export", "aa-1", "--format", "json"}).out)["votes"][0]["best"], 0);
}

TEST_F(ChatCommands, SaysWhatIsWrong) {
    const Outcome none = chat({"export", "zz", "--json"});
    EXPECT_EQ(none.code, run({"runs", "queue", "zz", "--project", (folder / "p").string()}).code);
    EXPECT_EQ(none.lines().at(0)["code"], "not_found");
    const Outcome several = chat({"export", "a"});
    EXPECT_NE(several.code, 0);
    EXPECT_NE(several.err.find("several"), std::string::npos) << several.err;
    EXPECT_EQ(chat({"export", "aa-1", "--format", "pdf"}).code, 2);
    EXPECT_EQ(run({"chat", "list"}).code, 2);  // of which project?
    // The command with a model stays what it was.
    const Outcome model = run({"chat"});
    EXPECT_EQ(model.code, 2);
    EXPECT_NE(model.err.find("MODEL"), std::string::npos) << model.err;
    const Outcome help = run({"chat", "export", "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_NE(help.out.find("--format"), std::string::npos);
    const Outcome both = run({"chat", "--help"});
    EXPECT_NE(both.out.find("export"), std::string::npos);
    EXPECT_NE(both.out.find("--temperature"), std::string::npos);
}

}  // namespace
}  // namespace caravan::cli::testing
