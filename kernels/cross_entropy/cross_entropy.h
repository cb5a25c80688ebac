// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// One chunk of logits [rows, vocabulary], contiguous: perRow[i] = logsumexp - logit[label]; with gradient the
// logits become scale * (softmax - onehot).
namespace caravan::kernels {

struct CrossEntropyShape {
    std::int64_t vocabulary = 0;
    double scale = 1;
    bool gradient = false;
};
void crossEntropyRows(float* logits, const std::int64_t* labels, float* perRow,
                      const CrossEntropyShape& shape, std::int64_t begin, std::int64_t end);
void crossEntropyRows(double* logits, const std::int64_t* labels, double* perRow,
                      const CrossEntropyShape& shape, std::int64_t begin, std::int64_t end);

// The same without a row's whole logits: the vocabulary passes in chunks through a running maximum, as in
// attention without its matrix. What was summed before is rescaled when a larger logit appears. The label is
// kept out of the sums: its own term, p - 1 = -(sum of the others) / total, does not cancel.
template <class T>
struct CrossEntropyRow {
    T top = 0, others = 0, atLabel = 0;  // the largest logit, sum of exp(logit - top) without the label
};
template <class T>
struct CrossEntropyChunk {
    T* logits = nullptr;  // [rows, columns]; becomes exp(logit - top), 0 at the label
    std::int64_t stride = 0, rows = 0;
    std::int64_t first = 0, columns = 0;   // of the vocabulary
    const std::int64_t* labels = nullptr;  // [rows]
    CrossEntropyRow<T>* state = nullptr;   // [rows], anything before the first chunk
    T* gradient = nullptr;                 // [rows, width] sum of exp * head so far, or null
    std::int64_t width = 0;
};
void crossEntropyChunk(const CrossEntropyChunk<float>& chunk);
void crossEntropyChunk(const CrossEntropyChunk<double>& chunk);

// After the last chunk: perRow [rows], and the gradient as scale * dloss/dhidden.
template <class T>
struct CrossEntropyEnd {
    const CrossEntropyRow<T>* state = nullptr;
    const std::int64_t* labels = nullptr;
    std::int64_t rows = 0;
    T* perRow = nullptr;
    T* gradient = nullptr;    // or null
    const T* head = nullptr;  // [vocabulary, width]
    std::int64_t headStride = 0, width = 0;
    T scale = 1;
};
void crossEntropyEnd(const CrossEntropyEnd<float>& end);
void crossEntropyEnd(const CrossEntropyEnd<double>& end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

// logits in their element type, perRow fp32
int crossEntropy(Element element, void* logits, const std::int64_t* labels, float* perRow,
                 const CrossEntropyShape& shape, std::int64_t rows, Stream stream);

}  // namespace caravan::kernels::cuda
