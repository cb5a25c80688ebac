// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/swiglu/swiglu.h"

#include "kernels/common/math.h"

namespace caravan::kernels {
namespace {

template <class T>
CARAVAN_INLINE void forward(const T* gate, const T* up, T* h, const SwigluShape& shape, std::int64_t begin,
                            std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
        const T* g = gate + row * shape.gateStride;
        const T* u = up + row * shape.upStride;
        T* __restrict__ out = h + row * shape.columns;
        for (std::int64_t i = 0; i < shape.columns; ++i)
            out[i] = g[i] * sigmoid(g[i]) * u[i];
    }
}

template <class T, bool WithProduct>
CARAVAN_INLINE void backward(const T* dh, const T* gate, const T* up, T* packed, const SwigluShape& shape,
                             std::int64_t begin, std::int64_t end, T* product) {
    for (std::int64_t row = begin; row < end; ++row) {
        const T* g = gate + row * shape.gateStride;
        const T* u = up + row * shape.upStride;
        const T* d = dh + row * shape.columns;
        T* __restrict__ dGate = packed + row * 2 * shape.columns;
        T* __restrict__ dUp = dGate + shape.columns;
        T* __restrict__ out = WithProduct ? product + row * shape.columns : nullptr;
#pragma GCC ivdep  // the outputs do not overlap; so many tensors are too many for a check at run time
        for (std::int64_t i = 0; i < shape.columns; ++i) {
            const T s = sigmoid(g[i]);
            dGate[i] = d[i] * u[i] * (s * (T(1) + g[i] * (T(1) - s)));
            dUp[i] = d[i] * (g[i] * s);
            if (WithProduct) out[i] = g[i] * s * u[i];
        }
    }
}

template <class T>
CARAVAN_INLINE void backwardAny(const T* dh, const T* gate, const T* up, T* packed, const SwigluShape& shape,
                                std::int64_t begin, std::int64_t end, T* product) {
    if (product)
        backward<T, true>(dh, gate, up, packed, shape, begin, end, product);
    else
        backward<T, false>(dh, gate, up, packed, shape, begin, end, product);
}

}  // namespace

CARAVAN_CLONES void swigluRows(const float* gate, const float* up, float* h, const SwigluShape& shape,
                               std::int64_t begin, std::int64_t end) {
    forward(gate, up, h, shape, begin, end);
}
CARAVAN_CLONES void swigluRows(const double* gate, const double* up, double* h, const SwigluShape& shape,
                               std::int64_t begin, std::int64_t end) {
    forward(gate, up, h, shape, begin, end);
}
CARAVAN_CLONES void swigluBackwardRows(const float* dh, const float* gate, const float* up, float* packed,
                                       const SwigluShape& shape, std::int64_t begin, std::int64_t end,
                                       float* product) {
    backwardAny(dh, gate, up, packed, shape, begin, end, product);
}
CARAVAN_CLONES void swigluBackwardRows(const double* dh, const double* gate, const double* up, double* packed,
                                       const SwigluShape& shape, std::int64_t begin, std::int64_t end,
                                       double* product) {
    backwardAny(dh, gate, up, packed, shape, begin, end, product);
}

}  // namespace caravan::kernels
