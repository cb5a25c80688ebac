// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/answer_batch.h"

#include "engine/api/event_json.h"

namespace caravan::engine {
using nlohmann::json;

void to_json(json& out, const AnswerRequest& request) {
    out = {{"messages", request.messages}, {"options", request.options}};
}
void from_json(const json& in, AnswerRequest& request) {
    in.at("messages").get_to(request.messages);
    request.options = in.value("options", json::object()).get<GenerateOptions>();
}

void to_json(json& out, const BatchRequest& request) {
    out = {{"source", request.source}, {"answers", request.answers}};
}
void from_json(const json& in, BatchRequest& request) {
    in.at("source").get_to(request.source);
    in.at("answers").get_to(request.answers);
}

void to_json(json& out, const BatchOutcome& outcome) {
    out = {{"answers", outcome.answers},
           {"together", outcome.together},
           {"prefills", outcome.prefills},
           {"seconds", outcome.seconds},
           {"tokens_per_second", outcome.tokensPerSecond}};
}
void from_json(const json& in, BatchOutcome& outcome) {
    in.at("answers").get_to(outcome.answers);
    in.at("together").get_to(outcome.together);
    in.at("prefills").get_to(outcome.prefills);
    in.at("seconds").get_to(outcome.seconds);
    in.at("tokens_per_second").get_to(outcome.tokensPerSecond);
}

}  // namespace caravan::engine
