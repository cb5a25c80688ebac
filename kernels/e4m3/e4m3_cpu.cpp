// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/e4m3/e4m3.h"

namespace caravan::kernels {
namespace {

constexpr float kSmallestNormal = 0x1p-6F;
constexpr float kSubnormalRounding = 0x1.8p14F;  // its last place is 2^-9, e4m3's smallest step

// |x| <= 448 to the nearest value of e4m3, ties to even.
inline float toE4m3(float x) {
    const float small = (x + kSubnormalRounding) - kSubnormalRounding;
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    bits += 0x7FFFFU + ((bits >> 20) & 1U);  // half of a step of three fraction bits, less one unless odd
    bits &= 0xFFF00000U;
    float normal;
    std::memcpy(&normal, &bits, sizeof normal);
    return std::fabs(x) < kSmallestNormal ? std::copysign(small, x) : normal;
}

// Largest |x| of a row, NaN where one is not finite (zero times it is).
float largestOf(const float* x, std::int64_t n) {
    constexpr int kLanes = 16;
    float largest[kLanes] = {}, spoiled[kLanes] = {};
    for (std::int64_t i = 0; i < n; ++i) {
        float& most = largest[i % kLanes];
        const float size = std::fabs(x[i]);
        most = size > most ? size : most;
        spoiled[i % kLanes] += x[i] * 0.0F;
    }
    float most = 0, sum = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
        most = largest[lane] > most ? largest[lane] : most;
        sum += spoiled[lane];
    }
    return most + sum;
}

}  // namespace

void roundE4m3Rows(const float* x, float* out, std::int64_t columns, std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
        const float* from = x + row * columns;
        float* to = out + row * columns;
        const float largest = largestOf(from, columns);
        if (std::isnan(largest)) {
            for (std::int64_t i = 0; i < columns; ++i)
                to[i] = std::numeric_limits<float>::quiet_NaN();
            continue;
        }
        const float bounded = largest > std::numeric_limits<float>::min() ? largest : kE4m3Largest;
        const float factor = kE4m3Largest / bounded, scale = bounded / kE4m3Largest;
        for (std::int64_t i = 0; i < columns; ++i)
            to[i] = toE4m3(from[i] * factor) * scale;
    }
}

}  // namespace caravan::kernels
