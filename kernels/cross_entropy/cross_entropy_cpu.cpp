// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cross_entropy/cross_entropy.h"

#include <cmath>

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
