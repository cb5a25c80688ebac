// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/api/run_events.h"

namespace caravan::projects {

// The arrays of a step as little-endian bytes: 10,000 steps of 32 x 8 loads are 10 MB so, 46 MB as text.
[[nodiscard]] std::vector<std::uint8_t> packLoad(const engine::StepMetrics& metrics);
[[nodiscard]] std::vector<std::uint8_t> packLayers(const engine::StepMetrics& metrics);
// Malformed bytes leave the arrays empty.
void unpackLoad(std::span<const std::uint8_t> bytes, engine::StepMetrics& metrics);
void unpackLayers(std::span<const std::uint8_t> bytes, engine::StepMetrics& metrics);

}  // namespace caravan::projects
