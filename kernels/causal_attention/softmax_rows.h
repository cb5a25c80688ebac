// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// What happens to the scores of a block of queries between the products of causal attention.
namespace caravan::kernels {

// Row i - begin holds query i against keys [first, last): scores become softmax weights, 0 where the query
// does not see the key.
template <class T>
struct SoftmaxRows {
    T* scores;
    std::int64_t stride;
    std::int64_t begin, end, first, last, window;
    std::int64_t headSize;  // scores are divided by its root
    T* logSumExp;           // [tokens]: written forward, read backward
};
void softmaxRows(const SoftmaxRows<float>& a);
void softmaxRows(const SoftmaxRows<double>& a);

// scores become the weights again, d (dL/dweights) becomes dL/d(unscaled scores).
template <class T>
struct SoftmaxBackwardRows {
    SoftmaxRows<T> rows;
    T* d;
    const T *out, *dOut;  // of query 0
    std::int64_t outStride;
};
void softmaxBackwardRows(const SoftmaxBackwardRows<float>& a);
void softmaxBackwardRows(const SoftmaxBackwardRows<double>& a);

}  // namespace caravan::kernels
