// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/attention_fp32/attention_fp32.h"
#include "kernels/common/async_copy.cuh"
#include "kernels/common/device.cuh"
#include "kernels/common/mma.cuh"

// Products of tiles in shared memory. x = high + low, both TF32: high is x rounded to 11 bits, low what is
// left, of which the tensor cores take 11 bits: 2^-22 |x| at most is left out. a b is low high + high low +
// high high.
//
// A block keeps some rows (queries, or keys), a warp 16 of them, and the others pass by in tiles of 32. Order
// of eight inner indices on the tensor cores: places t and t + 4 are indices 2 t and 2 t + 1, so that a lane
// loads neighbours. Order of eight of the others' rows: place n is row n ^ (n >> 2), so that a lane's share
// of the scores is its share of the next product's left operand, and no two lanes of a load ever meet in one
// bank of shared memory.
namespace caravan::kernels::cuda::attention32 {

inline constexpr int kOthers = 32;

// Heads of 128 leave room for one block a multiprocessor: it has eight warps.
template <int Size>
inline constexpr int kWarps = Size / 16;
template <int Size>
inline constexpr int kOwn = 16 * kWarps<Size>;
template <int Size>
inline constexpr int kThreads = 32 * kWarps<Size>;

template <int Size>
inline constexpr int kRow = Size + 8;  // floats of a row in shared memory: 8 more than a multiple of 32

struct Halved {
    std::uint32_t high, low;
};
__device__ __forceinline__ Halved halve(float x) {
    const std::uint32_t high = (__float_as_uint(x) + 0x1000u) & 0xFFFFE000u;
    return {high, __float_as_uint(x - __uint_as_float(high))};
}

struct Left {
    std::uint32_t high[4], low[4];
    __device__ __forceinline__ Left(float a0, float a1, float a2, float a3) {
        const float a[4] = {a0, a1, a2, a3};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const Halved h = halve(a[i]);
            high[i] = h.high, low[i] = h.low;
        }
    }
};
// N tiles side by side; what is small is summed by itself. Products that add to one sum stand apart from each
// other: one has to wait for the other.
template <int N>
struct Parts {
    float large[N][4] = {}, small[N][4] = {};
    __device__ __forceinline__ void add(const Left& a, const float (&b)[N][2]) {
        Halved x[N], y[N];
#pragma unroll
        for (int i = 0; i < N; ++i)
            x[i] = halve(b[i][0]), y[i] = halve(b[i][1]);
#pragma unroll
        for (int i = 0; i < N; ++i)
            multiplyTf32(small[i], a.low, x[i].high, y[i].high);
#pragma unroll
        for (int i = 0; i < N; ++i)
            multiplyTf32(large[i], a.high, x[i].high, y[i].high);
#pragma unroll
        for (int i = 0; i < N; ++i)
            multiplyTf32(small[i], a.high, x[i].low, y[i].low);
    }
    __device__ __forceinline__ float at(int i, int e) const {
        return large[i][e] + small[i][e];
    }
};

// A lane's place: rows group and group + 8 of its warp's 16, columns 2 inQuad and the next of eight.
struct Lane {
    int group = (threadIdx.x & 31) / 4, inQuad = threadIdx.x & 3;
    int firstRow = static_cast<int>(threadIdx.x / 32) * 16 + group;  // of the block's
    __device__ __forceinline__ static int rowOf(int place) { return place ^ (place >> 2); }
    // Of the others' 32: the row that scores[j][i] belongs to.
    __device__ __forceinline__ int other(int j, int i) const { return 8 * j + rowOf(2 * inQuad + (i & 1)); }
};

using Scores = float[kOthers / 8][4];

// scores [16, 32] = own [16, Size] others [32, Size]^T; own: the block's rows
template <int Size>
__device__ __forceinline__ void multiplyRows(Scores& scores, const float* own, const float* others,
                                             const Lane& lane) {
    own += lane.firstRow * kRow<Size> + 2 * lane.inQuad;
    others += Lane::rowOf(lane.group) * kRow<Size> + 2 * lane.inQuad;
#pragma unroll
    for (int c = 0; c < Size / 32; ++c) {
        Parts<kOthers / 8> parts;
#pragma unroll
        for (int k = c * 32; k < c * 32 + 32; k += 8) {
            const float2 x = *reinterpret_cast<const float2*>(own + k),
                         y = *reinterpret_cast<const float2*>(own + 8 * kRow<Size> + k);
            const Left left(x.x, y.x, x.y, y.y);
            float b[kOthers / 8][2];
#pragma unroll
            for (int j = 0; j < kOthers / 8; ++j) {
                const float2 z = *reinterpret_cast<const float2*>(others + 8 * j * kRow<Size> + k);
                b[j][0] = z.x, b[j][1] = z.y;
            }
            parts.add(left, b);
        }
#pragma unroll
        for (int j = 0; j < kOthers / 8; ++j)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                scores[j][i] = c == 0 ? parts.at(j, i) : scores[j][i] + parts.at(j, i);
    }
}

