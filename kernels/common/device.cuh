// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/common/launch.h"

// Device-side helpers of the CUDA kernels.
namespace caravan::kernels::cuda {

using Bf16 = __nv_bfloat16;

__device__ __forceinline__ float toFloat(float x) {
    return x;
}
__device__ __forceinline__ float toFloat(Bf16 x) {
    return __bfloat162float(x);
}
template <class T>
__device__ __forceinline__ T fromFloat(float x);
template <>
__device__ __forceinline__ float fromFloat<float>(float x) {
    return x;
}
template <>
__device__ __forceinline__ Bf16 fromFloat<Bf16>(float x) {
    return __float2bfloat16_rn(x);
}

// f(T{}) with the element's type
template <class F>
void forElement(Element element, F&& f) {
    if (element == Element::BF16)
        f(Bf16{});
    else
        f(float{});
}

inline int launched() {
    return static_cast<int>(cudaGetLastError());
}
inline unsigned blocksFor(std::int64_t n, std::int64_t perBlock) {
    return static_cast<unsigned>((n + perBlock - 1) / perBlock);
}

inline bool aligned16(const void* p) {
    return reinterpret_cast<std::uintptr_t>(p) % 16 == 0;
}
// As instructions for shared memory take it.
__device__ __forceinline__ std::uint32_t sharedAddress(const void* p) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
}

template <class T, class Op>
__device__ __forceinline__ T warpReduce(T value, Op op) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2)
        value = op(value, __shfl_xor_sync(0xFFFFFFFFu, value, offset));
    return value;
}
struct Plus {
    template <class T>
    __device__ T operator()(T a, T b) const {
        return a + b;
    }
};
struct Larger {
    template <class T>
    __device__ T operator()(T a, T b) const {
        return a > b ? a : b;
    }
};

// Over the whole block, in a fixed order; every thread gets the result. blockDim.x a multiple of 32, at most
// 1024.
template <class T, class Op>
__device__ __forceinline__ T blockReduce(T value, T neutral, Op op) {
    __shared__ T shared[32];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    value = warpReduce(value, op);
    __syncthreads();
    if (lane == 0) shared[warp] = value;
    __syncthreads();
    return warpReduce(lane < warps ? shared[lane] : neutral, op);
}

// Eight neighbouring elements at once; p is 16-byte aligned for bf16, 32 for fp32 (two loads).
template <class T>
struct Eight {
    float v[8];
};
__device__ __forceinline__ Eight<float> loadEight(const float* p) {
    Eight<float> e;
    const float4 a = reinterpret_cast<const float4*>(p)[0], b = reinterpret_cast<const float4*>(p)[1];
    e.v[0] = a.x, e.v[1] = a.y, e.v[2] = a.z, e.v[3] = a.w, e.v[4] = b.x, e.v[5] = b.y, e.v[6] = b.z,
    e.v[7] = b.w;
    return e;
}
__device__ __forceinline__ Eight<Bf16> loadEight(const Bf16* p) {
    Eight<Bf16> e;
    const uint4 raw = *reinterpret_cast<const uint4*>(p);
    const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        e.v[2 * i] = __uint_as_float(words[i] << 16);
        e.v[2 * i + 1] = __uint_as_float(words[i] & 0xFFFF0000u);
    }
    return e;
}
__device__ __forceinline__ void storeEight(float* p, const float* v) {
    reinterpret_cast<float4*>(p)[0] = make_float4(v[0], v[1], v[2], v[3]);
    reinterpret_cast<float4*>(p)[1] = make_float4(v[4], v[5], v[6], v[7]);
}
__device__ __forceinline__ std::uint32_t packBf16(float low, float high) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const std::uint32_t*>(&pair);
}
__device__ __forceinline__ void storeEight(Bf16* p, const float* v) {
    *reinterpret_cast<uint4*>(p) =
        make_uint4(packBf16(v[0], v[1]), packBf16(v[2], v[3]), packBf16(v[4], v[5]), packBf16(v[6], v[7]));
}

}  // namespace caravan::kernels::cuda
