// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/grouped_adapter/grouped_hopper.h"
#include "kernels/grouped_adapter/hopper_tiles.cuh"

// rows [slots, inner] * weight[expert]: one warp loads, two warpgroups multiply 64 x 256 each, seven warps
// take their tiles, rounded to bf16, out of shared memory and finish them (hopper_finish.cuh) while the next
// tile is multiplied. Of a block's last tile the warps that multiplied finish their part.
namespace caravan::kernels::cuda::grouped {

inline constexpr int kThreads = 128 * (kGroups + 2), kFinishers = 7,  // finishing warps
    kLastFinishers = kFinishers + 4 * kGroups;
inline constexpr int kHalfBytes = 64 * kColumns * 2;  // what a warpgroup hands over: [4][64 rows][64 columns]

// The ring and where results lie. Three stages beside results of both halves; or, for products of many steps,
// Deep: four stages, of which the one behind a tile's last step is granted to its second half's results. For
// as many steps of the next tile as these take to be finished the others turn without it.
inline constexpr int kDeepSteps = 32;
constexpr int heldSteps(Finish finish) {
    return finish == Finish::Hidden ? 24 : 8;
}
static_assert(heldSteps(Finish::Hidden) + 4 < kDeepSteps);  // the stage comes round once more in its tile
template <bool Deep>
struct Ring {
    static constexpr int kStages = Deep ? 4 : 3, kResults = Deep ? 1 : 2;
};
static_assert(kHalfBytes <= kStageBytes);

// A role's way round the ring: all go the same way.
template <bool Deep>
struct RingTurn {
    int stage = 0, held = -1;
    std::uint32_t phases = 0;  // of each stage a bit