template <int Size>
using Sum = float[Size / 8][4];

// sum [16, Size] += weights [16, 32] others [32, Size]
template <int Size>
__device__ __forceinline__ void addWeighted(Sum<Size>& sum, const Scores& weights, const float* others,
                                            const Lane& lane) {
    const float* even = others + Lane::rowOf(2 * lane.inQuad) * kRow<Size> + lane.group;
    const float* odd = others + Lane::rowOf(2 * lane.inQuad + 1) * kRow<Size> + lane.group;
    constexpr int kTogether = 4;  // of eight columns each
#pragma unroll
    for (int n = 0; n < Size / 8; n += kTogether) {
        Parts<kTogether> parts;
#pragma unroll
        for (int j = 0; j < kOthers / 8; ++j) {
            const Left left(weights[j][0], weights[j][2], weights[j][1], weights[j][3]);
            float b[kTogether][2];
#pragma unroll
            for (int i = 0; i < kTogether; ++i) {
                const int at = 8 * j * kRow<Size> + (n + i) * 8;
                b[i][0] = even[at], b[i][1] = odd[at];
            }
            parts.add(left, b);
        }
#pragma unroll
        for (int i = 0; i < kTogether; ++i)
#pragma unroll
            for (int e = 0; e < 4; ++e)
                sum[n + i][e] += parts.at(i, e);
    }
}

// Rows first .. first + Rows of a row's length; what lies behind it is zero. Committed as one group by the
// caller.
template <int Size, int Rows>
__device__ __forceinline__ void fetchRows(float* to, const float* from, std::int64_t stride, int first,
                                          int length) {
    constexpr int kPieces = Size / 4;
#pragma unroll
    for (int i = 0; i < Rows * kPieces / kThreads<Size>; ++i) {
        const int at = i * kThreads<Size> + static_cast<int>(threadIdx.x), row = at / kPieces,
                  column = at % kPieces * 4;
        const bool inside = first + row < length;
        const float* source = from + (inside ? first + row : 0) * stride + column;
        copyAsync(sharedAddress(to + row * kRow<Size> + column), source, inside ? 16 : 0);
    }
}

// Two tensors' rows of the block, and twice two tiles of the others.
template <int Size>
struct Shared {
    float own[2][kOwn<Size> * kRow<Size>];
    float others[2][2][kOthers * kRow<Size>];
    float perOther[2][2][kOthers];  // logsumexp and <dout, out> of queries that pass by
};

struct Range {
    int first, end;
};

// Which row of tokens, which head and which tokens a block works at: the longest work first, which is late
// queries, or early keys.
template <int Own>
struct Place {
    int head, kvHead, begin, length, first;
    __device__ __forceinline__ Place(const AttentionFp32& a, bool lateFirst) {
        head = static_cast<int>(blockIdx.x);
        kvHead = head / static_cast<int>(a.heads / a.kvHeads);
        begin = a.cumulative[blockIdx.y];
        length = a.cumulative[blockIdx.y + 1] - begin;
        first = static_cast<int>(lateFirst ? gridDim.z - 1 - blockIdx.z : blockIdx.z) * Own;
    }
    __device__ __forceinline__ bool none() const { return first >= length; }
    // What passes by: of queries the keys, from a whole tile on, and of keys the queries.
    __device__ __forceinline__ Range keys(int window) const {
        const int before = window == 0 ? 0 : max(0, first - window + 1);
        return {before / kOthers * kOthers, min(length, first + Own)};
    }
    __device__ __forceinline__ Range queries(int window) const {
        return {first, window == 0 ? length : min(length, first + Own - 1 + window)};
    }
};
// The first token of the row, the block's head.
__device__ __forceinline__ const float* headOf(const float* x, std::int64_t stride, int begin, int head,
                                               int size) {
    return x + begin * stride + static_cast<std::int64_t>(head) * size;
}

__device__ __forceinline__ bool sees(int query, int key, int window) {
    return key <= query && (window == 0 || query - key < window);
}
}  // namespace caravan::kernels::cuda::attention32
