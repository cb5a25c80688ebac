// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/decode_linear/decode_nf4.cuh"

// A tile's end, by one warp: its slots added in order, LoRA by the tensor cores, bias, SwiGLU, residual. Lane
// (g, t) has rows g and g + 8 (with SwiGLU: of gate and up) of the rows 2 t and 2 t + 1 of x.
namespace caravan::kernels::cuda {

template <int Rows>
struct TileEnd {
    static constexpr int kGroups = Rows > 8 ? 2 : 1,
                         kOf = Rows == 1 ? 1 : 2,  // rows of x: eights, a lane's of each
        kChunks = 2;                               // of 32 ranks
    uint4 a[kChunks], b[kChunks];                  // LoRA's B, asked for ahead
    float residual[kGroups][4];

    // Ranks [8 t, 8 t + 8) of a chunk of 32.
    static __device__ __forceinline__ uint4 loadRanks(const DecodePart& part, std::uint32_t row, int chunk) {
        uint4 v{};
        const int first = chunk * 32 + static_cast<int>(threadIdx.x & 3) * 8,
                  rank = static_cast<int>(part.rank);
        if (!part.loraB || first >= rank) return v;
        const Bf16* from =
            static_cast<const Bf16*>(part.loraB) + (row * static_cast<std::uint32_t>(rank) + first);
        if (rank % 8 == 0 && reinterpret_cast<std::uintptr_t>(part.loraB) % 16 == 0)
            return __ldg(reinterpret_cast<const uint4*>(from));
        const auto pair = [&](int i) {
            return first + i < rank ? __ldg(reinterpret_cast<const std::uint32_t*>(from + i)) : 0u;
        };
        v.x = pair(0), v.y = pair(2), v.z = pair(4), v.w = pair(6);
        return v;
    }
    // Ahead of the previous kernel's end: one line of each row.
    static __device__ __forceinline__ void prefetch(const DecodeLaunch& l, int tile) {
        const TileRows at(l, tile);
        const int lane = threadIdx.x & 31;
        const DecodePart& part = l.linear.parts[lane < 8 ? at.partA : at.partB];
        if (lane < kTileRows && part.loraB)
            prefetchL2(static_cast<const Bf16*>(part.loraB) +
                       (lane < 8 ? at.rowA + lane : at.rowB + lane - 8) *
                           static_cast<std::uint32_t>(part.rank));
    }
    // f(n, c, row of x, column of y): c as in a product's sums
    template <class F>
    static __device__ __forceinline__ void forOutputs(const DecodeLaunch& l, const TileRows& at, F&& f) {
        const int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
        const std::int64_t columnA = l.linear.parts[at.partA].column + at.rowA + g,
                           columnB = l.linear.parts[at.partB].column + at.rowB + g;
#pragma unroll
        for (int n = 0; n < kGroups; ++n)
#pragma unroll
            for (int c = 0; c < kOf; ++c) {
                const std::int64_t x = 8 * n + 2 * t + c;
                if (x >= l.linear.batch) continue;
                f(n, c, x, columnA);
                if (!l.linear.swiglu) f(n, 2 + c, x, columnB);
            }
    }
    __device__ __forceinline__ void prepare(const DecodeLaunch& l, int tile) {
        const TileRows at(l, tile);
        const std::uint32_t g = (threadIdx.x & 31) >> 2;
#pragma unroll
        for (int c = 0; c < kChunks; ++c) {
            a[c] = loadRanks(l.linear.parts[at.partA], at.rowA + g, c);
            b[c] = loadRanks(l.linear.parts[at.partB], at.rowB + g, c);
        }
        forOutputs(l, at, [&](int n, int c, std::int64_t x, std::int64_t column) {
            residual[n][c] = residualOf<Bf16>(l.linear, x, column);
        });
    }
    // sums: rows g with the hidden values of a part, rows g + 8 too; hidden [batch][hiddenStride]
    static __device__ __forceinline__ void multiplyRanks(const DecodeLaunch& l, const Bf16* hidden, int chunk,
                                                         const uint4& low, const uint4& high,
                                                         float (&sums)[kGroups][4]) {
        const int lane = threadIdx.x & 31, row = lane >> 2, t = lane & 3;
#pragma unroll
        for (int n = 0; n < kGroups; ++n) {
            uint4 h{};
            readSharedIf(h, sharedAddress(hidden + (row + 8 * n) * l.hiddenStride + chunk * 32 + t * 8),
                         row + 8 * n < l.linear.batch);
            multiply(sums[n], low.x, high.x, low.y, high.y, h.x, h.y);
            multiply(sums[n], low.z, high.z, low.w, high.w, h.z, h.w);
        }
    }
    __device__ __forceinline__ void addLora(const DecodeLaunch& l, const TileRows& at, const Bf16* hidden,
                                            float (&v)[kGroups][4]) const {
        const DecodePart &p = l.linear.parts[at.partA], &q = l.linear.parts[at.partB];
        const int rankA = p.loraB ? static_cast<int>(p.rank) : 0,
                  rankB = q.loraB ? static_cast<int>(q.rank) : 0, batch = static_cast<int>(l.linear.batch);
        const std::uint32_t g = (threadIdx.x & 31) >> 2;
        float first[kGroups][4] = {}, second[kGroups][4] = {};
#pragma unroll 1
        for (int c = 0; c * 32 < rankA || c * 32 < rankB; ++c) {
            const uint4 low = c == 0   ? a[0]
                              : c == 1 ? a[1]
                                       : loadRanks(p, at.rowA + g, c),
                        high = c == 0   ? b[0]
                               : c == 1 ? b[1]
                                        : loadRanks(q, at.rowB + g, c);
            if (c * 32 < rankA)
                multiplyRanks(l, hidden + at.partA * batch * l.hiddenStride, c, low, high, first);
            if (at.partA != at.partB && c * 32 < rankB)
                multiplyRanks(l, hidden + at.partB * batch * l.hiddenStride, c, low, high, second);
        }
#pragma unroll
        for (int n = 0; n < kGroups; ++n)
#pragma unroll
            for (int c = 0; c < kOf; ++c) {
                const float high = at.partA != at.partB ? second[n][2 + c] : first[n][2 + c];
                if (rankA > 0) v[n][c] = __fadd_rn(v[n][c], __fmul_rn(p.scale, first[n][c]));
                if (rankB > 0) v[n][2 + c] = __fadd_rn(v[n][2 + c], __fmul_rn(q.scale, high));
            }
    }

