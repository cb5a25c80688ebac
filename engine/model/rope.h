// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/api/model_config.h"
#include "engine/ops/ops.h"

namespace caravan::engine::model {

// Angles' cosines and sines for positions 0 .. positions - 1, with the frequencies scaled as the config says.
[[nodiscard]] ops::RopeTable makeRopeTable(const RopeConfig& rope, std::int64_t headSize,
                                           std::int64_t positions, at::Device device);

}  // namespace caravan::engine::model
