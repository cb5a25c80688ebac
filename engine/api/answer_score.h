// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <vector>

#include "engine/api/engine.h"

namespace caravan::engine {

// One way of bending the router: GenerateOptions' steer and activeExperts, alone.
struct RouterChange {
    std::vector<SteerExpert> steer;
    std::optional<std::int64_t> activeExperts;
    [[nodiscard]] bool none() const { return steer.empty() && !activeExperts; }
};

// An answer that was given already, read again under other routers (teacher-forced).
struct ScoreRequest {
    ModelSource source;
    std::vector<ChatMessage> messages;  // up to the question
    bool raw = false;                   // as GenerateOptions::raw
    std::vector<std::int32_t> answer;   // ids of the answer's tokens
    std::vector<RouterChange> changes;  // one reading each
};
struct AnswerScore {
    std::vector<std::vector<double>> logprobs;  // [changes][answer], nats, of the unmodified softmax
};

// What an Engine may be beside: hosts ask with dynamic_cast and refuse the request where it is not.
class AnswerScorer {
  public:
    virtual ~AnswerScorer() = default;
    // Blocks. Progress counts readings. Errors as Engine::generate.
    virtual Result<AnswerScore> score(const ScoreRequest& request, const ProgressFunction& progress,
                                      std::stop_token stop) = 0;
};

bool operator==(const RouterChange& a, const RouterChange& b);
void to_json(nlohmann::json& out, const RouterChange& change);
void from_json(const nlohmann::json& in, RouterChange& change);
void to_json(nlohmann::json& out, const ScoreRequest& request);
void from_json(const nlohmann::json& in, ScoreRequest& request);
void to_json(nlohmann::json& out, const AnswerScore& score);
void from_json(const nlohmann::json& in, AnswerScore& score);

// Of an answer's options.
[[nodiscard]] RouterChange routerChangeOf(const GenerateOptions& options);

}  // namespace caravan::engine
