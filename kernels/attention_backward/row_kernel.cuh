// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/attention_backward/tiles.cuh"

// <dout, out> of every query, and the log-sum-exp in base 2, in tiles of 64.
namespace caravan::kernels::cuda::attention_backward {

struct RowArguments {
    const Bf16 *out, *dout;
    std::int64_t outStride, doutStride;
    const float* logsumexp;
    float* tileRows;  // [pairs][tiles][2][64]
    int* counters;
    int counterCount;
    int heads, length, tiles;
};

inline constexpr int kRowThreads = 256, kRowTokens = 8;

__device__ __forceinline__ uint4 loadNow(const Bf16* p) {
    uint4 v;
    asm volatile("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p));
    return v;
}

// A block takes 4 KiB of eight neighbouring tokens.
template <int Size>
__global__ void __launch_bounds__(kRowThreads) rowsKernel(RowArguments a) {
    constexpr int kLanes = Size / 8, kHeads = kRowThreads / kLanes;
    const int parts = (a.heads + kHeads - 1) / kHeads, perRow = a.tiles * (kTile / kRowTokens),
              head = blockIdx.x % parts * kHeads + threadIdx.x / kLanes, row = blockIdx.x / parts / perRow,
              first = blockIdx.x / parts % perRow * kRowTokens, part = threadIdx.x % kLanes;
    if (blockIdx.x == 0)
#pragma unroll 1
        for (int i = threadIdx.x; i < a.counterCount; i += kRowThreads)
            a.counters[i] = 0;
    // What lies outside is read from the last one inside, so that nothing stands between the loads.
    const bool there = head < a.heads;
    const std::int64_t token = row * std::int64_t{a.length};
    const Bf16 *out = a.out + token * a.outStride + min(head, a.heads - 1) * Size + part * 8,
               *dout = a.dout + token * a.doutStride + min(head, a.heads - 1) * Size + part * 8;
    uint4 x[kRowTokens], y[kRowTokens];
#pragma unroll
    for (int i = 0; i < kRowTokens; ++i) {
        const int at = min(first + i, a.length - 1);
        x[i] = loadNow(out + at * a.outStride);
        y[i] = loadNow(dout + at * a.doutStride);
    }
    float sum[kRowTokens];
#pragma unroll
    for (int i = 0; i < kRowTokens; ++i) {
        const std::uint32_t u[4] = {x[i].x, x[i].y, x[i].z, x[i].w}, v[4] = {y[i].x, y[i].y, y[i].z, y[i].w};
        sum[i] = 0;
#pragma unroll
        for (int j = 0; j < 4; ++j)
            sum[i] += __uint_as_float(u[j] << 16) * __uint_as_float(v[j] << 16) +
                      __uint_as_float(u[j] & 0xFFFF0000u) * __uint_as_float(v[j] & 0xFFFF0000u);
#pragma unroll
        for (int offset = kLanes / 2; offset > 0; offset /= 2)
            sum[i] += __shfl_xor_sync(0xFFFFFFFFu, sum[i], offset);
    }
    if (!there || part != 0) return;
    const std::int64_t pair = row * std::int64_t{a.heads} + head;
    float* to = a.tileRows + (pair * a.tiles + first / kTile) * 2 * kTile + first % kTile;
#pragma unroll
    for (int i = 0; i < kRowTokens; ++i) {
        const bool inside = first + i < a.length;
        to[i] = inside ? a.logsumexp[pair * a.length + first + i] * kLog2e : INFINITY;
        to[kTile + i] = inside ? sum[i] : 0.0f;
    }
}

}  // namespace caravan::kernels::cuda::attention_backward
