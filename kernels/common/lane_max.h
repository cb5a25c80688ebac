// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/target.h"

namespace caravan::kernels {

// Largest of n >= 1 values, with 16 running ones: vectorises.
template <class T>
CARAVAN_INLINE T laneMax(const T* x, std::int64_t n) {
    constexpr int kLanes = 16;
    T lanes[kLanes];
    for (int l = 0; l < kLanes; ++l)
        lanes[l] = x[0];
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (int l = 0; l < kLanes; ++l)
            lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
    T top = lanes[0];
    for (int l = 1; l < kLanes; ++l)
        top = lanes[l] > top ? lanes[l] : top;
    for (; i < n; ++i)
        top = x[i] > top ? x[i] : top;
    return top;
}

}  // namespace caravan::kernels
