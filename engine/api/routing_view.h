// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "engine/api/run_events.h"

namespace caravan::engine {

// Pure functions from a routing record to what the window draws and the command line prints.

enum class RoutingChoice {
    Both,
    First,
    Later
};  // all k choices; the first; the others (for k = 2: the second)
enum class RoutingMeasure { Tokens, GateWeight };  // choices counted, or their gate weights summed
enum class RoutingRole { Answer, Prompt, All };    // tokens of
struct RoutingFilter {
    int domain = -1;  // -1 = all
    RoutingChoice choice = RoutingChoice::Both;
    RoutingMeasure measure = RoutingMeasure::Tokens;
    RoutingRole role = RoutingRole::All;
    friend bool operator==(const RoutingFilter&, const RoutingFilter&) = default;
};

// Sum of counts or gate weights of one cell that pass the filter.
[[nodiscard]] double routedAmount(const RoutingRecord& record, std::size_t layer, std::size_t expert,
                                  const RoutingFilter& filter);
// Shares u_e of the layer's experts, sum 1; all NaN when no token passes.
[[nodiscard]] std::vector<double> layerShares(const RoutingRecord& record, std::size_t layer,
                                              const RoutingFilter& filter);

struct LayerStatistics {
    double maxVio = 0;            // n max u_e - 1
    double entropy = 0;           // H / ln n, 1 = even
    double effectiveExperts = 0;  // exp(H)
    int busiest = 0;              // expert with the largest share
    bool known = false;           // any token passed the filter
};
[[nodiscard]] LayerStatistics statisticsOf(const std::vector<double>& shares);

struct RoutingView {
    std::size_t layers = 0, experts = 0;
    std::vector<std::int64_t> layerIndices;
    std::vector<float> load;  // [layers][experts] n u_e; NaN where no token passes
    std::vector<char>
        dead;  // [layers][experts] under 0.1 of the even share in every domain (all choices, counts)
    std::vector<LayerStatistics> statistics;  // [layers]
    double maxVioMean = 0, entropyMean = 0, effectiveMean = 0;
    int worstLayer = -1;  // position in layerIndices
    int deadCount = 0;
    double tokens = 0;  // that passed, per layer
};
[[nodiscard]] RoutingView viewOf(const RoutingRecord& record, const RoutingFilter& filter);
// The same from shares alone [layers][experts], e.g. StepMetrics::expertLoad: no domains, no dead experts.
[[nodiscard]] RoutingView viewOf(const std::vector<std::vector<float>>& shares,
                                 const std::vector<std::int64_t>& layerIndices);
// Shares by domain for one layer: [domains][experts].
[[nodiscard]] std::vector<std::vector<double>> sharesByDomain(const RoutingRecord& record, std::size_t layer,
                                                              RoutingFilter filter);
// Load of one cell by domain, "all" first: [1 + domains]; n u_e, NaN where no token passes.
[[nodiscard]] std::vector<double> cellLoads(const RoutingRecord& record, std::size_t layer,
                                            std::size_t expert, RoutingFilter filter);

}  // namespace caravan::engine
