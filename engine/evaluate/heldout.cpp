// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/evaluate/heldout.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "engine/train/token_batch.h"

namespace caravan::engine::evaluate {

double heldoutLoss(model::Model& model, const RowStore& store, std::span<const std::int32_t> rows,
                   const std::function<void(std::int64_t)>& progress, std::stop_token stop) {
    at::Tensor sum = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(model.device()));
    std::int64_t answers = 0, done = 0;
    for (const auto& batch : packMicroBatches(store, rows, kEvaluationTokens, Packing::Packed)) {
        if (stop.stop_requested())
            throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        const auto tokens = train::toDevice(train::makeTokenBatch(batch), model.device());
        if (tokens.answers() > 0) {
            const at::Tensor hidden = model.forward(tokens.tokens);
            sum += train::answerLoss(hidden, model.head(), tokens.targets, 1, false, model.headPanels())
                       .sum.to(at::kDouble);
            answers += tokens.answers();
        }
        done += static_cast<std::int64_t>(batch.segments());
        if (progress) progress(done);
    }
    if (answers == 0)
        throw EngineException(ErrorCode::RowBad,
                              {{"file", ""}, {"line", "0"}, {"detail", "no row has an answer token"}});
    return sum.item<double>() / static_cast<double>(answers);
}

ProbeSet loadProbeSet(const std::vector<DomainFile>& files, const Tokenizer& tokenizer,
                      const ChatTemplate& chat, std::int64_t sequenceLength, const ProgressFunction& progress,
                      std::stop_token stop) {
    Recipe recipe;
    for (const auto& file : files)
        recipe.data.files.push_back(
            {std::filesystem::absolute(file.path).string(), file.name, 1.0, file.columns});
    DataSet::Options options{.sequenceLength = sequenceLength, .progress = progress, .stop = std::move(stop)};
    options.chat = chat;
    ProbeSet set{unwrap(DataSet::load(recipe, "/", tokenizer, options)), {}};
    for (const auto& name : set.data.domains())
        set.domains.push_back({name, {}});
    for (const std::int32_t row : set.data.epochRows())
        set.domains[static_cast<std::size_t>(set.data.rows().row(row).domain)].rows.push_back(row);
    return set;
}

EvaluateOutcome lossesOf(model::Model& model, const ProbeSet& set, const std::string& name,
                         const ProgressFunction& progress, const std::stop_token& stop) {
    EvaluateOutcome outcome{.model = name};
    Progress state{.stage = "evaluating", .total = static_cast<std::int64_t>(set.data.epochRows().size())};
    for (const DomainRows& domain : set.domains) {
        const std::int64_t before = state.done;
        const double loss = heldoutLoss(
            model, set.data.rows(), domain.rows,
            [&](std::int64_t rows) {
                state.done = before + rows;
                if (progress) progress(state);
            },
            stop);
        outcome.heldoutLoss.emplace_back(domain.name, loss);
        outcome.mean += loss / static_cast<double>(set.domains.size());
    }
    return outcome;
}

}  // namespace caravan::engine::evaluate
