// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/decode_linear/decode_nf4.cuh"

// What happens at a tile's end: the sums of the warps, LoRA, bias, SwiGLU, residual; a warp for each pair of
// rows. Two versions with one interface: one row of x, and any number, with the same roundings in the same
// order: a row's bits do not depend on how many there are.
namespace caravan::kernels::cuda {

// LoRA's part of a row, of two ranks and of all of them.
__device__ __forceinline__ float loraPair(std::uint32_t pair, float2 hidden) {
    return __fmaf_rn(__uint_as_float(pair << 16), hidden.x,
                     __fmul_rn(__uint_as_float(pair & 0xFFFF0000u), hidden.y));
}
__device__ __forceinline__ float withLora(float sum, float scale, float lora) {
    return __fadd_rn(sum, __fmul_rn(scale, lora));
}
// Two ranks of LoRA's B, or the residual of two columns, as they lie in memory.
__device__ __forceinline__ const Bf16* loraAt(const DecodePart& part, std::uint32_t row, int rank) {
    return static_cast<const Bf16*>(part.loraB) + (row * static_cast<std::uint32_t>(part.rank) + rank);
}
__device__ __forceinline__ float halfOf(std::uint32_t pair, bool second) {
    return __uint_as_float(second ? pair & 0xFFFF0000u : pair << 16);
}

// Any number of rows of x, ranks and biases. Hidden values are kept in bf16, which is what they are rounded
// to. The sums of all rows over the lanes are made at once: at each of the five exchanges a lane gives away
// half of the values that it still has, and in the end it has one (or, of eight rows, two lanes have the same
// one).
template <int Tiles>
struct AnyEnd {
    static constexpr bool kSingle = false;
    static constexpr int kRows = 8 * Tiles, kValues = 2 * kRows, kLanesPerValue = 32 / kValues;

    // This lane's output: a row of x and a column.
    struct Own {
        int x;
        std::int64_t column;
        bool first, stores;
    };
    static __device__ __forceinline__ Own ownOf(const DecodeLaunch& a, const TileRows& at) {
        const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
        Own own;
        own.first = lane < 16;
        own.x = (lane & 15) / kLanesPerValue;
        own.column = (own.first || a.linear.swiglu ? a.linear.parts[at.partA].column + at.rowA
                                                   : a.linear.parts[at.partB].column + at.rowB) +
                     warp;
        own.stores = own.x < a.linear.batch && lane % kLanesPerValue == 0 && (own.first || !a.linear.swiglu);
        return own;
    }

    static __device__ __forceinline__ void begin(const DecodeLaunch& a, int tile, std::uint32_t* ends) {
        if (!a.quick) return;
        const int rank = 2 * (threadIdx.x & 31), warp = threadIdx.x >> 5;
        const TileRows at(a, tile);
        const DecodePart &p = a.linear.parts[at.partA], &q = a.linear.parts[at.partB];
        if (p.loraB && rank < p.rank) copyAhead(ends + threadIdx.x, loraAt(p, at.rowA + warp, rank));
        if (q.loraB && rank < q.rank)
            copyAhead(ends + kDecodeThreads + threadIdx.x, loraAt(q, at.rowB + warp, rank));
        const Own own = ownOf(a, at);
        if (a.linear.residual && own.stores)
            copyAhead(ends + 2 * kDecodeThreads + threadIdx.x,
                      static_cast<const Bf16*>(a.linear.residual) +
                          (own.x * a.linear.outStride + own.column) / 2 * 2);
    }

    // Once per block: the side rows of all blocks are there, and come to shared memory. Two barriers.
    static __device__ __forceinline__ void open(const DecodeLaunch& a, float* hidden) {
        if (threadIdx.x < 32) awaitSides(a);
        __syncthreads();
        Bf16* to = reinterpret_cast<Bf16*>(hidden);
        for (int p = 0; p < a.linear.partCount; ++p) {
            const DecodePart& part = a.linear.parts[p];
            const int count = part.loraB ? static_cast<int>(part.rank * a.linear.batch) : 0;
            for (int i = threadIdx.x; i < count; i += kDecodeThreads)
                to[p * a.hiddenStride + i] = __float2bfloat16_rn(__ldcg(part.loraHidden + i));
        }
        __syncthreads();
    }

