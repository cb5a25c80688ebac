// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/product_fp32/jobs.cuh"

// a, cut into halves in registers, and the sums' masks: a warp has 16 rows of its warpgroup's 64.
namespace caravan::kernels::cuda::fp32 {

template <class S>
struct Rows {
    static constexpr bool kMasked = !S::kAOuter && S::kMask == Fp32Mask::Left;
    float v[2][8];
    std::uint32_t kept[2];  // bits of v

    __device__ __forceinline__ static int rowOf(int half) {
        const int place = (threadIdx.x & 31) / 4;
        return (threadIdx.x / 32 & 3) * 16 + (S::kAOuter ? place * 2 + half : place + half * 8);
    }
    // first: the warpgroup's first row
    __device__ __forceinline__ void load(const Walk<S>& walk, int first) {
        const Stretch& s = walk.at();
        const int q = threadIdx.x & 3, inner = walk.inner() + q * 4;
        if constexpr (S::kAOuter) {
            const float* from = s.a + inner * s.aStride + walk.place.row + first + rowOf(0);
#pragma unroll
            for (int i = 0; i < 8; ++i) {
                const int k = i / 4 * 16 + i % 4;
                float2 f = make_float2(0, 0);
                if (inner + k < walk.jobs.tokens)
                    f = __ldg(reinterpret_cast<const float2*>(from + k * s.aStride));
                v[0][i] = f.x, v[1][i] = f.y;
            }
        } else {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int row =
                    min(walk.place.row + first + rowOf(half), walk.jobs.of[walk.place.job].rows - 1);
                const float* from = s.a + row * s.aStride + inner;
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    const float4 f = quad(from + i * 16);
                    float* to = v[half] + i * 4;
                    to[0] = f.x, to[1] = f.y, to[2] = f.z, to[3] = f.w;
                }
            }
        }
        if (kMasked) draw(walk, first);
    }

  private:
    __device__ __forceinline__ void draw(const Walk<S>& walk, int first) {
        const Stretch& s = walk.at();
        const int odd = threadIdx.x & 1;
        const std::int64_t row = rowOffsetOf(s.mask) + walk.place.row + first + rowOf(odd);
        const auto block = static_cast<std::uint64_t>(row * (s.chunks * (kDeep / 8)) + walk.inner() / 8 +
                                                      (threadIdx.x & 2) / 2);
        const PhiloxKey key = keyOf(s.mask);
        const Nibbles front(key, s.mask.threshold, block), back(key, s.mask.threshold, block + 2);
        share(front.low | back.low << 4, front.high | back.high << 4, kept[0], kept[1]);
    }
};

struct Fragments {
    std::uint32_t high[2][4], low[2][4];
    float down[2];
};

template <class S>
__device__ __forceinline__ void cut(Rows<S>& rows, Fragments& f) {
    if (Rows<S>::kMasked)
#pragma unroll
        for (int i = 0; i < 16; ++i)
            rows.v[i / 8][i % 8] = rows.kept[i / 8] >> i % 8 & 1 ? rows.v[i / 8][i % 8] : 0;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        float largest = 0;
#pragma unroll
        for (int i = 0; i < 8; ++i)
            largest = fmaxf(largest, fabsf(rows.v[half][i]));
        largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFFu, largest, 1));
        largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFFu, largest, 2));
        const Scale scale = scaleFor(largest);
        f.down[half] = scale.down;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const Halves h = halvesOf(rows.v[half][2 * i], rows.v[half][2 * i + 1], scale.up);
            f.high[i / 2][i % 2 * 2 + half] = h.high;
            f.low[i / 2][i % 2 * 2 + half] = h.low;
        }
    }
}

// Bits of a thread's share of the sum that a mask keeps: of row half, bit 8 w + 4 e + j. Two lanes share a
// block of the mask: each draws those of one row.
struct Kept {
    std::uint32_t row[2];

    template <class S>
    __device__ __forceinline__ void draw(const Walk<S>& walk, int first) {
        const DropoutMask& mask = walk.at().mask;
        const Job& job = walk.jobs.of[walk.place.job];
        const bool odd = threadIdx.x & 1;
        const std::int64_t perRow = job.columnTiles * (S::kColumns / 8),
                           at = rowOffsetOf(mask) + walk.place.row + first + Rows<S>::rowOf(odd);
        const std::uint64_t block =
            static_cast<std::uint64_t>(at * perRow + walk.place.column / 8 + (threadIdx.x & 2) / 2);
        const PhiloxKey key = keyOf(mask);
        std::uint32_t low = 0, high = 0;
#pragma unroll 1
        for (int i = 0; i < S::kColumns / 16; ++i) {
            const Nibbles drawn(key, mask.threshold, block + i * 2);
            low |= drawn.low << 4 * i, high |= drawn.high << 4 * i;
        }
        share(low, high, row[0], row[1]);
    }
    __device__ __forceinline__ bool operator()(int i) const {
        return row[i / 2 % 2] >> (i / 16 * 8 + i % 2 * 4 + i / 4 % 4) & 1;
    }
};

}  // namespace caravan::kernels::cuda::fp32
