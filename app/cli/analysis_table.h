// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/api/routing_analysis.h"

namespace caravan::cli {

// Tables of a routing analysis, one below the other: what has no values is left out.
[[nodiscard]] std::string analysisTables(const engine::RoutingAnalysis& analysis);

}  // namespace caravan::cli
