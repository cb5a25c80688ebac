// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// Causal attention of one row of tokens and one key head with the query heads that share it, by one thread on
// the CPU: blocks of queries against the keys before them. A token's heads lie behind each other.
namespace caravan::kernels {

struct AttentionShape {
    std::int64_t tokens = 0, headSize = 0;
    std::int64_t group = 1;   // query heads per key head
    std::int64_t window = 0;  // a query sees itself and window - 1 tokens before it; 0: all
    // From a token to the next one.
    std::int64_t queryStride = 0, keyStride = 0, valueStride = 0, outStride = 0;
    std::int64_t sumStride = 0;  // of logsumexp: from a query head to the next one
};

// Pointers to the first token and to the first head of the group.
template <class T>
struct AttentionForward {
    const T *query, *key, *value;
    T* out;
    T* logSumExp;  // [group, tokens], of the scaled scores
};
// Elements of scratch that either direction needs.
[[nodiscard]] std::int64_t attentionScratch(const AttentionShape& shape);
void attentionForward(const AttentionForward<float>& a, const AttentionShape& shape, float* scratch);
void attentionForward(const AttentionForward<double>& a, const AttentionShape& shape, double* scratch);

template <class T>
struct AttentionBackward {
    const T *query, *key, *value, *out, *logSumExp;
    const T* dOut;              // laid out as out
    T *dQuery, *dKey, *dValue;  // laid out as query, key and value; written whole
    // From a token to the next one of the gradients.
    std::int64_t dQueryStride, dKeyStride, dValueStride;
};
void attentionBackward(const AttentionBackward<float>& a, const AttentionShape& shape, float* scratch);
void attentionBackward(const AttentionBackward<double>& a, const AttentionShape& shape, double* scratch);

}  // namespace caravan::kernels
