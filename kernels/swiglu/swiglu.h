// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// h = silu(gate) * up over rows [begin, end); gate and up have a row stride (they may be halves of one
// product), h is contiguous.
//
// Log, bf16, 16,384 x 11,008, H200 (copy 4.23 TB/s): floors 3 tensors forward, 5 backward, 6 with the product
// again. v1, an element a thread: 1.6 and 2.2 TB/s. v2, eight columns a thread and turn: 4.20 forward, 4.07
// backward with the product, which spares the forward kernel before the down projection's gradient.
namespace caravan::kernels {

struct SwigluShape {
    std::int64_t columns = 0, gateStride = 0, upStride = 0;  // elements
};
void swigluRows(const float* gate, const float* up, float* h, const SwigluShape& shape, std::int64_t begin,
                std::int64_t end);
void swigluRows(const double* gate, const double* up, double* h, const SwigluShape& shape, std::int64_t begin,
                std::int64_t end);
// packed [rows, 2 columns] = (d gate | d up); product, if given, receives what swigluRows gives
void swigluBackwardRows(const float* dh, const float* gate, const float* up, float* packed,
                        const SwigluShape& shape, std::int64_t begin, std::int64_t end,
                        float* product = nullptr);
void swigluBackwardRows(const double* dh, const double* gate, const double* up, double* packed,
                        const SwigluShape& shape, std::int64_t begin, std::int64_t end,
                        double* product = nullptr);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

int swiglu(Element element, const void* gate, const void* up, void* h, const SwigluShape& shape,
           std::int64_t rows, Stream stream);
// h (may be null) receives the forward's product again: what the next product's backward reads.
int swigluBackward(Element element, const void* dh, const void* gate, const void* up, void* packed, void* h,
                   const SwigluShape& shape, std::int64_t rows, Stream stream);

}  // namespace caravan::kernels::cuda
