// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/adamw/adamw.h"

// AdamW with 8-bit states in blocks of 256 (Dettmers et al., arXiv 2110.02861), by bitsandbytes' rules
// (methods.md section 4). A state value is map[code] * absmax[i / 256]: the signed dynamic map for m, the
// unsigned one for v.
namespace caravan::kernels {

constexpr std::int64_t kStateBlock = 256;

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
};
int adamW8(const AdamW8Tensors& tensors, const AdamWStep& step, Stream stream);

}  // namespace caravan::kernels::cuda
