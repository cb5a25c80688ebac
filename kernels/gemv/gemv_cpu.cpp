// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/gemv/gemv.h"

#include "kernels/common/math.h"

namespace caravan::kernels {
namespace {

template <class T>
CARAVAN_INLINE void gemv(const T* x, const T* weight, T* y, const GemvShape& shape, std::int64_t begin,
                         std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o) {
        const T* w = weight + o * shape.inner;
        for (std::int64_t row = 0; row < shape.rows; ++row) {
            const T* in = x + row * shape.inner;
            y[row * shape.outer + o] = laneSum<T>(shape.inner, [&](std::int64_t i) { return w[i] * in[i]; });
        }
    }
}

}  // namespace

CARAVAN_CLONES void gemvRows(const float* x, const float* weight, float* y, const GemvShape& shape,
                             std::int64_t begin, std::int64_t end) {
    gemv(x, weight, y, shape, begin, end);
}
CARAVAN_CLONES void gemvRows(const double* x, const double* weight, double* y, const GemvShape& shape,
                             std::int64_t begin, std::int64_t end) {
    gemv(x, weight, y, shape, begin, end);
}

}  // namespace caravan::kernels