    // Adds LoRA's part of a row of the weights to its sums, for all rows of x.
    static __device__ __forceinline__ void addLora(const DecodeLaunch& a, int p, std::uint32_t row,
                                                   std::uint32_t quick, const float* hidden, float* sums) {
        const DecodePart& part = a.linear.parts[p];
        if (!part.loraB) return;
        const int rank = 2 * (threadIdx.x & 31), ranks = static_cast<int>(part.rank),
                  batch = static_cast<int>(a.linear.batch);
        const auto* h = reinterpret_cast<const std::uint32_t*>(reinterpret_cast<const Bf16*>(hidden) +
                                                               p * a.hiddenStride);
        const auto pairAt = [&](int b, int r) {
            const std::uint32_t both = h[(b * ranks + r) / 2];
            return make_float2(halfOf(both, false), halfOf(both, true));
        };
        if (a.quick) {
            if (rank >= ranks) return;
#pragma unroll
            for (int b = 0; b < kRows; ++b)
                if (b < batch) sums[b] = withLora(sums[b], part.scale, loraPair(quick, pairAt(b, rank)));
            return;
        }
        float lora[kRows] = {};
        for (int r = rank; r < ranks; r += 64) {
            const std::uint32_t pair = __ldg(reinterpret_cast<const std::uint32_t*>(loraAt(part, row, r)));
#pragma unroll
            for (int b = 0; b < kRows; ++b)
                if (b < batch) lora[b] = __fadd_rn(lora[b], loraPair(pair, pairAt(b, r)));
        }
#pragma unroll
        for (int b = 0; b < kRows; ++b)
            sums[b] = withLora(sums[b], part.scale, lora[b]);
    }

    template <int Left, int Offset>
    static __device__ __forceinline__ void exchange(float (&v)[kValues]) {
        if constexpr (Left >= 1) {
            const bool upper = (threadIdx.x & Offset) != 0;
#pragma unroll
            for (int i = 0; i < Left; ++i) {
                const float keep = upper ? v[i + Left] : v[i], give = upper ? v[i] : v[i + Left];
                v[i] = keep + __shfl_xor_sync(0xFFFFFFFFu, give, Offset);
            }
            exchange<Left / 2, Offset / 2>(v);
        }
    }
    static __device__ __forceinline__ float summed(float (&v)[kValues]) {
        exchange<kRows, 16>(v);
#pragma unroll
        for (int rest = kLanesPerValue / 2; rest > 0; rest /= 2)
            v[0] += __shfl_xor_sync(0xFFFFFFFFu, v[0], rest);
        return v[0];
    }

    static __device__ __forceinline__ void end(const DecodeLaunch& a, int tile, const float* sums,
                                               const float* hidden, const std::uint32_t* ends) {
        const DecodeLinear& l = a.linear;
        const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, batch = static_cast<int>(l.batch);
        const TileRows at(a, tile);
        float v[kValues];  // of the first row for all of x, then of the second
#pragma unroll
        for (int i = 0; i < kValues; ++i) {
            const int b = i % kRows, row = warp + i / kRows * 8;
            v[i] = b < batch && lane < kWarps ? sums[(b * kTileRows + row) * kWarps + lane] : 0.0f;
        }
        if (a.hiddenStride > 0) {
            addLora(a, at.partA, at.rowA + warp, ends[threadIdx.x], hidden, v);
            addLora(a, at.partB, at.rowB + warp, ends[kDecodeThreads + threadIdx.x], hidden, v + kRows);
        }
        float mine = summed(v);
        const Own own = ownOf(a, at);
        mine += own.first ? biasOf<Bf16>(l.parts[at.partA], at.rowA + warp)
                          : biasOf<Bf16>(l.parts[at.partB], at.rowB + warp);
        float residual = 0;
        if (l.residual && own.stores)
            residual = a.quick ? halfOf(ends[2 * kDecodeThreads + threadIdx.x],
                                        (own.x * l.outStride + own.column) % 2 != 0)
                               : residualOf<Bf16>(l, own.x, own.column);
        if (l.swiglu) {
            const float gate = roundAs<Bf16>(mine), up = __shfl_xor_sync(0xFFFFFFFFu, gate, 16);
            mine = (a.quick ? __fdividef(gate, 1.0f + __expf(-gate)) : silu(gate)) * up;
        }
        if (own.stores) storeValue<Bf16>(l, own.x, own.column, mine, residual);
    }
};

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

// One row of x, ranks up to 64, no bias. A tile's own values (two ranks of LoRA's B of both rows, the
// residual) are copied to shared memory from its begin on. The lanes' lower half finishes the first row of
// the pair, the upper half the second.
struct SingleEnd {
    static constexpr bool kSingle = true;

    static __device__ __forceinline__ void open(const DecodeLaunch& a, float* hidden) {
        openHidden(a, hidden);
    }

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
        return __fmul_rn(p.scale, loraPair(pair, h));
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
