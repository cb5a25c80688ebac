// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/rounding/rounding.h"

#include <algorithm>

namespace caravan::kernels {

CARAVAN_CLONES void widenBf16(const std::uint16_t* from, float* to, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i)
        to[i] = floatOf(from[i]);
}

void roundToBf16(const float* from, std::uint16_t* to, std::int64_t n, const PhiloxKey* key,
                 std::int64_t first) {
    if (key == nullptr) {
        for (std::int64_t i = 0; i < n; ++i)
            to[i] = bf16Nearest(from[i]);
        return;
    }
    for (std::int64_t i = 0; i < n; i += 8) {
        const PhiloxBlock block = philox(*key, static_cast<std::uint64_t>(first + i) / 8);
        const int count = static_cast<int>(std::min<std::int64_t>(8, n - i));
        for (int j = 0; j < count; ++j)
            to[i + j] = bf16AtRandom(from[i + j], halfWord(block, j));
    }
}

// A sum's error: at most 2^-8 of it in the first micro-batch; less than 2^-7 and none on average in each that
// follows, so about sqrt(n) 2^-8 after n of them.
void addGradients(const GradientSum& g, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i += 8) {
        const int count = static_cast<int>(std::min<std::int64_t>(8, end - i));
        const PhiloxBlock block =
            g.rowOffset == 0 ? PhiloxBlock{} : philox(g.key, gradientBlock(g.rowOffset, g.first + i));
        for (int j = 0; j < count; ++j) {
            const float sum = floatOf(g.sum[i + j]) + g.part[i + j];
            g.sum[i + j] = g.rowOffset == 0 ? bf16Nearest(sum) : bf16AtRandom(sum, halfWord(block, j));
            g.part[i + j] = 0;
        }
    }
}

}  // namespace caravan::kernels
