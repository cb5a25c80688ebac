// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/dependent.cuh"
#include "kernels/grouped_adapter/gelu.cuh"
#include "kernels/grouped_adapter/hopper_product.cuh"

// The finishing warps, kFinishers or, of a block's last tile, kLastFinishers. A warp takes whole rows of a
// tile, 16 bytes a lane; lane i knows where the i-th row goes that the warp has of the first half, lane 16 +
// i of the second.
namespace caravan::kernels::cuda::grouped {

__device__ __forceinline__ int readFlag(const int* flag) {
    int count;
    asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(count) : "l"(flag) : "memory");
    return count;
}
__device__ __forceinline__ void raiseFlag(int* flag, int by) {
    asm volatile("red.release.gpu.global.add.s32 [%0], %1;" ::"l"(flag), "r"(by) : "memory");
}

__device__ __forceinline__ void unpack(const uint4& v, float* to) {
    const std::uint32_t words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        to[2 * i] = __uint_as_float(words[i] << 16);
        to[2 * i + 1] = __uint_as_float(words[i] & 0xFFFF0000u);
    }
}
__device__ __forceinline__ const uint4& words(const Bf16* p) {
    return *reinterpret_cast<const uint4*>(p);
}
__device__ __forceinline__ uint4& words(Bf16* p) {
    return *reinterpret_cast<uint4*>(p);
}

// By the copy engine: the 64 rows of a half that has all of them; returns when they have been read.
__device__ __forceinline__ void storeHalf(const CUtensorMap& map, const void* from, int row, int column) {
    CARAVAN_BULK(asm volatile(
        "cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %2}], [%1];\n"
        "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group.read 0;" ::"l"(&map),
        "r"(sharedAddress(from)), "r"(0), "r"(row), "r"(column)
        : "memory"));
}

template <Finish F, bool Deep>
struct Finisher {
    static constexpr int kTogether = 2;  // rows

    // A lane's row of a tile.
    struct Row {
        int position = 0, slot = 0;
        float weight = 0;
        bool inside = false;
    };

    ProductShared<Deep>& s;
    const ProductJob& job;
    const CUtensorMap& outMap;
    int finisher, lane, finishers = kFinishers;

    __device__ __forceinline__ int rowOf(int i) const { return finisher + i * finishers; }  // of a half

    __device__ __forceinline__ Row placeRow(const TilePlace& tile) const {
        Row row;
        if (F != Finish::Hidden) return row;
        const int r = lane / 16 * 64 + rowOf(lane % 16);
        row.inside = rowOf(lane % 16) < 64 && r < tile.left;
        row.position = tile.first + (row.inside ? r : 0);
        row.slot = __ldg(job.routing.order + row.position);
        row.weight = job.s * __ldg(job.weights + row.slot);
        if (row.inside)
#pragma unroll
            for (int line = 0; line < kColumns; line += 64)
                prefetchL2(job.left + row.position * job.outer + tile.column * kColumns + line);
        return row;
    }

    // Once they are there.
    __device__ __forceinline__ const unsigned char* resultsOf(int half) const {
        return Deep && half == 1 ? s.ring[s.resultStage] : s.results[half];
    }

    // The warp's rows first, first + 1, ... of a half; dot: of the lane's row.
    __device__ __forceinline__ void finishRows(const Row& mine, const TilePlace& tile, int half, int first,
                                               float& dot) const {
        uint4 own[kTogether], left[kTogether];
        std::int64_t at[kTogether];
        bool inside[kTogether];
#pragma unroll
        for (int i = 0; i < kTogether; ++i) {
            const int r = min(rowOf(first + i), 63), row = half * 64 + r;
            inside[i] = rowOf(first + i) < 64 && row < tile.left;
            at[i] =
                static_cast<std::int64_t>(tile.first + row) * job.outer + tile.column * kColumns + lane * 8;
            if (F == Finish::Hidden) left[i] = inside[i] ? words(job.left + at[i]) : make_uint4(0, 0, 0, 0);
            own[i] = *reinterpret_cast<const uint4*>(resultsOf(half) + lane / 8 * kChunkBytes +
                                                     swizzled(r, lane % 8 * 8));
        }
#pragma unroll
        for (int i = 0; i < kTogether; ++i) {
            float v[8], second[8];
            unpack(own[i], v);
            if constexpr (F == Finish::Gelu) {
#pragma unroll
                for (int j = 0; j < 8; ++j)
                    second[j] = v[j] * normal<Bf16>(v[j]).phi;
            } else if constexpr (F == Finish::Hidden) {
                const int owner = half * 16 + first + i;
                float x[8], part = 0;
                unpack(left[i], x);
                hiddenBackwardEight<Bf16>(x, v, second, __shfl_sync(0xFFFFFFFFu, mine.weight, owner), part);
                part = warpReduce(part, Plus{});
                if (lane == owner) dot = part;
            }
            if (!inside[i]) continue;
            if (F == Finish::Hidden)
                storeEight(job.out + at[i], v);
            else
                words(job.out + at[i]) = own[i];
            if (F != Finish::Store) storeEight(job.second + at[i], second);
        }
    }

