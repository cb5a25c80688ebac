// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/dropout/mask.cuh"
#include "kernels/product_fp32/product_fp32.h"
#include "kernels/product_fp32/split.cuh"

// Which tiles and chunks there are, and how masks are drawn.
namespace caravan::kernels::cuda::fp32 {

inline constexpr int kConsumers = 2, kThreads = 128 * (kConsumers + 1);

// 128 columns: both warpgroups work at all chunks, each for 64 of 128 rows. 64: 64 rows, the warpgroups take
// turns with the chunks, each fed by two of the warps.
template <int Columns_, bool AOuter_, bool BOuter_, Fp32Mask Mask_ = Fp32Mask::None>
struct Shape {
    static constexpr int kColumns = Columns_, kTeams = Columns_ == 128 ? 1 : 2;
    static constexpr int kRows = Columns_ == 128 ? 128 : 64, kGroups = Columns_ / 32;
    static constexpr bool kAOuter = AOuter_, kBOuter = BOuter_;
    static constexpr Fp32Mask kMask = Mask_;  // of a gradient Left stands for its b
    static constexpr int kStages = 6;         // of a team
    static constexpr int kStageBytes = Columns_ * 128;
    static constexpr int kSumBytes = kTeams == 2 ? 64 * 64 * 4 : 0;
    static constexpr int kBytes = kTeams * kStages * kStageBytes + kSumBytes + 1024;
};

struct Stretch {
    const float *a, *b;
    std::int64_t aStride, bStride;
    int chunks;  // even
    float scale;
    bool masked;
    DropoutMask mask;
};
struct Job {
    Stretch stretch[kFp32Stretches];
    float* y;
    std::int64_t yStride;
    int rows, columnTiles, firstTile;
    bool add;
};
struct Jobs {
    Job of[kFp32Products];
    int count, tiles;
    int tokens, splits;  // of a gradient's inner dimension, else splits 1; a split's chunks are the stretch's
};

template <class S>
struct Barriers {
    Barrier full[S::kTeams][S::kStages], empty[S::kTeams][S::kStages];
    float down[S::kTeams][S::kStages][S::kGroups];  // scales of b's columns
};

// Which part of which product.
struct Place {
    int job, row, column, split;
    template <class S>
    __device__ __forceinline__ static Place of(const Jobs& jobs, int tile) {
        Place p{};
        while (p.job + 1 < jobs.count && tile >= jobs.of[p.job + 1].firstTile)
            ++p.job;
        int within = tile - jobs.of[p.job].firstTile;
        if (S::kAOuter) {
            p.split = within % jobs.splits;
            within /= jobs.splits;
        }
        p.column = within % jobs.of[p.job].columnTiles * S::kColumns;
        p.row = within / jobs.of[p.job].columnTiles * S::kRows;
        return p;
    }
};

// Goes through the chunks of a team, tile after tile.
template <class S>
struct Walk {
    const Jobs& jobs;
    int tile, team, chunk = 0;  // chunk: within the stretch
    int stretch = 0;
    Place place;

    __device__ __forceinline__ Walk(const Jobs& j, int t) : jobs(j), tile(blockIdx.x), team(t), chunk(t) {
        if (more()) place = Place::of<S>(jobs, tile);
    }
    __device__ __forceinline__ bool more() const { return tile < jobs.tiles; }
    __device__ __forceinline__ const Stretch& at() const { return jobs.of[place.job].stretch[stretch]; }
    // True: another stretch or tile.
    __device__ __forceinline__ bool next() {
        chunk += S::kTeams;
        if (chunk < at().chunks) return false;
        chunk = team;
        if (++stretch < kFp32Stretches && at().chunks > 0) return true;
        stretch = 0;
        tile += gridDim.x;
        if (more()) place = Place::of<S>(jobs, tile);
        return true;
    }
    // First inner index of the chunk; of a gradient a token, maybe behind the last one.
    __device__ __forceinline__ int inner() const {
        return (S::kAOuter ? place.split * at().chunks + chunk : chunk) * kDeep;
    }
};

__device__ __forceinline__ float4 quad(const float* p) {
    return __ldg(reinterpret_cast<const float4*>(p));
}

// Which of a mask block's eight columns are kept: four bits each.
struct Nibbles {
    std::uint32_t low, high;
    __device__ __forceinline__ Nibbles(const PhiloxKey& key, std::uint32_t threshold, std::uint64_t block) {
        const KeptEight kept(key, threshold, block);
        low = high = 0;
#pragma unroll
        for (int j = 0; j < 4; ++j)
            low |= std::uint32_t{kept(j)} << j, high |= std::uint32_t{kept(4 + j)} << j;
    }
};
// Two lanes share blocks, one has their lower columns, the other the upper ones, and each has drawn half of
// them: bits of the even lane's blocks, then of the odd lane's, for the own columns.
__device__ __forceinline__ void share(std::uint32_t low, std::uint32_t high, std::uint32_t& ofEven,
                                      std::uint32_t& ofOdd) {
    const bool odd = threadIdx.x & 1;
    const std::uint32_t got = __shfl_xor_sync(0xFFFFFFFFu, odd ? low : high, 1);
    ofEven = odd ? got : low;
    ofOdd = odd ? high : got;
}

}  // namespace caravan::kernels::cuda::fp32
