// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/adamw/adamw.h"

#include <cmath>

#include "kernels/common/math.h"
#include "kernels/rounding/rounding.h"

namespace caravan::kernels {
namespace {

template <class T>
CARAVAN_INLINE void adamW(const AdamWBuffers<T>& buffers, const AdamWStep& step, double gradientScale,
                          std::int64_t begin, std::int64_t end) {
    T* __restrict__ p = buffers.parameters;
    const T* __restrict__ gradients = buffers.gradients;
    T* __restrict__ m = buffers.m;
    T* __restrict__ v = buffers.v;
    const T scale = static_cast<T>(gradientScale);
    const T b1 = static_cast<T>(step.beta1), b2 = static_cast<T>(step.beta2);
    const T a1 = static_cast<T>(1 - step.beta1), a2 = static_cast<T>(1 - step.beta2);
    const T keep = static_cast<T>(1 - step.learningRate * step.weightDecay);
    const T rate = static_cast<T>(step.learningRate / step.correction1), eps = static_cast<T>(step.eps);
    const T root = static_cast<T>(1 / std::sqrt(step.correction2));
    for (std::int64_t i = begin; i < end; ++i) {
        const T g = gradients[i] * scale;
        m[i] = b1 * m[i] + a1 * g;
        v[i] = b2 * v[i] + a2 * g * g;
        p[i] = p[i] * keep - rate * m[i] / (std::sqrt(v[i]) * root + eps);
    }
}

CARAVAN_INLINE double wide(float x) {
    return static_cast<double>(x);
}
CARAVAN_INLINE double wide(double x) {
    return x;
}
CARAVAN_INLINE double wide(std::uint16_t bf16) {
    return static_cast<double>(floatOf(bf16));
}

template <class T>
CARAVAN_INLINE void squares(const T* x, std::int64_t n, double* partial, std::int64_t begin,
                            std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
        const T* from = x + block * kSquareBlock;
        const std::int64_t size =
            n - block * kSquareBlock < kSquareBlock ? n - block * kSquareBlock : kSquareBlock;
        partial[block] = laneSum<double>(size, [&](std::int64_t i) { return wide(from[i]) * wide(from[i]); });
    }
}

}  // namespace

CARAVAN_CLONES void adamWRange(const AdamWBuffers<float>& buffers, const AdamWStep& step,
                               double gradientScale, std::int64_t begin, std::int64_t end) {
    adamW(buffers, step, gradientScale, begin, end);
}
CARAVAN_CLONES void adamWRange(const AdamWBuffers<double>& buffers, const AdamWStep& step,
                               double gradientScale, std::int64_t begin, std::int64_t end) {
    adamW(buffers, step, gradientScale, begin, end);
}
CARAVAN_CLONES void squareSums(const float* x, std::int64_t n, double* partial, std::int64_t begin,
                               std::int64_t end) {
    squares(x, n, partial, begin, end);
}
CARAVAN_CLONES void squareSums(const double* x, std::int64_t n, double* partial, std::int64_t begin,
                               std::int64_t end) {
    squares(x, n, partial, begin, end);
}

CARAVAN_CLONES void squareSums(const std::uint16_t* x, std::int64_t n, double* partial, std::int64_t begin,
                               std::int64_t end) {
    squares(x, n, partial, begin, end);
}

}  // namespace caravan::kernels
