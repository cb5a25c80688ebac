// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/answer_score.h"

#include <algorithm>

#include "engine/api/event_json.h"

namespace caravan::engine {
using nlohmann::json;

bool operator==(const RouterChange& a, const RouterChange& b) {
    const auto same = [](const SteerExpert& x, const SteerExpert& y) {
        return x.layer == y.layer && x.expert == y.expert && x.use == y.use && x.bias == y.bias;
    };
    return a.activeExperts == b.activeExperts &&
           std::equal(a.steer.begin(), a.steer.end(), b.steer.begin(), b.steer.end(), same);
}

RouterChange routerChangeOf(const GenerateOptions& options) {
    return {options.steer, options.activeExperts};
}

// Spelled as within GenerateOptions.
void to_json(json& out, const RouterChange& change) {
    GenerateOptions options;
    options.steer = change.steer;
    options.activeExperts = change.activeExperts;
    const json all = options;
    out = {{"steer", all.at("steer")}, {"active_experts", all.at("active_experts")}};
}
void from_json(const json& in, RouterChange& change) {
    change = routerChangeOf(in.get<GenerateOptions>());
}

void to_json(json& out, const ScoreRequest& request) {
    out = {{"source", request.source},
           {"messages", request.messages},
           {"raw", request.raw},
           {"answer", request.answer},
           {"changes", request.changes}};
}
void from_json(const json& in, ScoreRequest& request) {
    in.at("source").get_to(request.source);
    in.at("messages").get_to(request.messages);
    request.raw = in.value("raw", false);
    in.at("answer").get_to(request.answer);
    in.at("changes").get_to(request.changes);
}

void to_json(json& out, const AnswerScore& score) {
    out = {{"logprobs", score.logprobs}};
}
void from_json(const json& in, AnswerScore& score) {
    in.at("logprobs").get_to(score.logprobs);
}

}  // namespace caravan::engine
