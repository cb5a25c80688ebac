// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "projects/sqlite.h"

namespace caravan::projects {

// A user's word on answers that were shown without names.
struct Vote {
    std::int64_t question = 0;  // message that they answer
    struct Answer {
        std::int64_t message = 0;
        nlohmann::json source = nullptr;  // who gave it, as Message::source
    };
    std::vector<Answer> answers;  // in the order in which they were shown
    enum class Outcome { Better, Tie, AllBad } outcome = Outcome::Tie;
    int best = -1;  // index into answers; -1 unless one was better
    std::int64_t createdAt = 0;
};

// How two models fared against each other. With three or four answers the better one beats each of the
// others, and nothing is known of these among themselves.
struct PairTally {
    std::string first, second;  // in words; first < second
    std::int64_t firstBetter = 0, secondBetter = 0, ties = 0, bothBad = 0;
    [[nodiscard]] std::int64_t votes() const { return firstBetter + secondBetter + ties + bothBad; }
    friend bool operator==(const PairTally&, const PairTally&) = default;
};

// Per pair of models, by their words; what has most votes comes first. Answers of one model under changed
// experts count for themselves.
[[nodiscard]] std::vector<PairTally> tallied(const std::vector<Vote>& votes);
// A model as a tally names it.
[[nodiscard]] std::string voterWords(const nlohmann::json& source);

[[nodiscard]] nlohmann::json toJson(const Vote& vote);
[[nodiscard]] nlohmann::json toJson(const PairTally& tally);
// A vote's line of a chat file into the database; on the writer thread.
void applyVote(Connection& db, const std::string& chat, const nlohmann::json& line);

}  // namespace caravan::projects
