// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/mma.cuh"
#include "kernels/dropout/mask.cuh"
#include "kernels/lora/lora.h"

// What LoRA's kernels share: tiles of 64 x 64 in shared memory, 8 warps of 16 x 32 sums each, masks applied
// on the way into the tile.
namespace caravan::kernels::cuda::lora {

inline constexpr int kThreads = 256;    // 8 warps
inline constexpr int kTile = 64;        // tokens, columns or ranks of a tile
inline constexpr int kStride = 64 + 8;  // row of a tile in shared memory: 16 bytes off the banks
inline constexpr int kTileElements = kTile * kStride;
inline constexpr std::int64_t kSlots = 264;  // blocks that an H200 holds at two per multiprocessor

// A kept element passes, a dropped one becomes zero; the scale is applied to the sums.
__device__ __forceinline__ uint4 masked(uint4 v, const DropoutMask& mask, std::int64_t token,
                                        std::int64_t columns, std::int64_t column) {
    const PhiloxBlock b =
        philox(keyOf(mask),
               static_cast<std::uint64_t>((rowOffsetOf(mask) + token) * blocksPerRow(columns) + column / 8));
    const std::uint32_t limit = mask.threshold | mask.threshold << 16;
    v.x &= __vcmpgeu2(b.word[0], limit);
    v.y &= __vcmpgeu2(b.word[1], limit);
    v.z &= __vcmpgeu2(b.word[2], limit);
    v.w &= __vcmpgeu2(b.word[3], limit);
    return v;
}

__device__ __forceinline__ uint4 loadOrZero(const Bf16* p, bool inside) {
    return inside ? *reinterpret_cast<const uint4*>(p) : make_uint4(0, 0, 0, 0);
}

// Where a thread's two 16-byte pieces of a 64 x 64 tile lie.
struct Piece {
    int row, column;
    __device__ __forceinline__ explicit Piece(int i)
        : row((static_cast<int>(threadIdx.x) + i * kThreads) / 8),
          column((static_cast<int>(threadIdx.x) + i * kThreads) % 8 * 8) {}
};

__device__ __forceinline__ void store(Bf16* tile, const Piece& at, uint4 v) {
    *reinterpret_cast<uint4*>(tile + at.row * kStride + at.column) = v;
}

// Sums of a warp: 16 rows by 32 columns, for each site.
template <int Sites>
struct Sums {
    float v[Sites][4][4] = {};
};

// Row-major tiles a [64, k] and b [64, k]: sum += a b^T.
__device__ __forceinline__ void multiplyRows(float (&sum)[4][4], const Bf16* a, const Bf16* b, int m0,
                                             int n0) {
    const int lane = threadIdx.x & 31;
#pragma unroll
    for (int k = 0; k < kTile; k += 16) {
        std::uint32_t left[4];
        loadMatrices(left, a + (m0 + (lane & 15)) * kStride + k + (lane >> 4) * 8);
#pragma unroll
        for (int n = 0; n < 4; n += 2) {
            std::uint32_t right[4];
            loadMatrices(right,
                         b + (n0 + n * 8 + (lane & 7) + (lane >> 4) * 8) * kStride + k + (lane >> 3 & 1) * 8);
            multiplyTile(sum[n], left, right[0], right[1]);
            multiplyTile(sum[n + 1], left, right[2], right[3]);
        }
    }
}

// Row-major tiles a [k, 64] and b [k, 64]: sum += a^T b.
__device__ __forceinline__ void multiplyColumns(float (&sum)[4][4], const Bf16* a, const Bf16* b, int m0,
                                                int n0) {
    const int lane = threadIdx.x & 31;
#pragma unroll
    for (int k = 0; k < kTile; k += 16) {
        std::uint32_t left[4];
        loadMatricesTransposed(left,
                               a + (k + (lane & 7) + (lane >> 4) * 8) * kStride + m0 + (lane >> 3 & 1) * 8);
#pragma unroll
        for (int n = 0; n < 4; n += 2) {
            std::uint32_t right[4];
            loadMatricesTransposed(right, b + (k + (lane & 15)) * kStride + n0 + n * 8 + (lane >> 4) * 8);
            multiplyTile(sum[n], left, right[0], right[1]);
            multiplyTile(sum[n + 1], left, right[2], right[3]);
        }
    }
}

// Shared memory above 48 KiB has to be asked for.
template <class Kernel>
int allow(Kernel kernel, std::size_t bytes) {
    return static_cast<int>(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
}

template <class F>
int forSites(int count, F&& f) {
    switch (count) {
        case 1:
            return f(std::integral_constant<int, 1>{});
        case 2:
            return f(std::integral_constant<int, 2>{});
        default:
            return f(std::integral_constant<int, 3>{});
    }
}

}  // namespace caravan::kernels::cuda::lora
