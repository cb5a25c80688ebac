// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/async_copy.cuh"
#include "kernels/decode_linear/stage.cuh"
#include "kernels/nf4/tables.h"

// The NF4 kernel for bf16: double-quantised parts, inner a multiple of 128 and at least 256, rows of 16 (8
// with SwiGLU).
//
// A block owns a run of neighbouring tiles of 16 rows (two groups of 8). The steps of 256 columns of the
// whole run are cut evenly into kRanges ranges, one for each warp that multiplies: a warp crosses few tiles
// and waits for nobody. What it has of a tile when it leaves it goes to a slot of its own in shared memory;
// behind one barrier the tiles are finished, a warp for each, their slots added in order
// (decode_nf4_end.cuh). Side rows are made before, by all warps; one warp beside those of the stream gathers
// them, and those of all blocks (decode_nf4_side.cuh).
namespace caravan::kernels::cuda {

constexpr int kTableAt = 1024,  // address in shared memory, for loads with a constant offset
    kColumns = 256, kTileRows = 16, kTableBytes = 256 * 256, kRanges = 15, kSlices = 16;

// Shared memory behind the table [256 codes][64 words, 32 of it: one per lane]: x, the maps of the scales,
// the codes of the block's scales [tiles][16 rows][codeStride bytes], their outer scales
// [tiles][2][nestedStride], the slots [slots][batch][16 rows], LoRA's hidden values
// [parts][batch][hiddenStride] in bf16, squares of x [batch][steps], sums of side rows [kSlices][8 or 16][8],
// side rows [sideRoom][sideRowBytes].
//
// x: a row is [steps][4 quarters][8 pieces][8 values], where the step has 8 pieces of 32 columns; a load of
// one quarter of all pieces meets no bank twice. A last half step stands for the last 256 columns, those that
// the step before it has had being zero.
struct Nf4Sizes {
    static constexpr int kRegions = 9;
    std::int32_t bytes[kRegions] = {};
};
// Fills in the strides; bytes of the regions in the order in which they lie.
inline Nf4Sizes planNf4(DecodeLaunch& a) {
    const int batch = static_cast<int>(a.linear.batch), inner = static_cast<int>(a.linear.inner);
    const auto up = [](int bytes) { return (bytes + 15) / 16 * 16; };
    a.perRow = static_cast<std::uint32_t>(inner / 64);
    a.inputRowBytes = a.steps * (kColumns * 2) + 64;  // rows begin sixteen banks apart
    a.sideRowBytes = inner * 2 + 16;
    a.wideCodes = a.perRow % 16 == 0;
    for (int p = 0; p < a.linear.partCount; ++p)
        a.wideCodes = a.wideCodes && aligned16(a.linear.parts[p].nf4.absmaxCodes);
    a.codeStride =
        a.wideCodes ? static_cast<int>(a.perRow / 16 | 1) * 16 : static_cast<int>(a.perRow + 3) / 4 * 4;
    a.nestedStride = static_cast<int>(a.perRow * 8 / 256 + 2);
    return {{batch * a.inputRowBytes, a.linear.partCount * 256 * 4,
             up(a.blockTiles * kTileRows * a.codeStride), up(a.blockTiles * 2 * a.nestedStride * 4),
             (kRanges + a.blockTiles) * batch * kTileRows * 4,
             a.linear.partCount * batch * a.hiddenStride * 2, a.linear.norm ? up(batch * a.steps * 4) : 0,
             a.sideRoom > 0 ? kSlices * (batch > 8 ? 16 : 8) * 8 * 4 : 0, a.sideRoom * a.sideRowBytes}};
}
inline Nf4Layout layoutOf(const Nf4Sizes& sizes) {
    Nf4Layout at;
    std::int32_t next = kTableBytes;
    std::int32_t* regions[Nf4Sizes::kRegions] = {&at.input,  &at.maps,    &at.codes, &at.nested, &at.slots,
                                                 &at.hidden, &at.squares, &at.sums,  &at.sides};
    for (int i = 0; i < Nf4Sizes::kRegions; ++i)
        *regions[i] = next, next += sizes.bytes[i];
    at.total = next;
    return at;
}

// The first rows of a tile's two groups: neighbours of a part, or with SwiGLU the same rows of parts 0 and 1.
struct TileRows {
    int partA, partB;
    std::uint32_t rowA, rowB;

