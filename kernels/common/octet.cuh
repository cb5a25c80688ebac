// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/mma.cuh"

// Rows of dense bf16 weights times a few vectors, as lanes hold them: eight rows at a time straight from
// memory to registers. In chunks of 32 values lane 4 g + t has values 8 t to 8 t + 7 of row g, and of vector
// g: the order within a chunk is the same on both sides, so that a sum needs no other.
namespace caravan::kernels::cuda {

constexpr int kTeam = 16, kTeamThreads = kTeam * 32;  // warps, threads of a block that streams weights
constexpr int kLoads = 8;                             // of 16 bytes that a lane asks for at once
constexpr int kAtOnce = 4;                            // of which as many are multiplied at once
constexpr int kChunkValues = 32, kChunkBytes = 64;
constexpr int kRound = 4;  // octets of rows between two barriers
constexpr int kPartStride = kTeam + 1;

// Divides by a number that is known at the launch; exact where numerator times divisor stays below 2^32.
struct Divider {
    std::uint32_t divisor = 1, factor = 0;

    Divider() = default;
    explicit Divider(std::int64_t by)
        : divisor(static_cast<std::uint32_t>(by)),
          factor(by > 1 ? static_cast<std::uint32_t>(((std::uint64_t{1} << 32) + divisor - 1) / divisor)
                        : 0) {}
    __device__ __forceinline__ int quotient(int n) const {
        return factor ? static_cast<int>(__umulhi(static_cast<std::uint32_t>(n), factor)) : n;
    }
    __device__ __forceinline__ int rest(int n, int quotient) const {
        return n - quotient * static_cast<int>(divisor);
    }
};

// This block's part of so many things.
struct BlockShare {
    int begin, end;

    __device__ __forceinline__ BlockShare(int all, const Divider& blocks) {
        const int each = blocks.quotient(all), more = blocks.rest(all, each),
                  block = static_cast<int>(blockIdx.x);
        begin = block * each + min(block, more);
        end = begin + each + (block < more);
    }
    __device__ __forceinline__ int count() const { return end - begin; }
};

// A warp's chunks of a row [values], in `subs` goes of `perSub`.
struct RowCut {
    int subs = 1, perSub = 1;
};
inline RowCut cutOf(std::int64_t values) {
    const int most = static_cast<int>((values / kChunkValues + kTeam - 1) / kTeam),
              subs = (most + kLoads - 1) / kLoads;
    return {subs, (most + subs - 1) / subs};
}
// Bytes between vectors in shared memory: eight lanes in turn read two of them, which lie half a line apart.
inline int vectorStride(std::int64_t values) {
    return static_cast<int>(values * 2 % 128 == 0 ? values * 2 + 64 : values * 2);
}

__device__ __forceinline__ uint4 loadOnce(const Bf16* p) {
    uint4 raw;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(raw.x), "=r"(raw.y), "=r"(raw.z), "=r"(raw.w)
                 : "l"(p));
    return raw;
}
__device__ __forceinline__ uint4 readSixteen(const unsigned char* shared) {
    return *reinterpret_cast<const uint4*>(shared);
}
// The tile's other eight rows are zero.
__device__ __forceinline__ void multiplyOctet(float (&sum)[4], std::uint32_t a0, std::uint32_t a2,
                                              std::uint32_t b0, std::uint32_t b1) {
    multiplyTile(sum, {a0, 0u, a2, 0u}, b0, b1);
}

// A warp's chunks of octets of rows: what a block does with its share of a matrix [.., width]. N: tiles of
// eight vectors.
template <int N>
struct OctetRows {
    RowCut cut;
    int chunkBegin, chunkEnd;
    float sum[4 * N][4];  // four of each tile of vectors, so that products do not wait for each other

    __device__ __forceinline__ OctetRows(RowCut cut, int width) : cut(cut) {
        const int chunks = width / kChunkValues, warp = threadIdx.x >> 5;
        chunkBegin = chunks * warp / kTeam, chunkEnd = chunks * (warp + 1) / kTeam;
    }
    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int i = 0; i < 4 * N; ++i)
            sum[i][0] = sum[i][1] = sum[i][2] = sum[i][3] = 0;
    }
    // row: of this lane, or null.
    __device__ __forceinline__ void load(uint4 (&w)[kLoads], const Bf16* row, int sub) const {
        const int first = chunkBegin + sub * cut.perSub, count = row ? min(cut.perSub, chunkEnd - first) : 0;
        const Bf16* from = row + first * kChunkValues + (threadIdx.x & 3) * 8;
#pragma unroll
        for (int i = 0; i < kLoads; ++i)
            w[i] = i < count ? loadOnce(from + i * kChunkValues) : uint4{};
    }
    // x: vectors in shared memory.
    __device__ __forceinline__ void multiply(const uint4 (&w)[kLoads], int sub, const unsigned char* x,
                                             int stride, int vectors) {
        const int g = (threadIdx.x & 31) >> 2, t = threadIdx.x & 3, first = chunkBegin + sub * cut.perSub;
        if (sub == 0) clear();
        const int count = min(cut.perSub, chunkEnd - first);
        const unsigned char* from = x + first * kChunkBytes + t * 16;
#pragma unroll
        for (int n = 0; n < N; ++n) {
            const int b = n * 8 + g, reach = b < vectors ? count : 0;
#pragma unroll
            for (int begin = 0; begin < kLoads; begin += kAtOnce) {
                uint4 v[kAtOnce];
#pragma unroll
                for (int i = 0; i < kAtOnce; ++i)
                    v[i] = begin + i < reach ? readSixteen(from + b * stride + (begin + i) * kChunkBytes)
                                             : uint4{};
#pragma unroll
                for (int i = 0; i < kAtOnce; ++i) {
                    const uint4& u = w[begin + i];
                    multiplyOctet(sum[4 * n + i % 2 * 2], u.x, u.y, v[i].x, v[i].y);
                    multiplyOctet(sum[4 * n + i % 2 * 2 + 1], u.z, u.w, v[i].z, v[i].w);
                }
            }
        }
    }
    // This warp's part of each sum: parts [8 rows of an octet, vectors, kPartStride].
    __device__ __forceinline__ void leave(float* parts, int vectors) const {
        const int g = (threadIdx.x & 31) >> 2, t = threadIdx.x & 3, warp = threadIdx.x >> 5;
#pragma unroll
        for (int n = 0; n < N; ++n)
#pragma unroll
            for (int c = 0; c < 2; ++c)
                if (const int b = n * 8 + 2 * t + c; b < vectors)
                    parts[(g * vectors + b) * kPartStride + warp] =
                        (sum[4 * n][c] + sum[4 * n + 1][c]) + (sum[4 * n + 2][c] + sum[4 * n + 3][c]);
    }
};
__device__ __forceinline__ float sumOfParts(const float* parts) {
    float sum = 0;
#pragma unroll
    for (int p = 0; p < kTeam; ++p)
        sum += parts[p];
    return sum;
}

}  // namespace caravan::kernels::cuda
