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

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

// logits in their element type, perRow fp32
int crossEntropy(Element element, void* logits, const std::int64_t* labels, float* perRow,
                 const CrossEntropyShape& shape, std::int64_t rows, Stream stream);

}  // namespace caravan::kernels::cuda