    // A row's dots over all column tiles, in their order, by whoever has the last. It waits for the others'
    // flags: tiles are handed out in rising order, so what is waited for is always at work or done. A tile's
    // flag counts kFinishers * kLastFinishers in the end, however many finished it.
    __device__ __forceinline__ void addDots(const Row& mine, const TilePlace& tile, float dot) const {
        if (tile.column + 1 < job.columnTiles) {
            if (mine.inside) job.partial[tile.column * std::int64_t{job.slots} + mine.position] = dot;
            __syncwarp();
            if (lane == 0)
                raiseFlag(job.done + tile.rowTile * job.columnTiles + tile.column,
                          kFinishers * kLastFinishers / finishers);
            return;
        }
        float sum = 0;
        for (int n = 0; n + 1 < job.columnTiles; ++n) {
            while (readFlag(job.done + tile.rowTile * job.columnTiles + n) < kFinishers * kLastFinishers) {
            }
            sum += __ldcg(job.partial + n * std::int64_t{job.slots} + mine.position);
        }
        if (mine.inside) job.dWeights[mine.slot] = job.s * (sum + dot);
    }

    // next: asks for the tile behind this one, once this one's results are there; without one this was the
    // last.
    template <class Next>
    __device__ __forceinline__ int finishTile(const TilePlace& tile, const ResultPhases& results,
                                              Next&& next) {
        Row row = placeRow(tile);
        int following = -1;
        float dot = 0;
#pragma unroll
        for (int half = 0; half < kGroups; ++half) {
            if (tile.left <= half * 64) break;
            s.resultFull[half].wait(results.of(half));
            if (half == 0) {
                following = next();
                if (following < 0 && finishers != kLastFinishers) {
                    finishers = kLastFinishers;
                    row = placeRow(tile);
                }
            }
            if (F == Finish::Store && tile.left >= half * 64 + 64) {
                if (finisher == half && lane == 0)
                    storeHalf(outMap, resultsOf(half), tile.first + half * 64, tile.column * (kColumns / 64));
                __syncwarp();
            } else {
#pragma unroll 1
                for (int first = 0; rowOf(first) < min(tile.left - half * 64, 64); first += kTogether)
                    finishRows(row, tile, half, first, dot);
            }
            if (following < 0) continue;
            if (Deep && half == 1) {  // as many arrivals as of warps that multiply
                Barrier& empty = s.empty[s.resultStage];
                empty.arriveAsWarp();
                if (finisher < 4 * kGroups - kFinishers) empty.arriveAsWarp();
            } else {
                s.resultEmpty[half].arriveAsWarp();
            }
        }
        if (F == Finish::Hidden) addDots(row, tile, dot);
        return following;
    }
    __device__ __forceinline__ void finishAll() {
        Turn<kItems> turn;
        ResultPhases results;
        int part = 0;
        for (int item = s.items.take(turn); item >= 0;) {
            const TilePlace tile = placeOf(s.experts, job, item, part);
            item = finishTile(tile, results, [&] { return s.items.take(turn); });
            results.next(tile);
        }
    }
    // By a warp that multiplied.
    __device__ __forceinline__ void finishLast(const LastTile& last) {
        if (last.item < 0) return;
        finishers = kLastFinishers;
        int part = 0;
        finishTile(placeOf(s.experts, job, last.item, part), last.results, [] { return -1; });
    }
};

}  // namespace caravan::kernels::cuda::grouped
