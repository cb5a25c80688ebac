// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/api/engine.h"
#include "engine/moe/steering.h"

namespace caravan::engine::generate {

// Fills layers, experts, weights and (up to 1,024 layers x experts) router probabilities from a token of the
// pass: the last one, or that of a row. One copy from the device for everything.
void describeRouting(const std::vector<moe::LayerRouting>& routing, TokenEvent& event, std::int64_t row = -1);

}  // namespace caravan::engine::generate
