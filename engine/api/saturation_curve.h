// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "engine/api/routing_analysis.h"

namespace caravan::engine {

// Router saturation over a run's checkpoints: the share of choices that the last one makes too, by layer.
struct SaturationPoint {
    StepIndex step = 0;
    std::vector<double> layers;  // as SaturationCurve::layers; NaN = not known
    double mean = 0;             // over layers that are known
};
struct SaturationCurve {
    std::string reference;                // the checkpoint that all points are taken against, as a path
    std::vector<std::int64_t> layers;     // indices
    std::vector<SaturationPoint> points;  // ascending by step
};
// Of the analyses that were taken against the same checkpoint as the last of them was, on rows of the same
// kind and number.
[[nodiscard]] SaturationCurve saturationOf(const std::vector<RoutingAnalysis>& analyses);
// Of the analyses that a run's folder keeps; those that cannot be read are left out. Blocks on the disk.
[[nodiscard]] SaturationCurve readSaturation(const std::string& runFolder);

}  // namespace caravan::engine
