// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cross_entropy/cross_entropy.h"

#include <cmath>
#include <limits>

#include "kernels/common/lane_max.h"
#include "kernels/common/math.h"

namespace caravan::kernels {
namespace {

template <class T>
CARAVAN_INLINE void crossEntropy(T* logits, const std::int64_t* labels, T* perRow,
                                 const CrossEntropyShape& shape, std::int64_t begin, std::int64_t end) {
    const std::int64_t n = shape.vocabulary;
    for (std::int64_t row = begin; row < end; ++row) {
        T* z = logits + row * n;
        const T top = laneMax(z, n);
        const T atLabel = z[labels[row]];
        const T sum = laneSum<T>(n, [&](std::int64_t i) { return z[i] = fastExp(z[i] - top); });
        perRow[row] = std::log(sum) + top - atLabel;
        if (!shape.gradient) continue;
        const T scale = static_cast<T>(shape.scale), c = scale / sum;
        for (std::int64_t i = 0; i < n; ++i)
            z[i] *= c;
        z[labels[row]] -= scale;
    }
}

template <class T>
CARAVAN_INLINE void chunk(const CrossEntropyChunk<T>& a) {
    for (std::int64_t row = 0; row < a.rows; ++row) {
        T* z = a.logits + row * a.stride;
        CrossEntropyRow<T>& state = a.state[row];
        if (a.first == 0) state = {z[0], 0, 0};
        const T largest = laneMax(z, a.columns), top = largest > state.top ? largest : state.top;
        if (top > state.top) {
            const T factor = fastExp(state.top - top);
            state.others *= factor;
            T* gradient = a.gradient + row * a.width;
            for (std::int64_t i = 0; a.gradient && a.first > 0 && i < a.width; ++i)
                gradient[i] *= factor;
            state.top = top;
        }
        const std::int64_t label = a.labels[row] - a.first;
        const bool here = label >= 0 && label < a.columns;
        if (here) {
            state.atLabel = z[label];
            z[label] = -std::numeric_limits<T>::infinity();
        }
        state.others += laneSum<T>(a.columns, [&](std::int64_t i) { return z[i] = fastExp(z[i] - top); });
    }
}

template <class T>
CARAVAN_INLINE void end(const CrossEntropyEnd<T>& a) {
    for (std::int64_t row = 0; row < a.rows; ++row) {
        const CrossEntropyRow<T>& state = a.state[row];
        const T total = state.others + std::exp(state.atLabel - state.top);
        const bool first = state.atLabel == state.top;
        a.perRow[row] = first ? std::log1p(state.others) : std::log(total) + (state.top - state.atLabel);
        if (!a.gradient) continue;
        const T others = a.scale / total, own = -others * state.others;
        T* __restrict__ gradient = a.gradient + row * a.width;
        const T* __restrict__ head = a.head + a.labels[row] * a.headStride;
        for (std::int64_t i = 0; i < a.width; ++i)
            gradient[i] = others * gradient[i] + own * head[i];
    }
}

}  // namespace

CARAVAN_CLONES void crossEntropyChunk(const CrossEntropyChunk<float>& a) {
    chunk(a);
}
CARAVAN_CLONES void crossEntropyChunk(const CrossEntropyChunk<double>& a) {
    chunk(a);
}
CARAVAN_CLONES void crossEntropyEnd(const CrossEntropyEnd<float>& a) {
    end(a);
}
CARAVAN_CLONES void crossEntropyEnd(const CrossEntropyEnd<double>& a) {
    end(a);
}

CARAVAN_CLONES void crossEntropyRows(float* logits, const std::int64_t* labels, float* perRow,
                                     const CrossEntropyShape& shape, std::int64_t begin, std::int64_t end) {
    crossEntropy(logits, labels, perRow, shape, begin, end);
}
CARAVAN_CLONES void crossEntropyRows(double* logits, const std::int64_t* labels, double* perRow,
                                     const CrossEntropyShape& shape, std::int64_t begin, std::int64_t end) {
    crossEntropy(logits, labels, perRow, shape, begin, end);
}

}  // namespace caravan::kernels
