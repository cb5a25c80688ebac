// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/decode_linear/stage.cuh"
#include "kernels/nf4/tables.h"

// The NF4 kernel for bf16: double-quantised parts, inner a multiple of 128, rows of 16 (8 with SwiGLU).
//
// A block owns tiles of 16 rows; its eight warps take the steps of 128 columns in turn and meet at the tile's
// end. In a step, lane (g, t) of a warp holds 32 codes of row g and 32 of row g + 8, one 16-byte load each: t
// = 0, 1 of the step's first block of 64, t = 2, 3 of the second. Column 2 b + half of the product has x of
// batch row b where t belongs to that half, else zeros: each column's sum has one scale.
namespace caravan::kernels::cuda {

constexpr int kStep = 128, kTileRows = 16, kTableBytes = 256 * 256, kAhead = 4, kPrefetchedRank = 128;

static __constant__ float kBook[16] = {kNf4Code[0],  kNf4Code[1],  kNf4Code[2],  kNf4Code[3],
                                       kNf4Code[4],  kNf4Code[5],  kNf4Code[6],  kNf4Code[7],
                                       kNf4Code[8],  kNf4Code[9],  kNf4Code[10], kNf4Code[11],
                                       kNf4Code[12], kNf4Code[13], kNf4Code[14], kNf4Code[15]};

// Shared memory: the table [256 codes][64 words, 32 used: one per lane], x, the maps of the scales, the
// warps' sums [2][batch][16][kWarps], LoRA's hidden values [batch][ranks of all parts].
struct Nf4Layout {
    int input = kTableBytes, maps = 0, sums = 0, hidden = 0, total = 0;
};
__host__ __device__ inline Nf4Layout nf4Layout(const DecodeLaunch& a) {
    Nf4Layout at;
    const int batch = static_cast<int>(a.linear.batch);
    std::int64_t ranks = 0;
    for (int p = 0; p < a.linear.partCount; ++p)
        ranks += a.linear.parts[p].rank;
    at.maps = at.input + batch * a.inputStride * 2;
    at.sums = at.maps + kDecodeParts * 256 * 4;
    at.hidden = at.sums + 2 * batch * kTileRows * kWarps * 4;
    at.total = at.hidden + batch * static_cast<int>(ranks) * 4;
    return at;
}

struct TileRow {
    int part;
    std::int64_t row;
};
// Row g of a tile, and the one that stands beside it (g + 8, or the same row of part 1 with SwiGLU).
__device__ __forceinline__ void rowsOf(const DecodeLaunch& a, int tile, int g, TileRow& first,
                                       TileRow& second) {
    if (a.linear.swiglu) {
        first = {0, std::int64_t{tile} * 8 + g};
        second = {1, first.row};
        return;
    }
    const int part = (tile >= a.tileBegin[1]) + (tile >= a.tileBegin[2]);
    first = {part, std::int64_t{tile - a.tileBegin[part]} * kTileRows + g};
    second = {part, first.row + 8};
}

__device__ __forceinline__ uint4 loadCodes(const std::uint8_t* p) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p));
    return v;
}

// A warp's way through its steps, ahead of the arithmetic.
struct CodeCursor {
    const std::uint8_t *codesA, *codesB, *scalesA, *scalesB;
    const float *nestedA, *nestedB;
    std::uint32_t blockA, blockB;
    int tile, step;

    __device__ __forceinline__ void enter(const DecodeLaunch& a, int firstStep) {
        TileRow first, second;
        const int lane = threadIdx.x & 31;
        rowsOf(a, tile, lane >> 2, first, second);
        const Nf4Source &x = a.linear.parts[first.part].nf4, &y = a.linear.parts[second.part].nf4;
        const std::int64_t inner = a.linear.inner;
        codesA = x.codes + first.row * inner / 2 + (lane & 3) * 16;
        codesB = y.codes + second.row * inner / 2 + (lane & 3) * 16;
        blockA = static_cast<std::uint32_t>(first.row * inner / kNf4Block);
        blockB = static_cast<std::uint32_t>(second.row * inner / kNf4Block);
        scalesA = x.absmaxCodes + blockA;
        scalesB = y.absmaxCodes + blockB;
        nestedA = x.nestedAbsmax;
        nestedB = y.nestedAbsmax;
        step = firstStep;
    }
};
struct CodeItem {
    uint4 a, b;
    std::uint32_t scaleA, scaleB;  // two absmax codes each
    float nestedA, nestedB;
};
__device__ __forceinline__ void loadItem(CodeItem& item, const CodeCursor& c) {
    item.a = loadCodes(c.codesA + c.step * 64);
    item.b = loadCodes(c.codesB + c.step * 64);
    item.scaleA = __ldg(reinterpret_cast<const std::uint16_t*>(c.scalesA + 2 * c.step));
    item.scaleB = __ldg(reinterpret_cast<const std::uint16_t*>(c.scalesB + 2 * c.step));
    item.nestedA = __ldg(c.nestedA + ((c.blockA + 2 * c.step) >> 8));
    item.nestedB = __ldg(c.nestedB + ((c.blockB + 2 * c.step) >> 8));
}

