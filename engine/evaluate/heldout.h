// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <span>
#include <stop_token>

#include "engine/data/data_set.h"
#include "engine/model/model.h"

namespace caravan::engine::evaluate {

// Nats per answer token over all rows together (cli.md, eval): the sum of -log p over trained tokens / their
// number. One read-back at the end. done: rows so far. Throws Interrupted; RowBad if no row has an answer
// token.
[[nodiscard]] double heldoutLoss(model::Model& model, const RowStore& store,
                                 std::span<const std::int32_t> rows,
                                 const std::function<void(std::int64_t done)>& progress = {},
                                 std::stop_token stop = {});

// Tokens of a forward-only micro-batch.
inline constexpr std::int64_t kEvaluationTokens = 2048;

// Files with their domains, as ids: all rows of a domain, in file order.
struct DomainRows {
    std::string name;
    std::vector<std::int32_t> rows;
};
struct ProbeSet {
    DataSet data;
    std::vector<DomainRows> domains;
};
// chat: how the rows are written, as the model was tuned.
[[nodiscard]] ProbeSet loadProbeSet(const std::vector<DomainFile>& files, const Tokenizer& tokenizer,
                                    const ChatTemplate& chat, std::int64_t sequenceLength,
                                    const ProgressFunction& progress, std::stop_token stop);

// heldoutLoss of each domain, and the domains' mean; name: of the model in the outcome.
[[nodiscard]] EvaluateOutcome lossesOf(model::Model& model, const ProbeSet& set, const std::string& name,
                                       const ProgressFunction& progress, const std::stop_token& stop);

}  // namespace caravan::engine::evaluate
