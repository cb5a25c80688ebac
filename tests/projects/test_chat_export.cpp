// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "engine/api/event_json.h"
#include "projects/chat_export.h"

namespace caravan::projects {
namespace {

Chat chat() {
    Chat c;
    c.id = "x";
    c.title = "Two and three";
    c.system = "Be short.";
    c.options = {{"leaf", 3}};
    return c;
}

std::vector<Message> messages() {
    engine::GenerateOptions options;
    options.seed = 7;
    options.activeExperts = 1;
    Message question{.id = 1, .role = "user", .content = "What is 2 and 3?"};
    Message first{.id = 2, .parent = 1, .role = "assistant", .content = "Five.\n"};
    Message second{.id = 3, .parent = 1, .role = "assistant", .content = "Code:\n```python\n2 + 3"};
    second.source = {{"path", "/m"}, {"words", "run 0001, step 60"}, {"options", options}};
    second.summary = {{"tokens", 12}};
    return {question, first, second};
}

TEST(ChatExport, MarkdownTellsWhoAnsweredAndClosesWhatWasCutOpen) {
    const auto all = messages();
    EXPECT_EQ(chatMarkdown(chat(), {all[0], all[2]}),
              "# Two and three\n\n## System\n\nBe short.\n\n## Question\n\nWhat is 2 and 3?\n\n"
              "## Answer (run 0001, step 60; seed 7, temperature 0.7; experts changed; 12 tokens)\n\n"
              "Code:\n```python\n2 + 3\n```\n");
    EXPECT_EQ(chatMarkdown({}, {all[0], all[1]}),
              "# Conversation\n\n## Question\n\nWhat is 2 and 3?\n\n## Answer\n\nFive.\n");
}

TEST(ChatExport, JsonHoldsEveryBranchAndToken) {
    engine::TokenEvent token;
    token.id = 5;
    token.text = "Code";
    token.experts = {{3, 1}};
    const auto exported = chatJson(chat(), messages(), {{3, {token}}});
    EXPECT_EQ(exported["title"], "Two and three");
    EXPECT_EQ(exported["leaf"], 3);
    ASSERT_EQ(exported["messages"].size(), 3u);
    EXPECT_EQ(exported["messages"][2]["parent"], 1);
    EXPECT_EQ(exported["messages"][2]["source"]["options"]["active_experts"], 1);
    EXPECT_EQ(exported["messages"][2]["tokens"][0]["experts"][0][0], 3);
    EXPECT_FALSE(exported["messages"][1].contains("tokens"));
    // It is text that can be read again.
    EXPECT_EQ(nlohmann::json::parse(exported.dump()), exported);
}

TEST(ChatExport, APathGoesOnAlongTheNewestAndEndsInADamagedTree) {
    const std::vector<MessageLink> links = {{1, 0}, {2, 1}, {3, 1}, {4, 2}, {5, 2}};
    using Ids = std::vector<std::int64_t>;
    EXPECT_EQ(pathThrough(links, 2), (Ids{1, 2, 5}));
    EXPECT_EQ(pathThrough(links, 3), (Ids{1, 3}));
    EXPECT_EQ(pathThrough(links, 4), (Ids{1, 2, 4}));
    EXPECT_EQ(pathThrough(links, 9), Ids{});
    EXPECT_EQ(pathThrough({{1, 2}, {2, 1}}, 1), (Ids{1, 2}));
    EXPECT_EQ(pathThrough({{1, 1}}, 1), Ids{1});
}

TEST(ChatExport, TellsWhereAConversationBranchedOff) {
    Chat c = chat();
    c.origin = {{"chat", "y"}, {"title", "Numbers"}, {"message", 4}};
    EXPECT_TRUE(chatMarkdown(c, {}).starts_with("# Two and three\n\nBranched from: Numbers\n"));
    EXPECT_EQ(chatJson(c, {}, {})["origin"]["chat"], "y");
    EXPECT_FALSE(chatJson(chat(), {}, {}).contains("origin"));
}

}  // namespace
}  // namespace caravan::projects