template <int N>
__device__ __forceinline__ std::uint32_t pairOf(const unsigned char* table, std::uint32_t codes,
                                                std::uint32_t lane4) {
    return *reinterpret_cast<const std::uint32_t*>(table + __byte_perm(codes, lane4, 0x7604 | N << 4));
}
__device__ __forceinline__ void multiply(float (&sum)[4], std::uint32_t a0, std::uint32_t a1,
                                         std::uint32_t a2, std::uint32_t a3, std::uint32_t b0,
                                         std::uint32_t b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// The unscaled sums of one step. x: this lane's 32 inputs in batch row (lane >> 3), rows 4 * inputStride
// apart.
template <int Tiles>
__device__ __forceinline__ void multiplyStep(const unsigned char* table, const CodeItem& item, const Bf16* x,
                                             int inputStride, const bool (&active)[Tiles],
                                             float (&sum)[Tiles][4]) {
    const std::uint32_t lane4 = (threadIdx.x & 31) * 4;
    const std::uint32_t a[4] = {item.a.x, item.a.y, item.a.z, item.a.w},
                        b[4] = {item.b.x, item.b.y, item.b.z, item.b.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        uint4 v[Tiles];
#pragma unroll
        for (int n = 0; n < Tiles; ++n) {
            v[n] = make_uint4(0, 0, 0, 0);
            if (active[n]) v[n] = *reinterpret_cast<const uint4*>(x + n * 4 * inputStride + i * 8);
        }
        const std::uint32_t a0 = pairOf<0>(table, a[i], lane4), a1 = pairOf<0>(table, b[i], lane4),
                            a2 = pairOf<1>(table, a[i], lane4), a3 = pairOf<1>(table, b[i], lane4),
                            a4 = pairOf<2>(table, a[i], lane4), a5 = pairOf<2>(table, b[i], lane4),
                            a6 = pairOf<3>(table, a[i], lane4), a7 = pairOf<3>(table, b[i], lane4);
#pragma unroll
        for (int n = 0; n < Tiles; ++n) {
            multiply(sum[n], a0, a1, a2, a3, v[n].x, v[n].y);
            multiply(sum[n], a4, a5, a6, a7, v[n].z, v[n].w);
        }
    }
}

__device__ __forceinline__ float scaleOf(const float* map, std::uint32_t code, float nested, float offset) {
    return __fadd_rn(__fmul_rn(map[code & 255u], nested), offset);
}

// What a tile's end needs, loaded at its begin: LoRA's B in pairs of ranks 2 lane and 64 + 2 lane.
struct TileEnd {
    std::uint32_t b0[2], b1[2];
    float residual0, residual1;
};

__device__ __forceinline__ void prefetchEnd(const DecodeLaunch& a, int tile, TileEnd& end) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    TileRow first, second;
    rowsOf(a, tile, warp, first, second);
    const auto fetch = [&](const DecodePart& part, std::int64_t row, std::uint32_t(&to)[2]) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const std::int64_t j = 64 * i + 2 * lane;
            to[i] = 0;
            if (part.loraB && part.rank <= kPrefetchedRank && j < part.rank)
                to[i] = __ldg(reinterpret_cast<const std::uint32_t*>(static_cast<const Bf16*>(part.loraB) +
                                                                     row * part.rank + j));
        }
    };
    fetch(a.linear.parts[first.part], first.row, end.b0);
    fetch(a.linear.parts[second.part], second.row, end.b1);
    end.residual0 = end.residual1 = 0;
    if (a.linear.batch == 1 && lane == 0 && a.linear.residual) {
        end.residual0 = residualOf<Bf16>(a.linear, 0, a.linear.parts[first.part].column + first.row);
        if (!a.linear.swiglu)
            end.residual1 = residualOf<Bf16>(a.linear, 0, a.linear.parts[second.part].column + second.row);
    }
}

__device__ __forceinline__ float loraSum(const DecodePart& part, std::int64_t row, const float* hidden,
                                         const std::uint32_t (&prefetched)[2]) {
    if (!part.loraB) return 0;
    const int lane = threadIdx.x & 31;
    float sum = 0;
    for (int i = 0; 64 * i + 2 * lane < part.rank; ++i) {
        const int j = 64 * i + 2 * lane;
        const std::uint32_t raw = part.rank <= kPrefetchedRank
                                      ? (i == 0 ? prefetched[0] : prefetched[1])
                                      : __ldg(reinterpret_cast<const std::uint32_t*>(
                                            static_cast<const Bf16*>(part.loraB) + row * part.rank + j));
        sum += __uint_as_float(raw << 16) * hidden[j] + __uint_as_float(raw & 0xFFFF0000u) * hidden[j + 1];
    }
    return sum * part.scale;
}

}  // namespace caravan::kernels::cuda
