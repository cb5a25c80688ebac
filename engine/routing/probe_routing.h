// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/evaluate/heldout.h"

namespace caravan::engine::routing {

// One pass over a probe set: choices by layer, expert, domain, choice and role, and the statistics of
// methods.md section 5. Accumulates on the device; one read-back at the end. Throws Unsupported for a model
// without experts, Interrupted.
[[nodiscard]] RoutingStatistics probeRouting(model::Model& model, const evaluate::ProbeSet& set,
                                             const ProgressFunction& progress, std::stop_token stop);

}  // namespace caravan::engine::routing