    __device__ __forceinline__ TileRows(const DecodeLaunch& a, int tile) {
        const bool swiglu = a.linear.swiglu;
        partA = swiglu ? 0 : (tile >= a.tileBegin[1]) + (tile >= a.tileBegin[2]);
        partB = swiglu ? 1 : partA;
        rowA = static_cast<std::uint32_t>(swiglu ? tile * 8 : (tile - a.tileBegin[partA]) * kTileRows);
        rowB = rowA + (swiglu ? 0 : 8);
    }
};

// A block's tiles and how their steps are cut; nothing of it depends on the number of rows of x.
struct Share {
    int first, tiles, steps;  // steps: of all tiles

    __device__ __forceinline__ explicit Share(const DecodeLaunch& a) {
        const int block = static_cast<int>(blockIdx.x);
        first = block * a.fewTiles + min(block, a.richBlocks);
        tiles = a.fewTiles + (block < a.richBlocks ? 1 : 0);
        steps = tiles * a.steps;
    }
    __device__ __forceinline__ int begin(int range) const {
        return static_cast<int>(static_cast<unsigned>(steps * range) / kRanges);
    }
};

// What passes between the blocks of a chain: a reader waits until no value has all bits set.
constexpr std::uint32_t kNotYet = 0xFFFFFFFFu;
__device__ __forceinline__ bool allThere(const uint4& v) {  // eight bf16
    const auto missing = [](std::uint32_t w) { return (~w - 0x00010001u) & w & 0x80008000u; };
    return (missing(v.x) | missing(v.y) | missing(v.z) | missing(v.w)) == 0;
}
// Where v stays as it is, nothing is read.
__device__ __forceinline__ void readPassedIf(uint4& v, const void* from, bool wanted) {
    asm volatile(
        "{ .reg .pred p; setp.ne.s32 p, %5, 0; @p ld.relaxed.gpu.global.v4.u32 {%0,%1,%2,%3}, [%4]; }"
        : "+r"(v.x), "+r"(v.y), "+r"(v.z), "+r"(v.w)
        : "l"(from), "r"(static_cast<int>(wanted))
        : "memory");
}
__device__ __forceinline__ float awaitPassed(const float* from, bool passed) {
    std::uint32_t v;
    do {
        asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(from) : "memory");
    } while (passed && v == kNotYet);
    return __uint_as_float(v);
}
__device__ __forceinline__ void pass(float* to, float value) {
    asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(to), "r"(__float_as_uint(value)) : "memory");
}
__device__ __forceinline__ void pass(Bf16* to, float value) {
    asm volatile("st.relaxed.gpu.global.u16 [%0], %1;" ::"l"(to),
                 "h"(__bfloat16_as_ushort(__float2bfloat16_rn(value)))
                 : "memory");
}

// sum [16, 8] (+)= a [16, 16] b [16, 8]
__device__ __forceinline__ void multiply(float (&sum)[4], std::uint32_t a0, std::uint32_t a1,
                                         std::uint32_t a2, std::uint32_t a3, std::uint32_t b0,
                                         std::uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
__device__ __forceinline__ uint4 readShared(std::uint32_t at) {
    uint4 v;
    asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "r"(at)
                 : "memory");
    return v;
}
__device__ __forceinline__ void writeShared(std::uint32_t at, const uint4& v) {
    asm volatile("st.shared.v4.u32 [%0], {%1,%2,%3,%4};" ::"r"(at), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w)
                 : "memory");
}
// Where v stays as it is, nothing is read.
__device__ __forceinline__ void readSharedIf(uint4& v, std::uint32_t at, bool wanted) {
    asm volatile("{ .reg .pred p; setp.ne.s32 p, %5, 0; @p ld.shared.v4.u32 {%0,%1,%2,%3}, [%4]; }"
                 : "+r"(v.x), "+r"(v.y), "+r"(v.z), "+r"(v.w)
                 : "r"(at), "r"(static_cast<int>(wanted))
                 : "memory");
}

}  // namespace caravan::kernels::cuda