    __device__ __forceinline__ std::uint32_t phase() const { return phases >> stage & 1; }
    __device__ __forceinline__ void next() {
        phases ^= 1u << stage;
        stage = stage + 1 == Ring<Deep>::kStages ? 0 : stage + 1;
        if (Deep && stage == held) stage = stage + 1 == Ring<Deep>::kStages ? 0 : stage + 1;
    }
    // Before step k of a tile.
    __device__ __forceinline__ void step(int k, int released) {
        if (Deep && k == released) held = -1;
    }
    // Behind a tile's steps: leaves this stage to results.
    __device__ __forceinline__ void grant() {
        held = stage;
        next();
    }
};

// Row tiles are cut per expert. Those of up to 64 rows, which take one warpgroup, come behind all others:
// part i of the tiles are expert i's whole ones, part experts + i is its half one. A tile's number is its row
// tile's times the column tiles plus its column tile's.
struct Experts {
    int offset[kMostExperts + 1], tiles[2 * kMostExperts + 1];  // tiles before the part
};
struct TilePlace {
    int expert, first, left, rowTile, column;  // first sorted row, rows left of the expert, column tile
};

template <bool Deep>
struct ProductShared {
    static constexpr int kStages = Ring<Deep>::kStages, kResults = Ring<Deep>::kResults;
    unsigned char ring[kStages][kStageBytes];
    unsigned char results[kResults][kHalfBytes];
    Barrier full[kStages], empty[kStages], resultFull[kGroups], resultEmpty[kResults];
    int resultStage;  // Deep: granted to the second half's results
    Items items;
    Experts experts;
};

struct ProductJob {
    std::int64_t inner, outer;
    int steps, heldSteps, columnTiles, experts, slots;
    const std::int32_t* offsets;
    AdapterRouting routing;
    Bf16 *out, *second;
    const Bf16* left;
    const float* weights;
    float *dWeights, *partial;
    float s;
    int* counter;
    int* done;  // per tile: finishing warps that are through (Hidden)
};

// By all threads of the block, before a __syncthreads().
__device__ __forceinline__ void countTiles(Experts& e, const std::int32_t* offsets, int experts) {
    for (int i = threadIdx.x; i <= experts; i += blockDim.x)
        e.offset[i] = offsets[i];
    __syncthreads();
    if (threadIdx.x == 0) {
        int tiles = 0;
        for (int i = 0; i < 2 * experts; ++i) {
            e.tiles[i] = tiles;
            const int expert = i < experts ? i : i - experts, rows = e.offset[expert + 1] - e.offset[expert],
                      whole = (rows + kRows / 2 - 1) / kRows;
            tiles += i < experts ? whole : rows > whole * kRows;
        }
        e.tiles[2 * experts] = tiles;
    }
}

// part: where to start looking; tiles come in rising order.
__device__ __forceinline__ TilePlace placeOf(const Experts& e, const ProductJob& job, int item, int& part) {
    TilePlace t;
    t.rowTile = item / job.columnTiles;
    t.column = item % job.columnTiles;
    while (t.rowTile >= e.tiles[part + 1])
        ++part;
    t.expert = part < job.experts ? part : part - job.experts;
    const int before =
        part < job.experts ? t.rowTile - e.tiles[part] : e.tiles[t.expert + 1] - e.tiles[t.expert];
    t.first = e.offset[t.expert] + before * kRows;
    t.left = e.offset[t.expert + 1] - t.first;
    return t;
}

template <bool Deep, Major Right>
__device__ __forceinline__ void copyWeight(ProductShared<Deep>& s, const CUtensorMap& map,
                                           const ProductJob& job, const TilePlace& tile, int step,
                                           int stage) {
    void* to = s.ring[stage] + kLeftBytes;
    if (Right == Major::Inner)
        copyBox(to, map, 0, tile.expert * static_cast<int>(job.outer) + tile.column * kColumns, step, 0,
                s.full[stage]);
    else
        copyBox(to, map, 0, tile.expert * static_cast<int>(job.inner) + step * kDeep,
                tile.column * (kColumns / 64), 0, s.full[stage]);
}

// One thread.
template <bool Deep, Major Right>
__device__ __forceinline__ void loadTiles(ProductShared<Deep>& s, const CUtensorMap& rowMap,
                                          const CUtensorMap& weightMap, const ProductJob& job) {
    const int count = s.experts.tiles[2 * job.experts] * job.columnTiles;
    RingTurn<Deep> t;
    Turn<kItems> turn;
    int next = atomicAdd(job.counter, 1), part = 0;
    while (next < count) {
        s.items.give(turn, next);
        turn.next();
        const TilePlace tile = placeOf(s.experts, job, next, part);
        const bool both = tile.left > 64;
        next = atomicAdd(job.counter, 1);
        for (int k = 0; k < job.steps; ++k, t.next()) {
            t.step(k, job.heldSteps);
            s.empty[t.stage].wait(t.phase() ^ 1);
            s.full[t.stage].arriveExpecting(both ? kStageBytes : kStageBytes - kLeftBytes / 2);
            copyBox(s.ring[t.stage], rowMap, 0, tile.first, k, 0, s.full[t.stage]);
            if (both)
                copyBox(s.ring[t.stage] + kLeftBytes / 2, rowMap, 0, tile.first + 64, k, 0, s.full[t.stage]);
            copyWeight<Deep, Right>(s, weightMap, job, tile, k, t.stage);
        }
        if (Deep && both) {
            s.empty[t.stage].wait(t.phase() ^ 1);
            s.full[t.stage].arrive();
            t.grant();
        }
    }
    s.items.give(turn, -1);
}

// Four 8 x 8 matrices of a warp's registers into shared memory; lane l gives the address of row l % 8 of
// matrix l / 8.
__device__ __forceinline__ void storeMatrices(std::uint32_t address, std::uint32_t a, std::uint32_t b,
                                              std::uint32_t c, std::uint32_t d) {
    CARAVAN_BULK(
        asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address),
                     "r"(a), "r"(b), "r"(c), "r"(d)
                     : "memory"));
}

