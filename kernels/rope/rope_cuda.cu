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

struct Rotation {
    float cos[8], sin[8];
    __device__ __forceinline__ Rotation(const float* cosines, const float* sines, bool inverse) {
        const auto c = loadEight(cosines), s = loadEight(sines);
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            cos[i] = c.v[i];
            sin[i] = inverse ? -s.v[i] : s.v[i];
        }
    }
};

// Eight pairs from (from, from + half) to (to, to + half).
template <class T>
__device__ __forceinline__ void rotateEight(const T* from, T* to, int half, const Rotation& r) {
    const auto a = loadEight(from), b = loadEight(from + half);
    float u[8], v[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        u[i] = a.v[i] * r.cos[i] - b.v[i] * r.sin[i];
        v[i] = b.v[i] * r.cos[i] + a.v[i] * r.sin[i];
    }
    storeEight(to, u);
    storeEight(to + half, v);
}

// One block per token, eight pairs a thread and turn.
template <class T>
__global__ void ropeWideKernel(T* x, const std::int32_t* positions, const float* cos, const float* sin,
                               RopeShape shape) {
    const int half = static_cast<int>(shape.half), perHead = half / 8,
              eights = static_cast<int>(shape.heads) * perHead;
    T* row = x + blockIdx.x * shape.rowStride;
    const std::int64_t at = positions[blockIdx.x] * shape.half;
    for (int e = threadIdx.x; e < eights; e += kThreads) {
        const int i = e % perHead * 8;
        T* p = row + e / perHead * 2 * half + i;
        rotateEight(p, p, half, Rotation(cos + at + i, sin + at + i, shape.inverse));
    }
}

// One block per token: query and key heads rotate back into their columns, value heads are copied.
template <class T>
__global__ void joinKernel(RopeJoinArguments a) {
    const int half = static_cast<int>(a.half), perHead = half / 8, queries = static_cast<int>(a.heads),
              keys = static_cast<int>(a.kvHeads), eights = (queries + 2 * keys) * perHead;
    const std::int64_t token = blockIdx.x, at = a.positions[token] * a.half;
    T* row = static_cast<T*>(a.out) + token * (queries + 2 * keys) * 2 * half;
    for (int e = threadIdx.x; e < eights; e += kThreads) {
        const int head = e / perHead, i = e % perHead * 8;
        T* to = row + head * 2 * half + i;
        if (head >= queries + keys) {
            const T* from = static_cast<const T*>(a.value) + token * a.valueStride +
                            (head - queries - keys) * 2 * half + i;
            storeEight(to, loadEight(from).v);
            storeEight(to + half, loadEight(from + half).v);
            continue;
        }
        const T* from =
            head < queries
                ? static_cast<const T*>(a.query) + token * a.queryStride + head * 2 * half + i
                : static_cast<const T*>(a.key) + token * a.keyStride + (head - queries) * 2 * half + i;
        rotateEight(from, to, half, Rotation(a.cos + at + i, a.sin + at + i, true));
    }
}

// One block per token: query in place, key and value into the rows that are kept.
template <class T>
__global__ void rowsKernel(RopeRowsArguments a) {
    const int half = static_cast<int>(a.half), perHead = half / 8, queries = static_cast<int>(a.heads),
              keys = static_cast<int>(a.kvHeads), eights = (queries + 2 * keys) * perHead;
    const std::int64_t token = blockIdx.x, at = a.positions[token] * a.half;
    for (int e = threadIdx.x; e < eights; e += kThreads) {
        const int head = e / perHead, i = e % perHead * 8, key = head - queries, value = key - keys;
        if (value >= 0) {
            const T* from = static_cast<const T*>(a.value) + token * a.valueStride + value * 2 * half + i;
            T* to = static_cast<T*>(a.valueRows) + token * a.valueRowStride + value * 2 * half + i;
            storeEight(to, loadEight(from).v);
            storeEight(to + half, loadEight(from + half).v);
            continue;
        }
        T* query = static_cast<T*>(a.query) + token * a.queryStride + head * 2 * half + i;
        const T* from =
            key < 0 ? query : static_cast<const T*>(a.key) + token * a.keyStride + key * 2 * half + i;
        T* to = key < 0 ? query : static_cast<T*>(a.keyRows) + token * a.keyRowStride + key * 2 * half + i;
        rotateEight(from, to, half, Rotation(a.cos + at + i, a.sin + at + i, false));
    }
}

}  // namespace

int rope(Element element, void* x, const std::int32_t* positions, const float* cos, const float* sin,
         const RopeShape& shape, std::int64_t tokens, Stream stream) {
    const std::int64_t pairs = tokens * shape.heads * shape.half;
    if (pairs == 0) return 0;
    const bool wide = shape.half % 8 == 0 && shape.rowStride % 8 == 0 && aligned16(x);
    forElement(element, [&](auto type) {
        using T = decltype(type);
        if (wide)
            ropeWideKernel<T><<<static_cast<unsigned>(tokens), kThreads, 0, stream>>>(
                static_cast<T*>(x), positions, cos, sin, shape);
        else
            ropeKernel<T><<<blocksFor(pairs, kThreads), kThreads, 0, stream>>>(static_cast<T*>(x), positions,
                                                                               cos, sin, shape, tokens);
    });
    return launched();
}

int ropeRows(Element element, const RopeRowsArguments& a, Stream stream) {
    if (a.tokens == 0) return 0;
    forElement(element, [&](auto type) {
        rowsKernel<decltype(type)><<<static_cast<unsigned>(a.tokens), kThreads, 0, stream>>>(a);
    });
    return launched();
}

int ropeJoin(Element element, const RopeJoinArguments& a, Stream stream) {
    if (a.tokens == 0) return 0;
    forElement(element, [&](auto type) {
        joinKernel<decltype(type)><<<static_cast<unsigned>(a.tokens), kThreads, 0, stream>>>(a);
    });
    return launched();
}

}  // namespace caravan::kernels::cuda
