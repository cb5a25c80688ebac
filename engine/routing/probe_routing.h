// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/evaluate/heldout.h"

namespace caravan::engine::routing {

// Sums of a forward-only pass by layer, on the device; one read-back at the end.
class RoutingSums {
  public:
    // Throws Unsupported for a model without experts.
    RoutingSums(const model::Model& model, std::vector<std::string> domains);
    // slot: index among the sparse layers; domain, role [T] int32.
    void add(std::size_t slot, const ops::Routing& routing, const at::Tensor& domain, const at::Tensor& role);
    struct Totals {
        RoutingStatistics statistics;
        std::vector<double> logSumExp;  // per sparse layer, mean over tokens
    };
    [[nodiscard]] Totals finish();

  private:
    RoutingRecord m_record;
    std::vector<ops::RoutingStatistic> m_sums;
};

// One pass over a probe set: choices by layer, expert, domain, choice and role, and the statistics of
// methods.md section 5. Throws Unsupported for a model without experts, Interrupted.
[[nodiscard]] RoutingStatistics probeRouting(model::Model& model, const evaluate::ProbeSet& set,
                                             const ProgressFunction& progress, std::stop_token stop);

}  // namespace caravan::engine::routing
