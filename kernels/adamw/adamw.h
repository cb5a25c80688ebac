// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"
#include "kernels/common/philox.h"

// AdamW (Loshchilov and Hutter) over flat buffers; element ranges.
//
// Log, 1.235 B fp32 parameters, H200 (copy 4.23 TB/s): floor 28 bytes each, 30 with the bf16 copy. v1, one a
// thread: 3.67 TB/s. v2, four neighbours a thread: 4.25 TB/s; with the copy written along 4.21 TB/s (a pass
// of 7.4 GB less).
namespace caravan::kernels {

struct AdamWStep {
    double learningRate = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0;
    double correction1 = 1, correction2 = 1;  // 1 - beta^step
    std::int64_t step = 1;
};
template <class T>
struct AdamWBuffers {
    T* parameters;
    const T* gradients;
    T *m, *v;
};
// p = p (1 - lr wd) - lr (m / c1) / (sqrt(v / c2) + eps), gradients times gradientScale
void adamWRange(const AdamWBuffers<float>& buffers, const AdamWStep& step, double gradientScale,
                std::int64_t begin, std::int64_t end);
void adamWRange(const AdamWBuffers<double>& buffers, const AdamWStep& step, double gradientScale,
                std::int64_t begin, std::int64_t end);
// Parameters and gradients in bf16 (bits), moments fp32. rounding null: to the nearest; begin a multiple
// of 8.
struct AdamWBf16Buffers {
    std::uint16_t* parameters;
    const std::uint16_t* gradients;
    float *m, *v;
};
void adamWBf16Range(const AdamWBf16Buffers& buffers, const AdamWStep& step, double gradientScale,
                    const PhiloxKey* rounding, std::int64_t begin, std::int64_t end);

constexpr std::int64_t kSquareBlock = 65536;  // elements of one partial sum of the gradient norm
// partial[b] = sum of squares of block b (fp64), blocks [begin, end) of n elements
void squareSums(const float* x, std::int64_t n, double* partial, std::int64_t begin, std::int64_t end);
void squareSums(const double* x, std::int64_t n, double* partial, std::int64_t begin, std::int64_t end);
void squareSums(const std::uint16_t* bf16, std::int64_t n, double* partial, std::int64_t begin,
                std::int64_t end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

// How new values of bf16 parameters are rounded; of fp32 ones: not at all.
struct ParameterRounding {
    PhiloxKey key;
    bool atRandom = false;
};

int squareSums(Element element, const void* x, std::int64_t n, double* partial, Stream stream);
// Parameters and gradients in their own element types, m and v fp32; gradientScale and finite are single fp32
// on the device (or null).
struct AdamWTensors {
    Element parameterElement, gradientElement;
    void* parameters;
    const void* gradients;
    float *m, *v;
    const float *gradientScale, *finite;
    std::int64_t count;
    void* working = nullptr;  // bf16 copy of the parameters, written along; null: none
    ParameterRounding rounding = {};
};
int adamW(const AdamWTensors& tensors, const AdamWStep& step, Stream stream);

}  // namespace caravan::kernels::cuda
