// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/decode_linear/decode_nf4.cuh"

// What happens at a tile's end: the sums of the warps, LoRA, bias, SwiGLU, residual; a warp for each pair of
// rows. Two versions with one interface: any batch and rank, and the quick one for one row of x.
namespace caravan::kernels::cuda {

// Once per block: the side rows of all blocks are there, and come to shared memory. Two barriers.
__device__ __noinline__ void openHidden(const DecodeLaunch& a, float* hidden) {
    if (threadIdx.x < 32) awaitSides(a);
    __syncthreads();
    for (int p = 0; p < a.linear.partCount; ++p) {
        const DecodePart& part = a.linear.parts[p];
        const int count = part.loraB ? static_cast<int>(part.rank * a.linear.batch) : 0;
        for (int i = threadIdx.x; i < a.hiddenStride; i += kDecodeThreads)
            hidden[p * a.hiddenStride + i] = i < count ? __ldcg(part.loraHidden + i) : 0.0f;
    }
    __syncthreads();
}

__device__ __forceinline__ float loraSum(const DecodePart& part, std::int64_t row, const float* hidden) {
    if (!part.loraB) return 0;
    float sum = 0;
    for (int j = 2 * (threadIdx.x & 31); j < part.rank; j += 64) {
        const std::uint32_t raw = __ldg(reinterpret_cast<const std::uint32_t*>(
            static_cast<const Bf16*>(part.loraB) + row * part.rank + j));
        sum += __uint_as_float(raw << 16) * hidden[j] + __uint_as_float(raw & 0xFFFF0000u) * hidden[j + 1];
    }
    return sum * part.scale;
}

__device__ __noinline__ void finishTile(const DecodeLaunch& a, int tile, const float* sums,
                                        const float* hidden) {
    const DecodeLinear& l = a.linear;
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const TileRows at(a, tile);
    const std::uint32_t first = at.rowA + warp, second = at.rowB + warp;
    const DecodePart &p = l.parts[at.partA], &q = l.parts[at.partB];
    for (std::int64_t b = 0; b < l.batch; ++b) {
        const float* rows = sums + b * kTileRows * kWarps;
        float u = lane < kWarps ? rows[warp * kWarps + lane] : 0.0f,
              v = lane < kWarps ? rows[(warp + 8) * kWarps + lane] : 0.0f;
        u += loraSum(p, first, hidden + at.partA * a.hiddenStride + b * p.rank);
        v += loraSum(q, second, hidden + at.partB * a.hiddenStride + b * q.rank);
        u = warpReduce(u, Plus{});
        v = warpReduce(v, Plus{});
        if (lane != 0) continue;
        u += biasOf<Bf16>(p, first);
        v += biasOf<Bf16>(q, second);
        const std::int64_t column = p.column + first, beside = q.column + second;
        if (l.swiglu) {
            u = roundAs<Bf16>(u), v = roundAs<Bf16>(v);
            storeValue<Bf16>(l, b, column, silu(u) * v, residualOf<Bf16>(l, b, column));
        } else {
            storeValue<Bf16>(l, b, column, u, residualOf<Bf16>(l, b, column));
            storeValue<Bf16>(l, b, beside, v, residualOf<Bf16>(l, b, beside));
        }
    }
}

// Any batch and rank.
struct AnyEnd {
    static constexpr bool kSingle = false;
    static __device__ __forceinline__ void begin(const DecodeLaunch&, int, std::uint32_t*) {}
    static __device__ __forceinline__ void end(const DecodeLaunch& a, int tile, const float* sums,
                                               const float* hidden, const std::uint32_t*) {
        finishTile(a, tile, sums, hidden);
    }
};

// One row of x, ranks up to 64, no bias. A tile's own values (two ranks of LoRA's B of both rows, the
// residual) are copied to shared memory from its begin on. The lanes' lower half finishes the first row of
// the pair, the upper half the second.
struct SingleEnd {
    static constexpr bool kSingle = true;

    static __device__ __forceinline__ int columnOf(const DecodeLaunch& a, const TileRows& at) {
        const bool first = (threadIdx.x & 31) < 16 || a.linear.swiglu;
        return static_cast<int>(first ? a.linear.parts[at.partA].column + at.rowA
                                      : a.linear.parts[at.partB].column + at.rowB) +
               static_cast<int>(threadIdx.x >> 5);
    }
    static __device__ __forceinline__ bool holds(const DecodePart& part) {
        return part.loraB && 2 * (threadIdx.x & 31) < part.rank;
    }
    static __device__ __forceinline__ void begin(const DecodeLaunch& a, int tile, std::uint32_t* ends) {
        const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
        const TileRows at(a, tile);
        const auto pair = [&](const DecodePart& part, std::uint32_t row, std::uint32_t* to) {
            if (!holds(part)) return;
            copyAhead(to, static_cast<const Bf16*>(part.loraB) +
                              ((row + warp) * static_cast<std::uint32_t>(part.rank) + 2 * lane));
        };
        pair(a.linear.parts[at.partA], at.rowA, ends + threadIdx.x);
        pair(a.linear.parts[at.partB], at.rowB, ends + kDecodeThreads + threadIdx.x);
        if (a.linear.residual && (lane & 15) == 0)
            copyAhead(ends + 2 * kDecodeThreads + threadIdx.x,
                      static_cast<const Bf16*>(a.linear.residual) + columnOf(a, at) / 2 * 2);
    }
    static __device__ __forceinline__ float lora(const DecodeLaunch& a, int part, std::uint32_t pair,
                                                 const float* hidden) {
        const DecodePart& p = a.linear.parts[part];
        if (!holds(p)) return 0;
        const float2 h =
            *reinterpret_cast<const float2*>(hidden + part * a.hiddenStride + 2 * (threadIdx.x & 31));
        return p.scale * (__uint_as_float(pair << 16) * h.x + __uint_as_float(pair & 0xFFFF0000u) * h.y);
    }
    static __device__ __forceinline__ void end(const DecodeLaunch& a, int tile, const float* sums,
                                               const float* hidden, const std::uint32_t* ends) {
        const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
        const TileRows at(a, tile);
        float u = lane < kWarps ? sums[warp * kWarps + lane] : 0.0f,
              v = lane < kWarps ? sums[(warp + 8) * kWarps + lane] : 0.0f;
        if (a.hiddenStride > 0) {
            u += lora(a, at.partA, ends[threadIdx.x], hidden);
            v += lora(a, at.partB, ends[kDecodeThreads + threadIdx.x], hidden);
        }
        float mine = lane < 16 ? u : v;
        mine += __shfl_xor_sync(0xFFFFFFFFu, lane < 16 ? v : u, 16);
#pragma unroll
        for (int offset = 8; offset > 0; offset /= 2)
            mine += __shfl_xor_sync(0xFFFFFFFFu, mine, offset);
        const int column = columnOf(a, at);
        float residual = 0;
        if (a.linear.residual) {
            const std::uint32_t both = ends[2 * kDecodeThreads + threadIdx.x];
            residual = __uint_as_float(column % 2 == 0 ? both << 16 : both & 0xFFFF0000u);
        }
        if (a.linear.swiglu) {
            const float gate = roundAs<Bf16>(mine), up = __shfl_xor_sync(0xFFFFFFFFu, gate, 16);
            if (lane == 0)
                storeValue<Bf16>(a.linear, 0, column, __fdividef(gate, 1.0f + __expf(-gate)) * up, residual);
        } else if ((lane & 15) == 0) {
            storeValue<Bf16>(a.linear, 0, column, mine, residual);
        }
    }
};

}  // namespace caravan::kernels::cuda
