// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/adamw/adamw8.h"
#include "kernels/nf4/dynamic_map.h"

namespace caravan::kernels {
namespace {

float toBf16(float x) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return x;
    bits = (bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

std::uint8_t nearest(const float* map, float x) {
    int low = 0, high = 255;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        (map[middle] < x ? low : high) = middle;
    }
    return static_cast<std::uint8_t>(x > (map[low] + map[high]) * 0.5f ? high : low);
}

std::uint8_t encodeFirst(float m, float top) {
    if (top == 0) return 255;  // what bitsandbytes stores for a block without any first moment
    auto code = nearest(kDynamicMapSigned, m / top);
    if (std::signbit(kDynamicMapSigned[code]) != std::signbit(m))
        code = static_cast<std::uint8_t>(m > 0 ? code + 1 : code - 1);
    return code;
}

}  // namespace

void adamW8Blocks(const AdamW8Buffers& b, const AdamWStep& step, double gradientScale, std::int64_t count,
                  std::int64_t begin, std::int64_t end) {
    const auto [beta1, beta2, rate, eps, keep] = adamW8Rates(step);
    for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t first = block * kStateBlock, n = std::min(kStateBlock, count - first);
        float m[kStateBlock], v[kStateBlock], top1 = 0, top2 = 0;
        for (std::int64_t j = 0; j < n; ++j) {
            const std::int64_t i = first + j;
            const bool finite = std::isfinite(b.gradients[i]);
            const float g = b.gradients[i] * static_cast<float>(gradientScale);
            m[j] = finite ? kDynamicMapSigned[b.codes1[i]] * b.absmax1[block] * beta1 + (1.0f - beta1) * g
                          : 0.0f;
            v[j] = finite
                       ? kDynamicMapUnsigned[b.codes2[i]] * b.absmax2[block] * beta2 + (1.0f - beta2) * g * g
                       : 0.0f;
            top1 = std::max(top1, std::fabs(m[j]));
            top2 = std::max(top2, std::fabs(v[j]));
            if (!finite) continue;
            float p = std::fma(-rate, m[j] / (std::sqrt(v[j]) + eps), b.parameters[i]);  // as the GPU rounds
            if (b.roundToBf16) p = toBf16(p);
            if (step.weightDecay > 0) p *= keep;
            b.parameters[i] = b.roundToBf16 ? toBf16(p) : p;
        }
        b.absmax1[block] = top1;
        b.absmax2[block] = top2;
        for (std::int64_t j = 0; j < n; ++j) {
            b.codes1[first + j] = encodeFirst(m[j], top1);
            b.codes2[first + j] = top2 == 0 ? 0 : nearest(kDynamicMapUnsigned, v[j] / top2);
        }
    }
}

}  // namespace caravan::kernels
