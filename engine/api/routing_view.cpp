// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/routing_view.h"

#include <algorithm>
#include <cmath>

namespace caravan::engine {
namespace {

constexpr double kDeadShare = 0.1;  // of the even share

double cellValue(const RoutingRecord& record, std::size_t layer, std::size_t expert, std::size_t domain,
                 const RoutingFilter& filter) {
    const int what = filter.measure == RoutingMeasure::Tokens ? 0 : 1;
    double sum = 0;
    for (int role = 0; role < 2; ++role) {  // prompt, answer
        if (filter.role == RoutingRole::Prompt && role != 0) continue;
        if (filter.role == RoutingRole::Answer && role != 1) continue;
        const double first = record.values[record.index(layer, expert, domain, 0, role, what)];
        const double all = record.values[record.index(layer, expert, domain, 1, role, what)];
        switch (filter.choice) {
            case RoutingChoice::Both:
                sum += all;
                break;
            case RoutingChoice::First:
                sum += first;
                break;
            case RoutingChoice::Later:
                sum += std::max(0.0, all - first);
                break;
        }
    }
    return sum;
}

}  // namespace

double routedAmount(const RoutingRecord& record, std::size_t layer, std::size_t expert,
                    const RoutingFilter& filter) {
    if (filter.domain >= 0)
        return cellValue(record, layer, expert, static_cast<std::size_t>(filter.domain), filter);
    double sum = 0;
    for (std::size_t domain = 0; domain < record.domains.size(); ++domain)
        sum += cellValue(record, layer, expert, domain, filter);
    return sum;
}

std::vector<double> layerShares(const RoutingRecord& record, std::size_t layer, const RoutingFilter& filter) {
    std::vector<double> shares(static_cast<std::size_t>(record.experts));
    double sum = 0;
    for (std::size_t expert = 0; expert < shares.size(); ++expert)
        sum += shares[expert] = routedAmount(record, layer, expert, filter);
    for (double& share : shares)
        share = sum > 0 ? share / sum : NAN;
    return shares;
}

LayerStatistics statisticsOf(const std::vector<double>& shares) {
    LayerStatistics result;
    if (shares.empty() || !std::isfinite(shares.front())) return result;
    double entropy = 0, most = 0;
    for (std::size_t expert = 0; expert < shares.size(); ++expert) {
        if (shares[expert] > 0) entropy -= shares[expert] * std::log(shares[expert]);
        if (shares[expert] > most) {
            most = shares[expert];
            result.busiest = static_cast<int>(expert);
        }
    }
    const double n = static_cast<double>(shares.size());
    result.known = true;
    result.maxVio = n * most - 1;
    result.entropy = n > 1 ? entropy / std::log(n) : 1;
    result.effectiveExperts = std::exp(entropy);
    return result;
}

namespace {

void summarize(RoutingView& view) {
    int known = 0;
    for (std::size_t layer = 0; layer < view.layers; ++layer) {
        const LayerStatistics& s = view.statistics[layer];
        if (!s.known) continue;
        ++known;
        view.maxVioMean += s.maxVio;
        view.entropyMean += s.entropy;
        view.effectiveMean += s.effectiveExperts;
        if (view.worstLayer < 0 ||
            s.maxVio > view.statistics[static_cast<std::size_t>(view.worstLayer)].maxVio)
            view.worstLayer = static_cast<int>(layer);
    }
    const double scale = known > 0 ? 1.0 / known : NAN;
    view.maxVioMean *= scale;
    view.entropyMean *= scale;
    view.effectiveMean *= scale;
    view.deadCount = static_cast<int>(std::count(view.dead.begin(), view.dead.end(), 1));
}

}  // namespace

RoutingView viewOf(const RoutingRecord& record, const RoutingFilter& filter) {
    RoutingView view;
    view.layers = record.layers.size();
    view.experts = static_cast<std::size_t>(record.experts);
    view.layerIndices = record.layers;
    view.load.resize(view.layers * view.experts);
    view.dead.assign(view.layers * view.experts, 0);
    if (record.values.size() != view.layers * view.experts * record.domains.size() * 8) return {};
    for (std::size_t layer = 0; layer < view.layers; ++layer) {
        const std::vector<double> shares = layerShares(record, layer, filter);
        for (std::size_t expert = 0; expert < view.experts; ++expert)
            view.load[layer * view.experts + expert] =
                static_cast<float>(shares[expert] * static_cast<double>(view.experts));
        view.statistics.push_back(statisticsOf(shares));
        RoutingFilter counts{.role = filter.role};
        std::vector<char> lives(view.experts, 0), seen(view.experts, 0);
        for (int domain = 0; domain < static_cast<int>(record.domains.size()); ++domain) {
            counts.domain = domain;
            const std::vector<double> byDomain = layerShares(record, layer, counts);
            for (std::size_t expert = 0; expert < view.experts; ++expert) {
                if (!std::isfinite(byDomain[expert])) continue;
                seen[expert] = 1;
                if (byDomain[expert] * static_cast<double>(view.experts) >= kDeadShare) lives[expert] = 1;
            }
        }
        for (std::size_t expert = 0; expert < view.experts; ++expert)
            view.dead[layer * view.experts + expert] = seen[expert] && !lives[expert] ? 1 : 0;
    }
    if (view.layers > 0 && view.experts > 0)
        for (std::size_t expert = 0; expert < view.experts; ++expert) {
            RoutingFilter tokens = filter;
            tokens.measure = RoutingMeasure::Tokens;
            view.tokens += routedAmount(record, 0, expert, tokens);
        }
    if (filter.choice == RoutingChoice::Both && record.topK > 0)
        view.tokens /= static_cast<double>(record.topK);
    if (filter.choice == RoutingChoice::Later && record.topK > 1)
        view.tokens /= static_cast<double>(record.topK - 1);
    summarize(view);
    return view;
}

RoutingView viewOf(const std::vector<std::vector<float>>& shares,
                   const std::vector<std::int64_t>& layerIndices) {
    RoutingView view;
    view.layers = shares.size();
    view.experts = shares.empty() ? 0 : shares.front().size();
    for (std::size_t layer = 0; layer < view.layers; ++layer) {
        view.layerIndices.push_back(layer < layerIndices.size() ? layerIndices[layer]
                                                                : static_cast<std::int64_t>(layer));
        std::vector<double> row(shares[layer].begin(), shares[layer].end());
        row.resize(view.experts, NAN);
        for (const double share : row)
            view.load.push_back(static_cast<float>(share * static_cast<double>(view.experts)));
        view.statistics.push_back(statisticsOf(row));
    }
    view.dead.assign(view.load.size(), 0);
    summarize(view);
    return view;
}

std::vector<std::vector<double>> sharesByDomain(const RoutingRecord& record, std::size_t layer,
                                                RoutingFilter filter) {
    std::vector<std::vector<double>> shares;
    for (int domain = 0; domain < static_cast<int>(record.domains.size()); ++domain) {
        filter.domain = domain;
        shares.push_back(layerShares(record, layer, filter));
    }
    return shares;
}

std::vector<double> cellLoads(const RoutingRecord& record, std::size_t layer, std::size_t expert,
                              RoutingFilter filter) {
    std::vector<double> loads;
    for (int domain = -1; domain < static_cast<int>(record.domains.size()); ++domain) {
        filter.domain = domain;
        loads.push_back(layerShares(record, layer, filter)[expert] * static_cast<double>(record.experts));
    }
    return loads;
}

}  // namespace caravan::engine
