// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/device.cuh"
#include "kernels/swiglu/swiglu.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// fp32 results keep expf's accuracy; under bf16's rounding the fast forms differ by nothing that is stored.
template <class T>
__device__ __forceinline__ float sigmoidOf(float x) {
    if constexpr (sizeof(T) == 2)
        return __fdividef(1.0f, 1.0f + __expf(-x));
    else
        return 1.0f / (1.0f + expf(-x));
}

template <class T>
__global__ void forwardKernel(const T* gate, const T* up, T* h, SwigluShape shape, std::int64_t rows) {
    const std::int64_t index = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (index >= rows * shape.columns) return;
    const std::int64_t row = index / shape.columns, column = index % shape.columns;
    const float g = toFloat(gate[row * shape.gateStride + column]),
                u = toFloat(up[row * shape.upStride + column]);
    h[index] = fromFloat<T>(g * sigmoidOf<T>(g) * u);
}

// d gate, d up and the product itself from one element.
template <class T>
struct Gradient {
    float gate, up, h;
    __device__ __forceinline__ Gradient(float d, float g, float u) {
        const float s = sigmoidOf<T>(g);
        gate = d * u * (s * (1.0f + g * (1.0f - s)));
        up = d * (g * s);
        h = g * s * u;
    }
};

template <class T>
__global__ void backwardKernel(const T* dh, const T* gate, const T* up, T* packed, T* h, SwigluShape shape,
                               std::int64_t rows) {
    const std::int64_t index = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (index >= rows * shape.columns) return;
    const std::int64_t row = index / shape.columns, column = index % shape.columns;
    const Gradient<T> d(toFloat(dh[index]), toFloat(gate[row * shape.gateStride + column]),
                        toFloat(up[row * shape.upStride + column]));
    T* out = packed + row * 2 * shape.columns + column;
    out[0] = fromFloat<T>(d.gate);
    out[shape.columns] = fromFloat<T>(d.up);
    if (h != nullptr) h[index] = fromFloat<T>(d.h);
}

// One block per row, eight columns a thread and turn.
template <class T>
__global__ void forwardWideKernel(const T* gate, const T* up, T* h, SwigluShape shape) {
    const std::int64_t row = blockIdx.x;
    for (std::int64_t c = threadIdx.x * 8; c < shape.columns; c += kThreads * 8) {
        const auto g = loadEight(gate + row * shape.gateStride + c),
                   u = loadEight(up + row * shape.upStride + c);
        float out[8];
#pragma unroll
        for (int i = 0; i < 8; ++i)
            out[i] = g.v[i] * sigmoidOf<T>(g.v[i]) * u.v[i];
        storeEight(h + row * shape.columns + c, out);
    }
}

template <class T>
__global__ void backwardWideKernel(const T* dh, const T* gate, const T* up, T* packed, T* h,
                                   SwigluShape shape) {
    const std::int64_t row = blockIdx.x;
    for (std::int64_t c = threadIdx.x * 8; c < shape.columns; c += kThreads * 8) {
        const auto d = loadEight(dh + row * shape.columns + c),
                   g = loadEight(gate + row * shape.gateStride + c),
                   u = loadEight(up + row * shape.upStride + c);
        float dGate[8], dUp[8], product[8];
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            const Gradient<T> gradient(d.v[i], g.v[i], u.v[i]);
            dGate[i] = gradient.gate;
            dUp[i] = gradient.up;
            product[i] = gradient.h;
        }
        T* out = packed + row * 2 * shape.columns + c;
        storeEight(out, dGate);
        storeEight(out + shape.columns, dUp);
        if (h != nullptr) storeEight(h + row * shape.columns + c, product);
    }
}

bool wide(const SwigluShape& shape, std::int64_t rows, const void* a, const void* b, const void* c,
          const void* d) {
    return shape.columns % 8 == 0 && shape.gateStride % 8 == 0 && shape.upStride % 8 == 0 &&
           rows < (std::int64_t{1} << 31) && aligned16(a) && aligned16(b) && aligned16(c) && aligned16(d);
}

}  // namespace

int swiglu(Element element, const void* gate, const void* up, void* h, const SwigluShape& shape,
           std::int64_t rows, Stream stream) {
    if (rows * shape.columns == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        const auto *g = static_cast<const T*>(gate), *u = static_cast<const T*>(up);
        if (wide(shape, rows, gate, up, h, h))
            forwardWideKernel<T>
                <<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(g, u, static_cast<T*>(h), shape);
        else
            forwardKernel<T><<<blocksFor(rows * shape.columns, kThreads), kThreads, 0, stream>>>(
                g, u, static_cast<T*>(h), shape, rows);
    });
    return launched();
}

int swigluBackward(Element element, const void* dh, const void* gate, const void* up, void* packed, void* h,
                   const SwigluShape& shape, std::int64_t rows, Stream stream) {
    if (rows * shape.columns == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        const auto *d = static_cast<const T*>(dh), *g = static_cast<const T*>(gate),
                   *u = static_cast<const T*>(up);
        if (wide(shape, rows, gate, up, dh, packed) && aligned16(h))
            backwardWideKernel<T><<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(
                d, g, u, static_cast<T*>(packed), static_cast<T*>(h), shape);
        else
            backwardKernel<T><<<blocksFor(rows * shape.columns, kThreads), kThreads, 0, stream>>>(
                d, g, u, static_cast<T*>(packed), static_cast<T*>(h), shape, rows);
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
