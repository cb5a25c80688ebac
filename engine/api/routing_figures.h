// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

// Single figures of a layer's routing that window and command line show alike (methods.md section 5).
namespace caravan::engine {

// Coefficient of variation of shares that add up to 1: 0 = even, sqrt(n - 1) = all on one; NaN when unknown.
[[nodiscard]] inline double variationOf(const std::vector<double>& shares) {
    double squares = 0;
    for (const double share : shares)
        squares += share * share;
    const double unknown = std::numeric_limits<double>::quiet_NaN();
    if (shares.empty() || !std::isfinite(squares)) return unknown;
    return std::sqrt(std::max(0.0, static_cast<double>(shares.size()) * squares - 1));
}

// Of the values that are known; NaN when none is.
[[nodiscard]] inline double meanOf(const std::vector<double>& values) {
    double sum = 0;
    int known = 0;
    for (const double value : values)
        if (std::isfinite(value)) sum += value, ++known;
    return known > 0 ? sum / known : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace caravan::engine
