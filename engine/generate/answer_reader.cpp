// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/answer_reader.h"

#include <ATen/Functions.h>

#include "engine/generate/generator.h"
#include "engine/model/tokens.h"

namespace caravan::engine::generate {
namespace {

constexpr std::int64_t kRows = 64;  // logits of so many tokens lie in memory at once

void check(const model::Model& model, std::span<const std::int32_t> prompt, const ScoreRequest& request) {
    const ModelConfig& config = model.config();
    const auto bad = [](const char* key, std::int64_t value, const std::string& range) {
        throw EngineException(ErrorCode::BadOption,
                              {{"key", key}, {"value", std::to_string(value)}, {"range", range}});
    };
    const auto total = static_cast<std::int64_t>(prompt.size() + request.answer.size());
    if (prompt.empty() || request.answer.empty()) bad("answer", 0, "at least one token");
    if (total > config.maxPositions + 1)
        bad("answer", total, "at most the model's " + std::to_string(config.maxPositions) + " positions");
    for (const std::int32_t id : request.answer)
        if (id < 0 || id >= config.vocabulary)
            bad("answer", id, "0 to " + std::to_string(config.vocabulary - 1));
    for (const RouterChange& change : request.changes) {
        GenerateOptions options;
        options.steer = change.steer;
        options.activeExperts = change.activeExperts;
        checkSteering(options, config);
    }
}

std::vector<double> readOnce(model::Model& model, const model::Tokens& tokens, std::int64_t first,
                             const at::Tensor& answer, const RouterChange& change, bool dense) {
    const moe::Steering steering{change.steer, change.activeExperts};
    const at::Tensor hidden =
        model.forward(tokens, {.dense = dense, .steering = steering.none() ? nullptr : &steering});
    std::vector<at::Tensor> parts;
    for (std::int64_t row = 0; row < answer.size(0); row += kRows) {
        const std::int64_t count = std::min(kRows, answer.size(0) - row);
        const at::Tensor all =
            at::log_softmax(model.logits(hidden.narrow(0, first + row, count)).to(at::kDouble), 1);
        parts.push_back(all.gather(1, answer.narrow(0, row, count).unsqueeze(1)));
    }
    const at::Tensor values = at::cat(parts).to(at::kCPU).contiguous();
    const double* begin = values.const_data_ptr<double>();
    return {begin, begin + values.numel()};
}

}  // namespace

AnswerScore readAnswer(model::Model& model, std::span<const std::int32_t> prompt, const ScoreRequest& request,
                       const ProgressFunction& progress, const std::stop_token& stop, bool dense) {
    check(model, prompt, request);
    // The last token of the answer is told of, not read.
    std::vector<std::int32_t> ids(prompt.begin(), prompt.end());
    ids.insert(ids.end(), request.answer.begin(), request.answer.end() - 1);
    const model::Tokens tokens = model::packTokens(ids, model.device());
    std::vector<std::int64_t> wide(request.answer.begin(), request.answer.end());
    const at::Tensor answer = at::tensor(wide, at::kLong).to(model.device());
    AnswerScore score;
    Progress state{.stage = "reading the answer", .total = static_cast<std::int64_t>(request.changes.size())};
    for (const RouterChange& change : request.changes) {
        if (stop.stop_requested())
            throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        score.logprobs.push_back(
            readOnce(model, tokens, static_cast<std::int64_t>(prompt.size()) - 1, answer, change, dense));
        ++state.done;
        if (progress) progress(state);
    }
    return score;
}

}  // namespace caravan::engine::generate
