// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/device.cuh"
#include "kernels/rms_norm/rms_norm.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// One block per row.
template <class T>
__global__ void forwardKernel(const T* x, const T* weight, float eps, T* y, float* rstd,
                              std::int64_t columns) {
    const T* in = x + blockIdx.x * columns;
    T* out = y + blockIdx.x * columns;
    float squares = 0;
    for (std::int64_t i = threadIdx.x; i < columns; i += kThreads)
        squares += toFloat(in[i]) * toFloat(in[i]);
    squares = blockReduce(squares, 0.0f, Plus{});
    const float r = 1.0f / sqrtf(squares / static_cast<float>(columns) + eps);
    if (threadIdx.x == 0) rstd[blockIdx.x] = r;
    for (std::int64_t i = threadIdx.x; i < columns; i += kThreads)
        out[i] = fromFloat<T>(toFloat(in[i]) * r * toFloat(weight[i]));
}

template <class T>
__global__ void backwardKernel(const T* dy, const T* x, const T* weight, const float* rstd, T* dx,
                               std::int64_t columns) {
    const T* g = dy + blockIdx.x * columns;
    const T* in = x + blockIdx.x * columns;
    T* out = dx + blockIdx.x * columns;
    float dot = 0;
    for (std::int64_t i = threadIdx.x; i < columns; i += kThreads)
        dot += toFloat(g[i]) * toFloat(weight[i]) * toFloat(in[i]);
    dot = blockReduce(dot, 0.0f, Plus{});
    const float r = rstd[blockIdx.x], c = dot * r * r / static_cast<float>(columns);
    for (std::int64_t i = threadIdx.x; i < columns; i += kThreads)
        out[i] = fromFloat<T>(r * (toFloat(g[i]) * toFloat(weight[i]) - toFloat(in[i]) * c));
}

}  // namespace

int rmsNorm(Element element, const void* x, const void* weight, float eps, void* y, float* rstd,
            std::int64_t rows, std::int64_t columns, Stream stream) {
    if (rows == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        forwardKernel<T><<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(
            static_cast<const T*>(x), static_cast<const T*>(weight), eps, static_cast<T*>(y), rstd, columns);
    });
    return launched();
}

int rmsNormBackward(Element element, const void* dy, const void* x, const void* weight, const float* rstd,
                    void* dx, std::int64_t rows, std::int64_t columns, Stream stream) {
    if (rows == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        backwardKernel<T><<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(
            static_cast<const T*>(dy), static_cast<const T*>(x), static_cast<const T*>(weight), rstd,
            static_cast<T*>(dx), columns);
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