    // tile: of the block; slots as Range leaves them. passed: other blocks of this launch wait for y.
    __device__ __forceinline__ void finish(const DecodeLaunch& a_, const Share& share, int tile,
                                           const float* slots, const Bf16* hidden, bool passed) const {
        const DecodeLinear& l = a_.linear;
        const int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3, batch = static_cast<int>(l.batch);
        const TileRows at(a_, share.first + tile);
        const int begin = share.begin(lane), end = share.begin(lane + 1);
        const unsigned left =
            __ballot_sync(0xFFFFFFFFu, lane < kRanges && begin < end && begin < (tile + 1) * a_.steps &&
                                           end > tile * a_.steps);
        const int from = __ffs(static_cast<int>(left)) - 1, count = 32 - __clz(static_cast<int>(left)) - from;
        float v[kGroups][4] = {};
        const float* slot = slots + (from + tile) * batch * kTileRows + g;
#pragma unroll 4
        for (int i = 0; i < count; ++i, slot += batch * kTileRows)
#pragma unroll
            for (int n = 0; n < kGroups; ++n)
#pragma unroll
                for (int c = 0; c < kOf; ++c) {
                    const int x = 8 * n + 2 * t + c;
                    if (x >= batch || (left >> (from + i) & 1) == 0) continue;
                    v[n][c] += slot[x * kTileRows];
                    v[n][2 + c] += slot[x * kTileRows + 8];
                }
        if (a_.hiddenStride > 0) addLora(a_, at, hidden, v);
        const float biasA = biasOf<Bf16>(l.parts[at.partA], at.rowA + g),
                    biasB = biasOf<Bf16>(l.parts[at.partB], at.rowB + g);
        forOutputs(a_, at, [&](int n, int c, std::int64_t x, std::int64_t column) {
            float y = v[n][c] + (c < 2 ? biasA : biasB);
            if (l.swiglu) y = silu(roundAs<Bf16>(y)) * roundAs<Bf16>(v[n][2 + c] + biasB);
            if (passed)
                pass(static_cast<Bf16*>(l.out) + x * l.outStride + column, y + residual[n][c]);
            else
                storeValue<Bf16>(l, x, column, y, residual[n][c]);
        });
    }
};

}  // namespace caravan::kernels::cuda
