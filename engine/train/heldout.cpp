// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/heldout.h"

#include <numeric>

#include "engine/evaluate/heldout.h"

namespace caravan::engine::train {

Evaluation evaluateHeldout(model::Model& model, const DataSet& data, StepIndex step,
                           const ProgressFunction& progress, std::stop_token stop) {
    Progress state{.stage = "evaluating"};
    for (const DataSet::Heldout& domain : data.heldout())
        state.total += domain.rows.size();
    Evaluation evaluation{.step = step};
    for (const DataSet::Heldout& domain : data.heldout()) {
        std::vector<std::int32_t> rows(static_cast<std::size_t>(domain.rows.size()));
        std::iota(rows.begin(), rows.end(), 0);
        const std::int64_t before = state.done;
        const auto tell = [&](std::int64_t done) {
            state.done = before + done;
            if (progress) progress(state);
        };
        const double loss = evaluate::heldoutLoss(model, domain.rows, rows, tell, stop);
        evaluation.heldoutLoss.emplace_back(domain.name, loss);
        evaluation.mean += loss / static_cast<double>(data.heldout().size());
    }
    return evaluation;
}

}  // namespace caravan::engine::train
