// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cross_entropy/cross_entropy.h"

#include <cmath>

#include "kernels/common/math.h"

namespace caravan::kernels {
namespace {

template <class T>
CARAVAN_INLINE T laneMax(const T* x, std::int64_t n) {
    constexpr int kLanes = 16;
    T lanes[kLanes];
    for (int l = 0; l < kLanes; ++l)
        lanes[l] = x[0];
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (int l = 0; l < kLanes; ++l)
            lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
    T top = lanes[0];
    for (int l = 1; l < kLanes; ++l)
        top = lanes[l] > top ? lanes[l] : top;
    for (; i < n; ++i)
        top = x[i] > top ? x[i] : top;
    return top;
}

template <class T>
CARAVAN_INLINE void crossEntropy(T* logits, const std::int64_t* labels, T* perRow,
                                 const CrossEntropyShape& shape, std::int64_t begin, std::int64_t end) {
    const std::int64_t n = shape.vocabulary;
    for (std::int64_t row = begin; row < end; ++row) {
        T* z = logits + row * n;
        const T top = laneMax(z, n);
        const T atLabel = z[labels[row]];
        for (std::int64_t i = 0; i < n; ++i)
            z[i] = fastExp(z[i] - top);
        const T sum = laneSum<T>(n, [&](std::int64_t i) { return z[i]; });
        perRow[row] = std::log(sum) + top - atLabel;
        if (!shape.gradient) continue;
        const T scale = static_cast<T>(shape.scale), c = scale / sum;
        for (std::int64_t i = 0; i < n; ++i)
            z[i] *= c;
        z[labels[row]] -= scale;
    }
}

}  // namespace

CARAVAN_CLONES void crossEntropyRows(float* logits, const std::int64_t* labels, float* perRow,
                                     const CrossEntropyShape& shape, std::int64_t begin, std::int64_t end) {
    crossEntropy(logits, labels, perRow, shape, begin, end);
}
CARAVAN_CLONES void crossEntropyRows(double* logits, const std::int64_t* labels, double* perRow,
                                     const CrossEntropyShape& shape, std::int64_t begin, std::int64_t end) {
    crossEntropy(logits, labels, perRow, shape, begin, end);
}

}  // namespace caravan::kernels
