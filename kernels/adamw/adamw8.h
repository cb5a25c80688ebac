// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/adamw/adamw.h"

// AdamW with 8-bit states in blocks of 256 (Dettmers et al., arXiv 2110.02861), by bitsandbytes' rules
// (methods.md section 4). A state value is map[code] * absmax[i / 256]: the signed dynamic map for m, the
// unsigned one for v.
namespace caravan::kernels {

constexpr std::int64_t kStateBlock = 256;

// The step's factors, rounded to fp32 where bitsandbytes rounds them.
struct AdamW8Rates {
    float beta1, beta2, rate, eps, keep;  // rate = lr c2 / c1, eps = c2 eps, keep = 1 - lr decay
};
inline AdamW8Rates adamW8Rates(const AdamWStep& step) {
    const auto beta1 = static_cast<float>(step.beta1), beta2 = static_cast<float>(step.beta2),
               steps = static_cast<float>(step.step);
    const float c1 = 1.0f - std::pow(beta1, steps), c2 = std::sqrt(1.0f - std::pow(beta2, steps));
    const auto lr = static_cast<float>(step.learningRate);
    return {beta1, beta2, lr * c2 / c1, c2 * static_cast<float>(step.eps),
            1.0f - lr * static_cast<float>(step.weightDecay)};
}

struct AdamW8Buffers {
    float* parameters;
    const float* gradients;
    std::uint8_t *codes1, *codes2;
    float *absmax1, *absmax2;
    bool roundToBf16;  // parameters are bf16 values: round after each of the two updates
};
// Blocks [begin, end). A non-finite gradient leaves its parameter alone and clears its states.
void adamW8Blocks(const AdamW8Buffers& buffers, const AdamWStep& step, double gradientScale,
                  std::int64_t count, std::int64_t begin, std::int64_t end);
// Parameters and gradients in bf16 (bits), rounded once, after the decay. rounding null: to the nearest.
struct AdamW8Bf16Buffers {
    std::uint16_t* parameters;
    const std::uint16_t* gradients;
    std::uint8_t *codes1, *codes2;
    float *absmax1, *absmax2;
};
void adamW8Bf16Blocks(const AdamW8Bf16Buffers& buffers, const AdamWStep& step, double gradientScale,
                      const PhiloxKey* rounding, std::int64_t count, std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

struct AdamW8Tensors {
    Element parameterElement, gradientElement;
    void* parameters;
    const void* gradients;
    std::uint8_t *codes1, *codes2;
    float *absmax1, *absmax2;
    const float *gradientScale, *finite;
    std::int64_t count;
    ParameterRounding rounding = {};
};
int adamW8(const AdamW8Tensors& tensors, const AdamWStep& step, Stream stream);

}  // namespace caravan::kernels::cuda
