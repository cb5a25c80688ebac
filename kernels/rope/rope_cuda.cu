// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/common/device.cuh"
#include "kernels/rope/rope.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// One thread per rotated pair.
template <class T>
__global__ void ropeKernel(T* x, const std::int32_t* positions, const float* cos, const float* sin,
                           RopeShape shape, std::int64_t tokens) {
    const std::int64_t perToken = shape.heads * shape.half,
                       index = blockIdx.x * std::int64_t{kThreads} + threadIdx.x;
    if (index >= tokens * perToken) return;
    const std::int64_t token = index / perToken, head = index % perToken / shape.half, i = index % shape.half;
    T* a = x + token * shape.rowStride + head * 2 * shape.half + i;
    T* b = a + shape.half;
    const std::int64_t at = positions[token] * shape.half + i;
    const float c = cos[at], s = shape.inverse ? -sin[at] : sin[at], u = toFloat(*a), v = toFloat(*b);
    *a = fromFloat<T>(u * c - v * s);
    *b = fromFloat<T>(v * c + u * s);
}

}  // namespace

int rope(Element element, void* x, const std::int32_t* positions, const float* cos, const float* sin,
         const RopeShape& shape, std::int64_t tokens, Stream stream) {
    const std::int64_t pairs = tokens * shape.heads * shape.half;
    if (pairs == 0) return 0;
    forElement(element, [&](auto type) {
        using T = decltype(type);
        ropeKernel<T><<<blocksFor(pairs, kThreads), kThreads, 0, stream>>>(static_cast<T*>(x), positions, cos,
                                                                           sin, shape, tokens);
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
