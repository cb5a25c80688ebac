// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/product_fp32/jobs.cuh"

// b, cut into halves in shared memory: a warp has 32 columns.
namespace caravan::kernels::cuda::fp32 {

// Bit 4 y + j: token y of a lane's eight, column j of its four is kept.
template <class S>
__device__ __forceinline__ std::uint32_t drawTokens(const Walk<S>& walk, int group) {
    const int lane = threadIdx.x & 31, piece = lane / 8, odd = lane & 1;
    const DropoutMask& mask = walk.at().mask;
    const std::int64_t perRow = walk.jobs.of[walk.place.job].columnTiles * (S::kColumns / 8),
                       token = rowOffsetOf(mask) + walk.inner() + piece / 2 * 16 + piece % 2 * 2 + odd * 8;
    const auto block =
        static_cast<std::uint64_t>(token * perRow + (walk.place.column + group * 32 + lane % 8 * 4) / 8);
    const PhiloxKey key = keyOf(mask);
    std::uint32_t low = 0, high = 0, even, others;
#pragma unroll
    for (int y = 0; y < 4; ++y) {
        const Nibbles drawn(key, mask.threshold,
                            block + static_cast<std::uint64_t>((y / 2 * 4 + y % 2) * perRow));
        low |= drawn.low << 4 * y, high |= drawn.high << 4 * y;
    }
    share(low, high, even, others);
    return even | others << 16;
}

template <class S>
__device__ __forceinline__ void loadColumns(const Walk<S>& walk, int group, float (&v)[32]) {
    const int lane = threadIdx.x & 31;
    const Stretch& s = walk.at();
    if constexpr (S::kBOuter) {
        const int piece = lane / 8, first = walk.inner() + piece / 2 * 16 + piece % 2 * 2,
                  column = walk.place.column + group * 32 + lane % 8 * 4;
        const float* from = s.b + first * s.bStride + column;
#pragma unroll
        for (int y = 0; y < 8; ++y) {
            const int k = y / 2 * 4 + y % 2;
            float4 f = make_float4(0, 0, 0, 0);
            if (!S::kAOuter || first + k < walk.jobs.tokens) f = quad(from + k * s.bStride);
            v[y * 4] = f.x, v[y * 4 + 1] = f.y, v[y * 4 + 2] = f.z, v[y * 4 + 3] = f.w;
        }
    } else {
        const int turn = lane % 8,
                  column = walk.place.column + group * 32 + turn % 2 * 16 + turn / 2 * 4 + lane / 8 % 2;
        const float* from = s.b + column * s.bStride + walk.inner() + lane / 16 * 16;
#pragma unroll
        for (int u = 0; u < 2; ++u)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const float4 f = quad(from + u * 2 * s.bStride + i * 4);
                float* to = v + u * 16 + i * 4;
                to[0] = f.x, to[1] = f.y, to[2] = f.z, to[3] = f.w;
            }
    }
}

__device__ __forceinline__ void storePiece(unsigned char* stage, int row, int piece, const Halves (&h)[4]) {
    const int at = row & 7;
    *reinterpret_cast<uint4*>(stage + row * 128 + ((piece ^ at) << 4)) =
        make_uint4(h[0].high, h[1].high, h[2].high, h[3].high);
    *reinterpret_cast<uint4*>(stage + row * 128 + (((piece + 4) ^ at) << 4)) =
        make_uint4(h[0].low, h[1].low, h[2].low, h[3].low);
}

// Rows of 32 high and 32 low halves, the swizzle of 128 bytes.
template <class S>
__device__ __forceinline__ void storeColumns(unsigned char* stage, int group, const float (&v)[32],
                                             float up) {
    const int lane = threadIdx.x & 31;
    if constexpr (S::kBOuter) {
        const int turn = lane % 4 * 2 + lane % 8 / 4;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            Halves h[4];
#pragma unroll
            for (int q = 0; q < 4; ++q)
                h[q] = halvesOf(v[8 * q + j], v[8 * q + 4 + j], up);
            storePiece(stage, group * 32 + j * 8 + turn, lane / 8, h);
        }
    } else {
        const int turn = lane % 8, low = lane / 8 % 2, half = lane / 16;
#pragma unroll
        for (int u = 0; u < 2; ++u)
#pragma unroll
            for (int p = 0; p < 2; ++p) {
                Halves h[4];
#pragma unroll
                for (int q = 0; q < 4; ++q)
                    h[q] = halvesOf(v[u * 16 + 4 * q + 2 * p], v[u * 16 + 4 * q + 2 * p + 1], up);
                storePiece(stage, group * 32 + (2 * u + low) * 8 + turn, half * 2 + p, h);
            }
    }
}

template <class S>
struct Producer {
    Barriers<S>& barriers;
    unsigned char* ring;  // of the team
    int team, group, count = 0;
    static constexpr bool kMasked = S::kAOuter && S::kMask == Fp32Mask::Left;

    __device__ __forceinline__ std::uint32_t load(const Walk<S>& walk, float (&v)[32]) const {
        loadColumns<S>(walk, group, v);
        return kMasked && walk.at().masked ? drawTokens<S>(walk, group) : ~0u;
    }
    __device__ __forceinline__ void give(float (&v)[32], std::uint32_t kept) {
        if (kMasked)
#pragma unroll
            for (int i = 0; i < 32; ++i)
                v[i] = kept >> i & 1 ? v[i] : 0;
        float largest = 0;
#pragma unroll
        for (int i = 0; i < 32; ++i)
            largest = fmaxf(largest, fabsf(v[i]));
        const Scale scale =
            scaleFor(__uint_as_float(__reduce_max_sync(0xFFFFFFFFu, __float_as_uint(largest))));
        const int stage = count % S::kStages;
        barriers.empty[team][stage].wait((count / S::kStages & 1) ^ 1);
        storeColumns<S>(ring + stage * S::kStageBytes, group, v, scale.up);
        if ((threadIdx.x & 31) == 0) barriers.down[team][stage][group] = scale.down;
        CARAVAN_BULK(asm volatile("fence.proxy.async.shared::cta;" ::: "memory"));
        barriers.full[team][stage].arriveAsWarp();
        ++count;
    }
    __device__ __forceinline__ void run(const Jobs& jobs) {
        Walk<S> walk(jobs, team);
        float even[32], odd[32];
        std::uint32_t keptEven = 0, keptOdd = 0;
        if (walk.more()) keptEven = load(walk, even);
        while (walk.more()) {  // a team has a chunk at least of each stretch
            walk.next();
            if (walk.more()) keptOdd = load(walk, odd);
            give(even, keptEven);
            if (!walk.more()) break;
            walk.next();
            if (walk.more()) keptEven = load(walk, even);
            give(odd, keptOdd);
        }
    }
};

}  // namespace caravan::kernels::cuda::fp32
