// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/device.cuh"
#include "kernels/swiglu/swiglu.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;

__device__ __forceinline__ float sigmoidOf(float x) {
    return 1.0f / (1.0f + expf(-x));
}

template <class T>
__global__ void forwardKernel(const T* gate, const T* up, T* h, SwigluShape shape, std::int64_t rows) {
    const std::int64_t index = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (index >= rows * shape.columns) return;
    const std::int64_t row = index / shape.columns, column = index % shape.columns;
    const float g = toFloat(gate[row * shape.gateStride + column]),
                u = toFloat(up[row * shape.upStride + column]);
    h[index] = fromFloat<T>(g * sigmoidOf(g) * u);
}

template <class T>
__global__ void backwardKernel(const T* dh, const T* gate, const T* up, T* packed, SwigluShape shape,
                               std::int64_t rows) {
    const std::int64_t index = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (index >= rows * shape.columns) return;
    const std::int64_t row = index / shape.columns, column = index % shape.columns;
    const float g = toFloat(gate[row * shape.gateStride + column]),
                u = toFloat(up[row * shape.upStride + column]);
    const float d = toFloat(dh[index]), s = sigmoidOf(g);
    T* out = packed + row * 2 * shape.columns + column;
    out[0] = fromFloat<T>(d * u * (s * (1.0f + g * (1.0f - s))));
    out[shape.columns] = fromFloat<T>(d * (g * s));
}

}  // namespace

int swiglu(Element element, const void* gate, const void* up, void* h, const SwigluShape& shape,
           std::int64_t rows, Stream stream) {
    if (rows * shape.columns == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        forwardKernel<T><<<blocksFor(rows * shape.columns, kThreads), kThreads, 0, stream>>>(
            static_cast<const T*>(gate), static_cast<const T*>(up), static_cast<T*>(h), shape, rows);
    });
    return launched();
}

int swigluBackward(Element element, const void* dh, const void* gate, const void* up, void* packed,
                   const SwigluShape& shape, std::int64_t rows, Stream stream) {
    if (rows * shape.columns == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        backwardKernel<T><<<blocksFor(rows * shape.columns, kThreads), kThreads, 0, stream>>>(
            static_cast<const T*>(dh), static_cast<const T*>(gate), static_cast<const T*>(up),
            static_cast<T*>(packed), shape, rows);
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
