// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/api/approximation.h"
#include "engine/session/device_choice.h"

namespace caravan::engine::routing {

// The whole measurement: reads the base and its rows, then the tuned model, one at a time in memory, then
// fits. Every fourth row of a domain is held out. Throws as Approximator says.
[[nodiscard]] Approximation approximate(const ApproximationRequest& request, const DeviceChoice& device,
                                        const ProgressFunction& progress, const std::stop_token& stop);

}  // namespace caravan::engine::routing
