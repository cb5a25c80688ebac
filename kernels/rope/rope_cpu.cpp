// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/rope/rope.h"

#include "kernels/common/target.h"

namespace caravan::kernels {
namespace {

template <class T>
CARAVAN_INLINE void rotate(T* x, const std::int32_t* positions, const T* cos, const T* sin,
                           const RopeShape& shape, std::int64_t begin, std::int64_t end) {
    const T sign = shape.inverse ? T(-1) : T(1);
    const std::int64_t half = shape.half;
    for (std::int64_t row = begin; row < end; ++row) {
        const T* c = cos + positions[row] * half;
        const T* s = sin + positions[row] * half;
        for (std::int64_t head = 0; head < shape.heads; ++head) {
            T* __restrict__ a = x + row * shape.rowStride + head * 2 * half;
            T* __restrict__ b = a + half;
            for (std::int64_t i = 0; i < half; ++i) {
                const T u = a[i], v = b[i], w = sign * s[i];
                a[i] = u * c[i] - v * w;
                b[i] = v * c[i] + u * w;
            }
        }
    }
}

}  // namespace

CARAVAN_CLONES void ropeRows(float* x, const std::int32_t* positions, const float* cos, const float* sin,
                             const RopeShape& shape, std::int64_t begin, std::int64_t end) {
    rotate(x, positions, cos, sin, shape, begin, end);
}
CARAVAN_CLONES void ropeRows(double* x, const std::int32_t* positions, const double* cos, const double* sin,
                             const RopeShape& shape, std::int64_t begin, std::int64_t end) {
    rotate(x, positions, cos, sin, shape, begin, end);
}

}  // namespace caravan::kernels
