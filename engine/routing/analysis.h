// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/api/routing_analysis.h"
#include "engine/routing/reading.h"

namespace caravan::engine::routing {

inline constexpr std::int64_t kSimilarityTokens = 256;  // tokens whose outputs are compared (CKA)
inline constexpr std::size_t kListedTokens = 8;         // of each expert's vocabulary

// Everything of a RoutingAnalysis that one model says: one pass over the probe rows, and one for each muted
// expert. model, step, probe and reference are the caller's.
struct Analysed {
    RoutingAnalysis result;
    Choices choices;  // for compareWith()
};
[[nodiscard]] Analysed analyse(model::Model& model, const Tokenizer& tokenizer, const ProbeRows& probe,
                               const RoutingAnalysisRequest& request, const ProgressFunction& progress,
                               const std::stop_token& stop);

// Saturation and load of another model on the same rows. Throws Unsupported if its layers, experts, k or
// vocabulary differ.
void compareWith(Analysed& analysed, model::Model& reference, const ProbeRows& probe,
                 const RoutingAnalysisRequest& request, const ProgressFunction& progress,
                 const std::stop_token& stop);

// Writes RUN/routing/analysis-STEP.json; what an earlier one knew of muting and the reference is kept where
// this one did not ask and the tokens are the same. Throws WriteFailed.
void saveAnalysis(RoutingAnalysis& analysis, const std::filesystem::path& runFolder);

}  // namespace caravan::engine::routing
