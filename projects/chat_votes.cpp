// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/chat_votes.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "engine/api/event_json.h"
#include "projects/chat_archive.h"
#include "projects/files.h"
#include "projects/owner.h"

namespace caravan::projects {
using nlohmann::json;

namespace {

constexpr std::array kOutcomes = {"better", "tie", "all_bad"};

Vote voteFrom(const json& line) {
    Vote vote;
    vote.question = line.at("question").get<std::int64_t>();
    for (const json& answer : line.at("answers"))
        vote.answers.push_back({answer.at("message").get<std::int64_t>(), answer.at("source")});
    const auto word = line.at("outcome").get<std::string>();
    const auto place = std::find(kOutcomes.begin(), kOutcomes.end(), word) - kOutcomes.begin();
    vote.outcome = place < 3 ? static_cast<Vote::Outcome>(place) : Vote::Outcome::Tie;
    vote.best = vote.outcome == Vote::Outcome::Better ? line.at("best").get<int>() : -1;
    vote.createdAt = line.at("created_at").get<std::int64_t>();
    return vote;
}

std::vector<Vote> read(const Project& project, const char* query, const std::string& chat) {
    Connection db(project.database(), Connection::Mode::ReadOnly);
    Statement s = db.prepare(query);
    if (!chat.empty()) s.bind(1, chat);
    std::vector<Vote> found;
    while (s.step()) {
        const json line = json::parse(s.text(0), nullptr, false);
        if (line.is_object()) found.push_back(voteFrom(line));
    }
    return found;
}

void count(PairTally& tally, const std::string& better, Vote::Outcome outcome) {
    if (outcome == Vote::Outcome::Tie) ++tally.ties;
    if (outcome == Vote::Outcome::AllBad) ++tally.bothBad;
    if (outcome == Vote::Outcome::Better) ++(better == tally.first ? tally.firstBetter : tally.secondBetter);
}

}  // namespace

json toJson(const Vote& vote) {
    json answers = json::array();
    for (const Vote::Answer& answer : vote.answers)
        answers.push_back({{"message", answer.message}, {"source", answer.source}});
    return {{"question", vote.question},
            {"answers", std::move(answers)},
            {"outcome", kOutcomes.at(static_cast<std::size_t>(vote.outcome))},
            {"best", vote.best},
            {"created_at", vote.createdAt}};
}

json toJson(const PairTally& tally) {
    return {{"first", tally.first},
            {"second", tally.second},
            {"first_better", tally.firstBetter},
            {"second_better", tally.secondBetter},
            {"ties", tally.ties},
            {"both_bad", tally.bothBad}};
}

// A vote is known by the first of its answers: every round of voting makes new ones.
void applyVote(Connection& db, const std::string& chat, const json& line) {
    const Vote vote = voteFrom(line);
    const bool better = vote.outcome == Vote::Outcome::Better;
    if (vote.answers.empty() ||
        (better && (vote.best < 0 || std::cmp_greater_equal(vote.best, vote.answers.size()))))
        return;  // edited by hand
    for (const Vote::Answer& answer : vote.answers)
        static_cast<void>(voterWords(answer.source));  // throws where it is no source
    db.prepare("INSERT OR REPLACE INTO votes VALUES(?,?,?,?)")
        .bindAll(chat, vote.answers.front().message, vote.createdAt,
                 toJson(vote).dump(-1, ' ', false, json::error_handler_t::replace))
        .run();
}

void ChatArchive::putVote(const std::string& chat, Vote vote) {
    if (vote.createdAt == 0) vote.createdAt = nowMilliseconds();
    json line = toJson(vote);
    line["type"] = "vote";
    write(chat, std::move(line));
}

engine::Result<std::vector<Vote>> ChatArchive::votes(const std::string& chat) {
    return attempt([&] {
        return read(*m_project, "SELECT vote FROM votes WHERE chat = ? ORDER BY created_at, answer", chat);
    });
}

engine::Result<std::vector<Vote>> ChatArchive::allVotes() {
    return attempt(
        [&] { return read(*m_project, "SELECT vote FROM votes ORDER BY created_at, chat, answer", ""); });
}

std::string voterWords(const json& source) {
    if (!source.is_object()) return "?";
    std::string words = source.value("words", std::string());
    if (words.empty()) words = source.value("path", std::string("?"));
    if (!source.contains("options") || !source["options"].is_object()) return words;
    const auto options = source["options"].get<engine::GenerateOptions>();
    return options.steer.empty() && !options.activeExperts ? words : words + ", experts changed";
}

std::vector<PairTally> tallied(const std::vector<Vote>& votes) {
    std::map<std::pair<std::string, std::string>, PairTally> pairs;
    for (const Vote& vote : votes)
        for (std::size_t i = 0; i < vote.answers.size(); ++i)
            for (std::size_t j = i + 1; j < vote.answers.size(); ++j) {
                const bool better = vote.outcome == Vote::Outcome::Better;
                if (better && vote.best != static_cast<int>(i) && vote.best != static_cast<int>(j)) continue;
                std::string one = voterWords(vote.answers[i].source),
                            two = voterWords(vote.answers[j].source);
                if (one == two) continue;  // a model beside itself
                const std::string best = vote.best == static_cast<int>(i) ? one : two;
                if (two < one) std::swap(one, two);
                PairTally& tally = pairs[{one, two}];
                tally.first = one;
                tally.second = two;
                count(tally, best, vote.outcome);
            }
    std::vector<PairTally> list;
    for (const auto& [words, tally] : pairs)
        list.push_back(tally);
    std::stable_sort(list.begin(), list.end(),
                     [](const PairTally& a, const PairTally& b) { return a.votes() > b.votes(); });
    return list;
}

}  // namespace caravan::projects
