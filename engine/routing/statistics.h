// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/api/engine.h"

// Routing statistics of methods.md section 5 as pure functions on counts; no torch.
namespace caravan::engine::routing {

// counts [E] -> shares, sum 1; all zero where nothing was counted.
[[nodiscard]] std::vector<double> shares(std::span<const double> counts);
[[nodiscard]] double entropy(std::span<const double> shares);           // H / ln n; 1 = uniform; 1 for n = 1
[[nodiscard]] double effectiveExperts(std::span<const double> shares);  // exp(H)
[[nodiscard]] double maxViolation(std::span<const double> shares);      // n max u - 1; 0 = uniform
[[nodiscard]] double variation(std::span<const double> shares);         // standard deviation / mean

// What ops::accumulateRouting sums per layer: top probability, margin, token entropy (nats), logsumexp,
// tokens.
struct TokenSums {
    double topProbability = 0, margin = 0, entropy = 0, logSumExp = 0, tokens = 0;
};
// Means over tokens; token entropy / ln E.
struct TokenMeans {
    double confidence = 0, margin = 0, tokenEntropy = 0, logSumExp = 0;
};
[[nodiscard]] TokenMeans means(const TokenSums& sums, std::int64_t experts);

enum class Choice { First = 0, All = 1 };
// Counts of one layer's experts over all roles; domain < 0 = all domains.
[[nodiscard]] std::vector<double> counts(const RoutingRecord& record, std::size_t layer, Choice choice,
                                         std::int64_t domain = -1);
// Experts whose share of all k choices is below 0.1 / n in every domain that has tokens: (layer index,
// expert).
[[nodiscard]] std::vector<std::pair<std::int64_t, std::int64_t>> deadExperts(const RoutingRecord& record);
// record.layers.size() = sums.size().
[[nodiscard]] RoutingStatistics statisticsOf(RoutingRecord record, std::span<const TokenSums> sums);

}  // namespace caravan::engine::routing
