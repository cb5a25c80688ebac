// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/device.cuh"
#include "kernels/cross_entropy/cross_entropy.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 512;

// One block per row; the label's logit is read before anything is overwritten.
template <class T>
__global__ void crossEntropyKernel(T* logits, const std::int64_t* labels, float* perRow,
                                   CrossEntropyShape shape) {
    T* z = logits + blockIdx.x * shape.vocabulary;
    const std::int64_t label = labels[blockIdx.x];
    const float atLabel = toFloat(z[label]);
    float top = -INFINITY;
    for (std::int64_t i = threadIdx.x; i < shape.vocabulary; i += kThreads)
        top = fmaxf(top, toFloat(z[i]));
    top = blockReduce(top, -INFINITY, Larger{});
    float sum = 0;
    for (std::int64_t i = threadIdx.x; i < shape.vocabulary; i += kThreads)
        sum += expf(toFloat(z[i]) - top);
    sum = blockReduce(sum, 0.0f, Plus{});
    if (threadIdx.x == 0) perRow[blockIdx.x] = logf(sum) + top - atLabel;
    if (!shape.gradient) return;
    const float scale = static_cast<float>(shape.scale), c = scale / sum;
    for (std::int64_t i = threadIdx.x; i < shape.vocabulary; i += kThreads)
        z[i] = fromFloat<T>(expf(toFloat(z[i]) - top) * c - (i == label ? scale : 0.0f));
}

}  // namespace

int crossEntropy(Element element, void* logits, const std::int64_t* labels, float* perRow,
                 const CrossEntropyShape& shape, std::int64_t rows, Stream stream) {
    if (rows == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        crossEntropyKernel<T><<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(static_cast<T*>(logits),
                                                                                    labels, perRow, shape);
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
