// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/engine.h"

namespace caravan::engine {

// How far PESC's adapter of width r on a frozen FFN F can stand for the same FFN tuned in full (methods.md
// section 5), layer by layer on the inputs x that the base model's FFN sees:
//   xi(r) = mean |E_full(x) - E_pe(x)|^2 / mean |E_full(x) - F(x)|^2,  E_pe(x) = F(x) + W_up GELU(W_down
//   F(x))
// with W_down [r, D] and W_up [D, r] fitted. 1: no better than the frozen FFN; 0: the same as the tuned one.

inline constexpr std::int64_t kFewestApproximationTokens = 64;  // of each part
inline constexpr std::int64_t kMostAdapterWidth = 65536;

// Layers that are named before the model's depth is known.
inline constexpr std::int64_t kLastLayer = -1, kMiddleLayer = -2, kEveryLayer = -3;

struct ApproximationRequest {
    // A dense model; or a run: the model that it was made from, with the run's rows and template.
    ModelSource base;
    ModelSource tuned;                                 // dense, of the same shape, tuned elsewhere
    std::vector<DomainFile> files;                     // as RoutingAnalysisRequest
    std::vector<std::int64_t> widths = {16, 64, 256};  // r
    // By index, kLastLayer, kMiddleLayer, kEveryLayer.
    std::vector<std::int64_t> layers = {0, kMiddleLayer, kLastLayer};
    std::int64_t maxTokens = 32768;  // in all, evenly over domains; 0 = all
    std::int64_t maxSteps = 4000;    // of AdamW, for each fit
    std::uint64_t seed = 0;
    bool save = true;  // a run: into its folder, see kApproximationFile
};

struct AdapterFit {
    std::int64_t width = 0;                                     // r
    double heldOut = std::numeric_limits<double>::quiet_NaN();  // xi on rows that the fit did not see
    double fitted = std::numeric_limits<double>::quiet_NaN();   // xi on those it was fitted on
    double linear =
        std::numeric_limits<double>::quiet_NaN();  // xi, held out, of the best linear map of rank r
    double linearFitted = std::numeric_limits<double>::quiet_NaN();  // and on the rows of the fit
    std::int64_t steps = 0;                                          // of AdamW that were made
    bool settled = false;  // it stood still at `steps`; else the steps ran out while it still fell
    double falling = 0;    // share by which `fitted` still fell in the last hundred steps
    double seconds = 0;
    friend bool operator==(const AdapterFit&, const AdapterFit&) = default;
};
struct LayerApproximation {
    std::int64_t layer = 0;
    double change = 0;  // mean |E_full - F|^2 / mean |F|^2, held out; 0: the FFNs are equal, no fits
    std::vector<AdapterFit> fits;  // by width
    friend bool operator==(const LayerApproximation&, const LayerApproximation&) = default;
};
struct Approximation {
    std::string base, tuned;  // paths
    std::string probe;        // "files", "held-out", "training"
    std::int64_t fittedTokens = 0, heldOutTokens = 0;
    std::int64_t hidden = 0, intermediate = 0;  // D, I
    std::uint64_t seed = 0;
    std::vector<LayerApproximation> layers;  // ascending
    friend bool operator==(const Approximation&, const Approximation&) = default;
};

// What an Engine may be beside: hosts ask with dynamic_cast and refuse the request where it is not.
class Approximator {
  public:
    virtual ~Approximator() = default;
    // Blocks. ModelUnsupported if the two models' FFNs have other shapes, have experts or are equal,
    // BadOption for layers that are not there and for too few tokens.
    virtual Result<Approximation> approximate(const ApproximationRequest& request,
                                              const ProgressFunction& progress, std::stop_token stop) = 0;
};

void to_json(nlohmann::json& out, const ApproximationRequest& request);
void from_json(const nlohmann::json& in, ApproximationRequest& request);
void to_json(nlohmann::json& out, const Approximation& approximation);
void from_json(const nlohmann::json& in, Approximation& approximation);

// "0, middle, last", "0-3,7", "all"; first and mid are known too. BadOption.
[[nodiscard]] Result<std::vector<std::int64_t>> parseApproximationLayers(std::string_view text);
// "16, 64, 256": 0 to kMostAdapterWidth each. BadOption.
[[nodiscard]] Result<std::vector<std::int64_t>> parseAdapterWidths(std::string_view text);
// Indices below `count`, ascending, each once; none asked for: every layer. BadOption for those that are not
// there.
[[nodiscard]] Result<std::vector<std::int64_t>> resolveLayers(const std::vector<std::int64_t>& asked,
                                                              std::int64_t count);

// In a run's folder: the last one that was measured.
inline constexpr const char* kApproximationFile = "routing/approximation.json";
[[nodiscard]] Result<Approximation> readApproximation(const std::string& path);

}  // namespace caravan::engine
