// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/api/saturation_curve.h"

namespace caravan::cli {

// A line per checkpoint, a column per layer.
[[nodiscard]] std::string saturationTable(const engine::SaturationCurve& curve);
[[nodiscard]] nlohmann::json saturationObject(const engine::SaturationCurve& curve);

}  // namespace caravan::cli
