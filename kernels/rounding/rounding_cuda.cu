// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/device.cuh"
#include "kernels/rounding/rounding.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// Eight neighbours a thread.
__global__ void addGradientsKernel(GradientSum g, std::int64_t count, const StepWords* live, bool aligned) {
    const std::int64_t at = (blockIdx.x * std::int64_t{kThreads} + threadIdx.x) * 8;
    if (at >= count) return;
    if (live != nullptr) {
        g.key.counter2 = __ldg(&live->step);
        g.rowOffset = __ldg(&live->rowOffset);
    }
    const bool random = g.rowOffset != 0;
    const PhiloxBlock block =
        random ? philox(g.key, gradientBlock(g.rowOffset, g.first + at)) : PhiloxBlock{};
    const auto rounded = [&](float sum, int i) {
        return random ? bf16AtRandom(sum, halfWord(block, i)) : bf16Nearest(sum);
    };
    if (!aligned || at + 8 > count) {
        for (int i = 0; i < 8 && at + i < count; ++i) {
            g.sum[at + i] = rounded(floatOf(g.sum[at + i]) + g.part[at + i], i);
            g.part[at + i] = 0;
        }
        return;
    }
    const Eight<Bf16> sum = loadEight(reinterpret_cast<const Bf16*>(g.sum + at));
    const Eight<float> part = loadEight(g.part + at);
    std::uint32_t words[4];
#pragma unroll
    for (int w = 0; w < 4; ++w) {
        const std::uint32_t low = rounded(sum.v[2 * w] + part.v[2 * w], 2 * w),
                            high = rounded(sum.v[2 * w + 1] + part.v[2 * w + 1], 2 * w + 1);
        words[w] = low | high << 16;
    }
    *reinterpret_cast<uint4*>(g.sum + at) = make_uint4(words[0], words[1], words[2], words[3]);
    constexpr float kZeros[8] = {};
    storeEight(g.part + at, kZeros);
}

}  // namespace

int addGradients(const GradientSum& gradient, std::int64_t count, const StepWords* live, Stream stream) {
    if (count == 0) return 0;
    const bool aligned = aligned16(gradient.sum) && aligned16(gradient.part);
    addGradientsKernel<<<blocksFor(count, kThreads * 8), kThreads, 0, stream>>>(gradient, count, live,
                                                                                aligned);
    return launched();
}

}  // namespace caravan::kernels::cuda