// The phases of the halves' results, a bit each: one passes with every tile that has the half.
struct ResultPhases {
    std::uint32_t bits = 0;
    __device__ __forceinline__ std::uint32_t of(int half) const { return bits >> half & 1; }
    __device__ __forceinline__ void next(const TilePlace& tile) { bits ^= tile.left > 64 ? 3 : 1; }
};
// A block's last tile, and the phases of its results.
struct LastTile {
    int item = -1;
    ResultPhases results;
};

// One warpgroup's 64 rows of each tile; the block's last one is still to be finished.
template <bool Deep, Major Right>
__device__ __forceinline__ LastTile multiplyTiles(ProductShared<Deep>& s, const ProductJob& job, int group) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5 & 3;
    const int row = warp * 16 + (lane >> 3 & 1) * 8 + (lane & 7);
    RingTurn<Deep> t;
    Turn<kItems> turn;
    LastTile last;
    int part = 0;
    float sum[2][64];  // 128 columns each
    for (int item = s.items.take(turn); item >= 0;) {
        last.item = item;
        const TilePlace tile = placeOf(s.experts, job, item, part);
        if (tile.left <= group * 64) {
            for (int k = 0; k < job.steps; ++k, t.next()) {
                t.step(k, job.heldSteps);
                s.full[t.stage].wait(t.phase());
                s.empty[t.stage].arriveAsWarp();
            }
            item = s.items.take(turn);
            if (item >= 0) last.results.next(tile);
            continue;
        }
        int before = 0;
        for (int k = 0; k < job.steps; ++k, t.next()) {
            t.step(k, job.heldSteps);
            s.full[t.stage].wait(t.phase());
            const std::uint32_t at = sharedAddress(s.ring[t.stage]);
            const std::uint64_t left = wgmmaInner(at + group * 64 * 128),
                                right = Right == Major::Inner ? wgmmaInner(at + kLeftBytes)
                                                              : wgmmaOuter(at + kLeftBytes, kChunkBytes);
            keep(sum[0]);
            keep(sum[1]);
            wgmmaFence();
#pragma unroll
            for (int d = 0; d < kDeep / 16; ++d)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    wgmmaShared<Major::Inner, Right>(
                        sum[half], wgmmaAdvance(left, d * 32),
                        wgmmaAdvance(right,
                                     d * (Right == Major::Inner ? 32 : 2048) + half * (kRightBytes / 2)),
                        k + d > 0);
            wgmmaCommit();
            keep(sum[0]);
            keep(sum[1]);
            wgmmaWait<1>();  // the stage before has been read
            if (k > 0) s.empty[before].arriveAsWarp();
            before = t.stage;
        }
        wgmmaWait<0>();
        keep(sum[0]);
        keep(sum[1]);
        s.empty[before].arriveAsWarp();
        unsigned char* results = s.results[Deep ? 0 : group];
        if (Deep && group == 1) {
            s.full[t.stage].wait(t.phase());
            results = s.ring[t.stage];
            if (threadIdx.x % 128 == 0) s.resultStage = t.stage;
        } else {
            s.resultEmpty[Deep ? 0 : group].wait(last.results.of(group) ^ 1);
        }
        if (Deep && tile.left > 64) t.grant();
        const std::uint32_t place = sharedAddress(results) + row * 128;
#pragma unroll
        for (int j = 0; j < kColumns / 8; j += 2) {
            const float* v = sum[j / 16] + j % 16 * 4;
            storeMatrices(place + j / 8 * kChunkBytes + (((j % 8 + (lane >> 4)) ^ (lane & 7)) << 4),
                          packBf16(v[0], v[1]), packBf16(v[2], v[3]), packBf16(v[4], v[5]),
                          packBf16(v[6], v[7]));
        }
        fenceForProducts();  // the copy engine may read them
        s.resultFull[group].arriveAsWarp();
        item = s.items.take(turn);
        if (item >= 0) last.results.next(tile);
    }
    return last;
}

}  // namespace caravan::kernels::cuda::grouped
