// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/api/engine.h"

namespace caravan::cli {

// Tables of a routing record. Shares are of all k choices on prompt and answer tokens together.
[[nodiscard]] std::string routingTable(
    const engine::RoutingRecord& record);  // layers x experts, all domains, in per cent
[[nodiscard]] std::string domainTable(
    const engine::RoutingRecord& record);  // domains x experts over all layers
[[nodiscard]] std::string routingCsv(
    const engine::RoutingRecord& record);  // layer,expert,domain,choice,role,count,gate_sum
[[nodiscard]] std::string statisticsTable(const engine::RoutingStatistics& statistics);
// [layers][experts], sum 1 per layer; domain -1 = all.
[[nodiscard]] std::vector<std::vector<double>> loadShares(const engine::RoutingRecord& record,
                                                          std::int64_t domain = -1);

}  // namespace caravan::cli
