// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "kernels/adamw/adamw.h"
#include "kernels/adamw/adamw8.h"
#include "kernels/rounding/rounding.h"

// The fp32 arithmetic on parts that lie in the cache, widened before and rounded after it.
namespace caravan::kernels {
namespace {
constexpr std::int64_t kPart = 2048;
}  // namespace

void adamWBf16Range(const AdamWBf16Buffers& b, const AdamWStep& step, double gradientScale,
                    const PhiloxKey* rounding, std::int64_t begin, std::int64_t end) {
    float p[kPart], g[kPart];
    for (std::int64_t first = begin; first < end; first += kPart) {
        const std::int64_t n = std::min(kPart, end - first);
        widenBf16(b.parameters + first, p, n);
        widenBf16(b.gradients + first, g, n);
        adamWRange(AdamWBuffers<float>{p, g, b.m + first, b.v + first}, step, gradientScale, 0, n);
        roundToBf16(p, b.parameters + first, n, rounding, first);
    }
}

void adamW8Bf16Blocks(const AdamW8Bf16Buffers& b, const AdamWStep& step, double gradientScale,
                      const PhiloxKey* rounding, std::int64_t count, std::int64_t begin, std::int64_t end) {
    float p[kStateBlock], g[kStateBlock];
    for (std::int64_t block = begin; block < end; ++block) {
        const std::int64_t first = block * kStateBlock, n = std::min(kStateBlock, count - first);
        widenBf16(b.parameters + first, p, n);
        widenBf16(b.gradients + first, g, n);
        adamW8Blocks({p, g, b.codes1 + first, b.codes2 + first, b.absmax1 + block, b.absmax2 + block,
                      rounding == nullptr},
                     step, gradientScale, n, 0, 1);
        roundToBf16(p, b.parameters + first, n, rounding, first);
    }
}

}  // namespace caravan::kernels
