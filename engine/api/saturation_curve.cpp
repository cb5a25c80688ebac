// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/saturation_curve.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;

SaturationPoint pointOf(const RoutingAnalysis& analysis) {
    SaturationPoint point{analysis.step, {}, 0};
    double sum = 0;
    int known = 0;
    for (const LayerAnalysis& layer : analysis.layers) {
        point.layers.push_back(layer.saturation);
        if (std::isfinite(layer.saturation)) sum += layer.saturation, ++known;
    }
    point.mean = known > 0 ? sum / known : NAN;
    return point;
}

bool isMeasured(const RoutingAnalysis& analysis) {
    return !analysis.reference.empty() && std::isfinite(pointOf(analysis).mean);
}

std::vector<std::int64_t> layersOf(const RoutingAnalysis& analysis) {
    std::vector<std::int64_t> layers;
    for (const LayerAnalysis& layer : analysis.layers)
        layers.push_back(layer.layer);
    return layers;
}

}  // namespace

SaturationCurve saturationOf(const std::vector<RoutingAnalysis>& analyses) {
    SaturationCurve curve;
    const RoutingAnalysis* last = nullptr;
    for (const RoutingAnalysis& analysis : analyses)
        if (isMeasured(analysis) && (last == nullptr || analysis.step >= last->step)) last = &analysis;
    if (last == nullptr) return curve;
    curve.reference = last->reference;
    curve.layers = layersOf(*last);
    for (const RoutingAnalysis& analysis : analyses)
        if (isMeasured(analysis) && analysis.reference == curve.reference && analysis.probe == last->probe &&
            analysis.tokens == last->tokens && layersOf(analysis) == curve.layers)
            curve.points.push_back(pointOf(analysis));
    std::sort(curve.points.begin(), curve.points.end(),
              [](const SaturationPoint& a, const SaturationPoint& b) { return a.step < b.step; });
    return curve;
}

SaturationCurve readSaturation(const std::string& runFolder) {
    std::vector<RoutingAnalysis> analyses;
    std::error_code error;
    for (fs::directory_iterator entry(fs::path(runFolder) / "routing", error), end; !error && entry != end;
         entry.increment(error)) {
        if (!analysisStep(entry->path().filename().string())) continue;
        auto analysis = readAnalysis(entry->path().string());
        if (!analysis) continue;
        for (LayerAnalysis& layer : analysis->layers)  // what the curve does not need
            layer = LayerAnalysis{.layer = layer.layer, .saturation = layer.saturation};
        analysis->statistics = {};
        analyses.push_back(std::move(*analysis));
    }
    return saturationOf(analyses);
}

}  // namespace caravan::engine
