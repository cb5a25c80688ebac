// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "projects/chat_archive.h"
#include "projects/chat_votes.h"
#include "projects/rebuild.h"
#include "tests/projects/support.h"

namespace caravan::projects {
namespace {

using namespace testing;

Vote vote(std::int64_t first, const std::vector<std::string>& models, Vote::Outcome outcome, int best = -1) {
    Vote v;
    v.question = first - 1;
    v.outcome = outcome;
    v.best = best;
    for (const std::string& model : models)
        v.answers.push_back({first++, {{"path", "/" + model}, {"words", model}}});
    return v;
}

TEST(Votes, StayWithTheirConversationAndAreRebuilt) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    ChatArchive chats(project);
    const auto one = chats.create({.title = "One"}), two = chats.create({.title = "Two"});
    chats.putVote(one, vote(2, {"b", "a"}, Vote::Outcome::Better, 1));
    chats.putVote(one, vote(4, {"a", "b"}, Vote::Outcome::Tie));
    chats.putVote(two, vote(2, {"a", "b", "c"}, Vote::Outcome::AllBad));
    take(chats.flush());
    const auto report = take(rebuild(project->folder()));
    EXPECT_EQ(report.differences, std::vector<std::string>{});
    EXPECT_EQ(report.rows.at("votes"), 3);
    const auto kept = take(chats.votes(one));
    ASSERT_EQ(kept.size(), 2u);
    EXPECT_EQ(kept[0].outcome, Vote::Outcome::Better);
    EXPECT_EQ(kept[0].best, 1);
    EXPECT_EQ(kept[0].question, 1);
    EXPECT_EQ(kept[0].answers[1].message, 3);
    EXPECT_EQ(kept[0].answers[1].source["words"], "a");
    EXPECT_GT(kept[0].createdAt, 0);
    chats.remove(two);
    take(chats.flush());
    EXPECT_EQ(take(chats.allVotes()).size(), 2u);
}

TEST(Votes, LinesThatMakeNoSenseAreLeftOut) {
    const Scratch scratch;
    const auto project = take(Project::create(scratch.path() / "p"));
    ChatArchive chats(project);
    const auto id = chats.create({.title = "One"});
    chats.putVote(id, vote(2, {"a", "b"}, Vote::Outcome::Better, 1));
    take(chats.flush());
    {
        std::ofstream file(project->chatsFolder() / (id + ".jsonl"), std::ios::app);
        file << R"({"type":"vote","question":1,"answers":[{"message":4,"source":{"words":7}}],)"
             << R"("outcome":"tie","best":-1,"created_at":1})" << '\n'
             << R"({"type":"vote","question":1,"answers":[{"message":5,"source":null}],)"
             << R"("outcome":"better","best":3,"created_at":1})" << '\n'
             << R"({"type":"vote","question":1})" << '\n';
    }
    EXPECT_EQ(take(rebuild(project->folder())).rows.at("votes"), 1);
    EXPECT_EQ(tallied(take(chats.allVotes())).at(0).secondBetter, 1);
}

TEST(Votes, AreCountedPerPair) {
    using Outcome = Vote::Outcome;
    const auto list =
        tallied({vote(2, {"b", "a"}, Outcome::Better, 1), vote(4, {"a", "b"}, Outcome::Better, 1),
                 vote(6, {"a", "b"}, Outcome::Better, 0), vote(8, {"b", "a"}, Outcome::Tie),
                 vote(10, {"a", "a"}, Outcome::Better, 0)});
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0], (PairTally{"a", "b", 2, 1, 1, 0}));
    EXPECT_EQ(list[0].votes(), 4);
}

TEST(Votes, TheBestOfThreeSaysNothingOfTheOthers) {
    const auto list = tallied(
        {vote(2, {"c", "a", "b"}, Vote::Outcome::Better, 0), vote(6, {"c", "a"}, Vote::Outcome::AllBad)});
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0], (PairTally{"a", "c", 0, 1, 0, 1}));
    EXPECT_EQ(list[1], (PairTally{"b", "c", 0, 1, 0, 0}));
}

TEST(Votes, ChangedExpertsAreAnotherVoter) {
    nlohmann::json source = {{"path", "/m"}, {"words", "m"}};
    engine::GenerateOptions options;
    source["options"] = options;
    EXPECT_EQ(voterWords(source), "m");
    options.activeExperts = 1;
    source["options"] = options;
    EXPECT_EQ(voterWords(source), "m, experts changed");
    EXPECT_EQ(voterWords(nullptr), "?");
}

}  // namespace
}  // namespace caravan::projects
