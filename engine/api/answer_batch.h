// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <vector>

#include "engine/api/engine.h"

namespace caravan::engine {

// Sequences that a step decodes together at most; further ones take the places of those that ended.
constexpr std::int64_t kMostTogether = 16;

// One answer of a batch. All of a batch share steer and activeExperts; everything else is the answer's own.
struct AnswerRequest {
    std::vector<ChatMessage> messages;
    GenerateOptions options;
};
struct BatchRequest {
    ModelSource source;
    std::vector<AnswerRequest> answers;
};
struct BatchOutcome {
    std::vector<GenerateSummary> answers;  // as asked for
    std::int64_t together = 0;             // most sequences that one step decoded
    std::int64_t prefills = 0;             // prompts read: answers to the same one share it
    double seconds = 0;                    // prompts included
    double tokensPerSecond = 0;            // tokens of all answers over seconds
};
// sequence: index in BatchRequest::answers
using AnswerTokenFunction = std::function<void(std::int64_t sequence, const TokenEvent& token)>;

// What an Engine may be beside: hosts ask with dynamic_cast and refuse the request where it is not.
class BatchWriter {
  public:
    virtual ~BatchWriter() = default;
    // Blocks. Each answer is the one that Engine::generate gives alone with the same options, whatever is
    // written beside it. Progress counts answers that ended. A stop ends those that are being written as
    // "cancelled", and those that wait with no token. Errors as Engine::generate, and MemoryShort before the
    // first token where not even the longest answer would fit.
    virtual Result<BatchOutcome> writeAnswers(const BatchRequest& request, const AnswerTokenFunction& token,
                                              const ProgressFunction& progress, std::stop_token stop) = 0;
};

void to_json(nlohmann::json& out, const AnswerRequest& request);
void from_json(const nlohmann::json& in, AnswerRequest& request);
void to_json(nlohmann::json& out, const BatchRequest& request);
void from_json(const nlohmann::json& in, BatchRequest& request);
void to_json(nlohmann::json& out, const BatchOutcome& outcome);
void from_json(const nlohmann::json& in, BatchOutcome& outcome);

}  // namespace caravan::engine
