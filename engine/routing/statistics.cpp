// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace caravan::engine::routing {
namespace {

double entropyNats(std::span<const double> shares) {
    double sum = 0;
    for (const double u : shares)
        if (u > 0) sum -= u * std::log(u);
    return sum;
}

}  // namespace

std::vector<double> shares(std::span<const double> counts) {
    const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
    std::vector<double> out(counts.begin(), counts.end());
    for (double& value : out)
        value = total > 0 ? value / total : 0;
    return out;
}

double entropy(std::span<const double> shares) {
    return shares.size() < 2 ? 1.0 : entropyNats(shares) / std::log(static_cast<double>(shares.size()));
}

double effectiveExperts(std::span<const double> shares) {
    return std::exp(entropyNats(shares));
}

double maxViolation(std::span<const double> shares) {
    if (shares.empty()) return 0;
    return static_cast<double>(shares.size()) * *std::max_element(shares.begin(), shares.end()) - 1.0;
}

double variation(std::span<const double> shares) {
    if (shares.empty()) return 0;
    const auto n = static_cast<double>(shares.size());
    const double mean = std::accumulate(shares.begin(), shares.end(), 0.0) / n;
    double squares = 0;
    for (const double u : shares)
        squares += (u - mean) * (u - mean);
    return mean > 0 ? std::sqrt(squares / n) / mean : 0;
}

TokenMeans means(const TokenSums& sums, std::int64_t experts) {
    if (sums.tokens <= 0) return {};
    const double most = experts > 1 ? std::log(static_cast<double>(experts)) : 1.0;
    return {sums.topProbability / sums.tokens, sums.margin / sums.tokens, sums.entropy / sums.tokens / most,
            sums.logSumExp / sums.tokens};
}

std::vector<double> counts(const RoutingRecord& record, std::size_t layer, Choice choice,
                           std::int64_t domain) {
    std::vector<double> out(static_cast<std::size_t>(record.experts));
    for (std::size_t expert = 0; expert < out.size(); ++expert)
        for (std::size_t d = 0; d < record.domains.size(); ++d)
            if (domain < 0 || d == static_cast<std::size_t>(domain))
                for (const int role : {0, 1})
                    out[expert] +=
                        record.values[record.index(layer, expert, d, static_cast<int>(choice), role, 0)];
    return out;
}

std::vector<std::pair<std::int64_t, std::int64_t>> deadExperts(const RoutingRecord& record) {
    std::vector<std::pair<std::int64_t, std::int64_t>> dead;
    const double limit = 0.1 / static_cast<double>(std::max<std::int64_t>(1, record.experts));
    for (std::size_t layer = 0; layer < record.layers.size(); ++layer) {
        std::vector<bool> alive(static_cast<std::size_t>(record.experts), false);
        bool seen = false;
        for (std::size_t d = 0; d < record.domains.size(); ++d) {
            const auto counted = counts(record, layer, Choice::All, static_cast<std::int64_t>(d));
            if (std::accumulate(counted.begin(), counted.end(), 0.0) <= 0) continue;
            seen = true;
            const auto share = shares(counted);
            for (std::size_t e = 0; e < share.size(); ++e)
                alive[e] = alive[e] || share[e] >= limit;
        }
        for (std::size_t e = 0; seen && e < alive.size(); ++e)
            if (!alive[e]) dead.emplace_back(record.layers[layer], static_cast<std::int64_t>(e));
    }
    return dead;
}

RoutingStatistics statisticsOf(RoutingRecord record, std::span<const TokenSums> sums) {
    RoutingStatistics out;
    for (std::size_t layer = 0; layer < record.layers.size(); ++layer) {
        const auto share = shares(counts(record, layer, Choice::All));
        out.maxVio.push_back(maxViolation(share));
        out.entropy.push_back(entropy(share));
        out.effectiveExperts.push_back(effectiveExperts(share));
        const auto mean = means(sums[layer], record.experts);
        out.confidence.push_back(mean.confidence);
        out.margin.push_back(mean.margin);
        out.tokenEntropy.push_back(mean.tokenEntropy);
    }
    out.dead = deadExperts(record);
    out.record = std::move(record);
    return out;
}

}  // namespace caravan::engine::routing
