// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/causal_attention/softmax_rows.h"

#include <algorithm>

#include "kernels/common/lane_max.h"
#include "kernels/common/math.h"

namespace caravan::kernels {
namespace {

// Keys that query i sees, counted from a.first.
template <class T>
struct Seen {
    std::int64_t begin, end;
    Seen(const SoftmaxRows<T>& a, std::int64_t i)
        : begin((a.window > 0 ? std::max(a.first, i - a.window + 1) : a.first) - a.first),
          end(i + 1 - a.first) {}
};

template <class T>
CARAVAN_INLINE void clearUnseen(T* row, const Seen<T>& seen, std::int64_t count) {
    for (std::int64_t j = 0; j < seen.begin; ++j)
        row[j] = 0;
    for (std::int64_t j = seen.end; j < count; ++j)
        row[j] = 0;
}

template <class T>
CARAVAN_INLINE void forward(const SoftmaxRows<T>& a) {
    const T scale = T(1) / std::sqrt(static_cast<T>(a.headSize));
    for (std::int64_t i = a.begin; i < a.end; ++i) {
        T* row = a.scores + (i - a.begin) * a.stride;
        const Seen<T> seen(a, i);
        T* __restrict__ x = row + seen.begin;
        const std::int64_t n = seen.end - seen.begin;
        const T top = scale * laneMax(x, n);
        const T sum = laneSum<T>(n, [&](std::int64_t j) { return x[j] = fastExp(scale * x[j] - top); });
        const T inverse = T(1) / sum;
        for (std::int64_t j = 0; j < n; ++j)
            x[j] *= inverse;
        a.logSumExp[i] = top + std::log(sum);
        clearUnseen(row, seen, a.last - a.first);
    }
}

template <class T>
CARAVAN_INLINE void backward(const SoftmaxBackwardRows<T>& b) {
    const SoftmaxRows<T>& a = b.rows;
    const T scale = T(1) / std::sqrt(static_cast<T>(a.headSize));
    for (std::int64_t i = a.begin; i < a.end; ++i) {
        T* row = a.scores + (i - a.begin) * a.stride;
        T* dRow = b.d + (i - a.begin) * a.stride;
        const T *out = b.out + i * b.outStride, *dOut = b.dOut + i * b.outStride;
        const T product = laneSum<T>(a.headSize, [&](std::int64_t c) { return out[c] * dOut[c]; });
        const T logSum = a.logSumExp[i];
        const Seen<T> seen(a, i);
        T* __restrict__ p = row + seen.begin;
        T* __restrict__ d = dRow + seen.begin;
        for (std::int64_t j = 0; j < seen.end - seen.begin; ++j) {
            p[j] = fastExp(scale * p[j] - logSum);
            d[j] = scale * p[j] * (d[j] - product);
        }
        clearUnseen(row, seen, a.last - a.first);
        clearUnseen(dRow, seen, a.last - a.first);
    }
}

}  // namespace

CARAVAN_CLONES void softmaxRows(const SoftmaxRows<float>& a) {
    forward(a);
}
CARAVAN_CLONES void softmaxRows(const SoftmaxRows<double>& a) {
    forward(a);
}
CARAVAN_CLONES void softmaxBackwardRows(const SoftmaxBackwardRows<float>& a) {
    backward(a);
}
CARAVAN_CLONES void softmaxBackwardRows(const SoftmaxBackwardRows<double>& a) {
    backward(a);
}

}  // namespace caravan::kernels
