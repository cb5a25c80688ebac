// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/bulk_copy.cuh"
#include "kernels/common/wgmma.cuh"

// What the kernels of attention's backward share: the order of work, tiles into shared memory, products of
// the gradients, rows of sums to memory.
namespace caravan::kernels::cuda::attention_backward {

inline constexpr int kTile = 64;                       // queries or keys of a tile: rows of 128 bytes each
inline constexpr int kScoreBytes = kTile * kTile * 2;  // dS of a tile of queries and one of keys
inline constexpr int kTileRowBytes = 2 * kTile * 4;    // of 64 queries: log-sum-exp in base 2, <dout, out>
inline constexpr float kLog2e = 1.4426950408889634f;

template <int Size>
inline constexpr int kTileBytes = (2 * Size) * kTile;
// The next 64 columns of a tile of 128.
inline constexpr int kHalf = kTile * 128;

struct Heads {
    int heads, length, tiles;  // tiles of 64 in a row
    int firstPair, pairs;      // of row and head, of this launch
    int together;              // pairs that are worked on side by side
};

// Work in an order that starts with the longest of a few pairs, so that these stay in the L2 cache and blocks
// end together.
struct Item {
    int pair, level;
};
__device__ __forceinline__ Item itemAt(const Heads& h, int levels, int index) {
    const int perGroup = h.together * levels, group = index / perGroup, inGroup = index - group * perGroup,
              first = group * h.together, size = min(h.together, h.pairs - first);
    return {first + inGroup % size, inGroup / size};
}

// Where dS of (tile of queries, tile of keys <= it) lies within a pair's.
__device__ __host__ __forceinline__ std::int64_t scoreTile(int query, int key) {
    return static_cast<std::int64_t>(query) * (query + 1) / 2 + key;
}
__device__ __host__ __forceinline__ std::int64_t pairBytes(int tiles) {
    return scoreTile(tiles, 0) * kScoreBytes;
}

template <int Size>
__device__ __forceinline__ void copyTile(Bf16* to, const CUtensorMap& map, int head, int position, int row,
                                         Barrier& barrier) {
#pragma unroll
    for (int half = 0; half < Size / 64; ++half)
        copyBox(to + half * (kHalf / 2), map, half * 64, head, position, row, barrier);
}

// sum += left (of 64 queries or keys, in registers) times the tile of these.
template <int Size>
__device__ __forceinline__ void gradientProducts(float (&sum)[Size / 2], const std::uint32_t (&left)[4][4],
                                                 std::uint64_t right) {
#pragma unroll
    for (int k = 0; k < 4; ++k)
        wgmmaRegisters<Major::Outer>(sum, left[k], wgmmaAdvance(right, k * 16 * 128));
    wgmmaCommit();
}

// The angles by which rotated rows are turned back; positions null: they stay.
struct Turn {
    const std::int32_t* positions;  // of a row's tokens
    const float *cos, *sin;         // [positions, Size / 2]
};

// sum [64, Size], rows first .. of `length`, turned back: columns i and i + Size / 2 lie in one thread.
template <int Size>
__device__ __forceinline__ void turnBack(float (&sum)[Size / 2], const Turn& turn, int first, int length) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5 & 3;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
        const int row = min(first + warp * 16 + lane / 4 + h * 8, length - 1);
        const std::int64_t at = turn.positions[row] * std::int64_t{Size / 2} + lane % 4 * 2;
        float2 cos[Size / 16], sin[Size / 16];
#pragma unroll
        for (int j = 0; j < Size / 16; ++j) {
            cos[j] = __ldg(reinterpret_cast<const float2*>(turn.cos + at + 8 * j));
            sin[j] = __ldg(reinterpret_cast<const float2*>(turn.sin + at + 8 * j));
        }
#pragma unroll
        for (int j = 0; j < Size / 16; ++j)
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                const float c = i ? cos[j].y : cos[j].x, s = i ? sin[j].y : sin[j].x;
                float &a = sum[4 * j + 2 * h + i], &b = sum[4 * (j + Size / 16) + 2 * h + i];
                const float turned = a * c + b * s;
                b = b * c - a * s;
                a = turned;
            }
    }
}

// sum [64, Size] times scale to rows first .. of out, those below length.
template <int Size>
__device__ __forceinline__ void storeRows(const float (&sum)[Size / 2], float scale, Bf16* out,
                                          std::int64_t stride, int first, int length) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5 & 3;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
        const int row = first + warp * 16 + lane / 4 + h * 8;
        Bf16* to = out + row * stride + lane % 4 * 8;
#pragma unroll
        for (int j = 0; j < Size / 8; j += 4) {
            std::uint32_t w[4];
#pragma unroll
            for (int i = 0; i < 4; ++i)
                w[i] = packBf16(sum[4 * (j + i) + 2 * h] * scale, sum[4 * (j + i) + 2 * h + 1] * scale);
            transposeQuad(w);
            if (row < length) *reinterpret_cast<uint4*>(to + j * 8) = make_uint4(w[0], w[1], w[2], w[3]);
        }
    }
}

}  // namespace caravan::kernels::cuda::attention_backward
