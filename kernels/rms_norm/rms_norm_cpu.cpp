// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/rms_norm/rms_norm.h"

#include "kernels/common/math.h"

namespace caravan::kernels {
namespace {

template <class T>
CARAVAN_INLINE void forward(const T* x, const T* weight, T eps, T* y, T* rstd, std::int64_t columns,
                            std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
        const T* in = x + row * columns;
        T* out = y + row * columns;
        const T squares = laneSum<T>(columns, [&](std::int64_t i) { return in[i] * in[i]; });
        const T r = T(1) / std::sqrt(squares / static_cast<T>(columns) + eps);
        rstd[row] = r;
        for (std::int64_t i = 0; i < columns; ++i)
            out[i] = in[i] * r * weight[i];
    }
}

template <class T>
CARAVAN_INLINE void addTo(T* __restrict__ x, const T* __restrict__ add, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i)
        x[i] += add[i];
}

template <class T>
CARAVAN_INLINE void backward(const T* dy, const T* x, const T* weight, const T* rstd, T* dx,
                             std::int64_t columns, std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
        const T* g = dy + row * columns;
        const T* in = x + row * columns;
        T* out = dx + row * columns;
        const T r = rstd[row];
        const T dot = laneSum<T>(columns, [&](std::int64_t i) { return g[i] * weight[i] * in[i]; });
        const T c = dot * r * r / static_cast<T>(columns);
        for (std::int64_t i = 0; i < columns; ++i)
            out[i] = r * (g[i] * weight[i] - in[i] * c);
    }
}

}  // namespace

CARAVAN_CLONES void addValues(float* x, const float* add, std::int64_t n) {
    addTo(x, add, n);
}
CARAVAN_CLONES void addValues(double* x, const double* add, std::int64_t n) {
    addTo(x, add, n);
}
CARAVAN_CLONES void rmsNormRows(const float* x, const float* weight, float eps, float* y, float* rstd,
                                std::int64_t columns, std::int64_t begin, std::int64_t end) {
    forward(x, weight, eps, y, rstd, columns, begin, end);
}
CARAVAN_CLONES void rmsNormRows(const double* x, const double* weight, double eps, double* y, double* rstd,
                                std::int64_t columns, std::int64_t begin, std::int64_t end) {
    forward(x, weight, eps, y, rstd, columns, begin, end);
}
CARAVAN_CLONES void rmsNormBackwardRows(const float* dy, const float* x, const float* weight,
                                        const float* rstd, float* dx, std::int64_t columns,
                                        std::int64_t begin, std::int64_t end) {
    backward(dy, x, weight, rstd, dx, columns, begin, end);
}
CARAVAN_CLONES void rmsNormBackwardRows(const double* dy, const double* x, const double* weight,
                                        const double* rstd, double* dx, std::int64_t columns,
                                        std::int64_t begin, std::int64_t end) {
    backward(dy, x, weight, rstd, dx, columns, begin, end);
}

}  // namespace caravan::kernels
