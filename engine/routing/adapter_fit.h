// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <stop_token>
#include <vector>

#include "engine/api/approximation.h"

namespace caravan::engine::routing {

// Outputs of one layer's FFN on the same tokens, [N, D] fp32 contiguous.
struct FfnPair {
    at::Tensor frozen;  // F(x)
    at::Tensor tuned;   // E_full(x)
    [[nodiscard]] std::int64_t tokens() const { return frozen.size(0); }
};
struct FfnPairs {
    FfnPair fitting, heldOut;
};

// mean |tuned - frozen|^2 / mean |frozen|^2; exactly 0 for equal outputs.
[[nodiscard]] double relativeChange(const FfnPair& pair);

struct FitOptions {
    std::int64_t width = 0;  // 0: no adapter, xi = 1
    std::int64_t maxSteps = 4000;
    std::uint64_t seed = 0;
    std::int64_t layer = 0;  // of the random numbers
};
// Fits PESC's adapter (ops::adapters with one expert, scaling 1, no dropout) to the tuned outputs with AdamW,
// from PESC's initial values: W_up = 0, so that the fit starts at xi = 1. It works on F / a and
// (E_full - F) / b with two numbers a, b per layer, which W_down and W_up absorb: the form stays the same.
// Every hundred steps xi is read on all of the fitting tokens; where it has stopped falling the learning rate
// is lowered, and after the third time the fit stands still. told: steps made so far. Throws Interrupted.
[[nodiscard]] AdapterFit fitAdapter(const FfnPairs& pairs, const FitOptions& options,
                                    const std::function<void(std::int64_t steps)>& told,
                                    const std::stop_token& stop);

// The best linear map of rank r in the adapter's place, in closed form (reduced-rank regression of
// E_full - F on F, fp64 on the host): sets linear and linearFitted of each fit. GELU(z) is z / 2 for small z,
// so an adapter of width r comes as near to this map as one likes: a fit that stays above linearFitted has
// not found its best. D^3: up to kMostLinearHidden, else both stay unknown.
inline constexpr std::int64_t kMostLinearHidden = 4096;
void addLinearMaps(const FfnPairs& pairs, std::vector<AdapterFit>& fits);

}  // namespace caravan::engine::routing
