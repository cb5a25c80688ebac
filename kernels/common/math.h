// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/common/target.h"

// Elementary functions that vectorise: no calls, no branches. float versions within about 2e-7 relative;
// double ones are libm's.
namespace caravan::kernels {

// 0 below -87, 3.4e38 above 88: nothing here needs more.
CARAVAN_INLINE float fastExp(float x) {
    const float clamped = x < -87.0f ? -87.0f : (x > 88.3f ? 88.3f : x);
    const float rounded = clamped * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: rounds to an integer
    const float n = rounded - 12582912.0f;
    const float r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    std::int32_t bits;
    std::memcpy(&bits, &rounded, sizeof bits);
    bits = (bits - 0x4B400000 + 127) << 23;
    float power;
    std::memcpy(&power, &bits, sizeof power);
    return x < -87.0f ? 0.0f : p * power;
}
CARAVAN_INLINE double fastExp(double x) {
    return std::exp(x);
}

template <class T>
CARAVAN_INLINE T sigmoid(T x) {
    return T(1) / (T(1) + fastExp(-x));
}

// Complementary error function for gelu; Chebyshev fit, 1.2e-7 relative everywhere.
CARAVAN_INLINE float fastErfc(float x) {
    const float z = std::fabs(x);
    const float t = 1.0f / (1.0f + 0.5f * z);
    float p = 0.17087277f;
    p = p * t - 0.82215223f;
    p = p * t + 1.48851587f;
    p = p * t - 1.13520398f;
    p = p * t + 0.27886807f;
    p = p * t - 0.18628806f;
    p = p * t + 0.09678418f;
    p = p * t + 0.37409196f;
    p = p * t + 1.00002368f;
    p = p * t - 1.26551223f;
    const float y = t * fastExp(p - z * z);
    return x >= 0 ? y : 2.0f - y;
}
CARAVAN_INLINE double fastErfc(double x) {
    return std::erfc(x);
}

// gelu(x) = x Phi(x), exact (erf) form, and its derivative Phi(x) + x phi(x).
template <class T>
CARAVAN_INLINE T gelu(T x) {
    return x * (T(0.5) * fastErfc(x * T(-0.70710678118654752440)));
}
template <class T>
CARAVAN_INLINE T geluDerivative(T x) {
    return T(0.5) * fastErfc(x * T(-0.70710678118654752440)) +
           x * (T(0.39894228040143267794) * fastExp(T(-0.5) * x * x));
}

// Sum over n elements of f(i) with 16 running sums, then a fixed tree: vectorises, and gives the same bits at
// every width.
template <class T, class F>
CARAVAN_INLINE T laneSum(std::int64_t n, F&& f) {
    constexpr int kLanes = 16;
    T lanes[kLanes] = {};
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (int l = 0; l < kLanes; ++l)
            lanes[l] += f(i + l);
    for (int l = 0; i < n; ++i, ++l)
        lanes[l] += f(i);
    for (int width = kLanes / 2; width > 0; width /= 2)
        for (int l = 0; l < width; ++l)
            lanes[l] += lanes[l + width];
    return lanes[0];
}

}  // namespace caravan::kernels
