// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/chat_output.h"

#include <fmt/format.h>

namespace caravan::cli {

nlohmann::json tokenObject(const engine::TokenEvent& t, bool routing) {
    nlohmann::json object = {{"id", t.id}, {"text", t.text}, {"logprob", t.logprob}};
    if (routing) {
        object["experts"] = t.experts;
        object["weights"] = t.weights;
        object["layers"] = t.layers;
    }
    if (!t.alternatives.empty()) {
        object["alternatives"] = nlohmann::json::array();
        for (const auto& a : t.alternatives)
            object["alternatives"].push_back({{"id", a.id}, {"text", a.text}, {"logprob", a.logprob}});
    }
    return object;
}

std::string quotedPiece(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string routingLines(const std::vector<engine::TokenEvent>& tokens) {
    std::string text;
    for (const auto& t : tokens) {
        text += fmt::format("{:<16} {:>8.3f} ", quotedPiece(t.text), t.logprob);
        for (std::size_t l = 0; l < t.experts.size(); ++l) {
            text += ' ';
            for (std::size_t k = 0; k < t.experts[l].size(); ++k)
                text += fmt::format("{}{}", k ? "+" : "", t.experts[l][k]);
        }
        text += '\n';
    }
    return text;
}

nlohmann::json summaryObject(const engine::GenerateSummary& summary) {
    return {{"text", summary.text},
            {"prompt_tokens", summary.promptTokens},
            {"tokens", summary.tokens},
            {"finish", summary.finish},
            {"tokens_per_second", summary.tokensPerSecond},
            {"seconds_to_first_token", summary.secondsToFirstToken}};
}

}  // namespace caravan::cli
