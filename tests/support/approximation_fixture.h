// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>

#include "engine/api/approximation.h"

namespace caravan::test {

// What an engine would say of three layers and widths, by formula; the widest fits ran out of steps.
inline engine::Approximation someApproximation() {
    engine::Approximation a{.base = "/m/base-16m", .tuned = "/m/base-16m-tuned", .probe = "held-out"};
    a.fittedTokens = 6144;
    a.heldOutTokens = 2048;
    a.hidden = 384;
    a.intermediate = 1024;
    for (const std::int64_t index : {0, 4, 7}) {
        engine::LayerApproximation layer{.layer = index, .change = 0.04, .fits = {}};
        for (const std::int64_t width : {16, 64, 256}) {
            engine::AdapterFit fit{.width = width};
            fit.heldOut = 1 - 0.1 * std::log2(static_cast<double>(width)) + 0.02 * static_cast<double>(index);
            fit.fitted = fit.heldOut - 0.05;
            fit.linear = fit.linearFitted = fit.heldOut + 0.04;
            fit.steps = 1900;
            fit.settled = width < 256;
            layer.fits.push_back(fit);
        }
        a.layers.push_back(std::move(layer));
    }
    return a;
}

}  // namespace caravan::test
