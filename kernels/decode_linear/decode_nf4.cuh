// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/decode_linear/stage.cuh"
#include "kernels/nf4/tables.h"

// The NF4 kernel for bf16: double-quantised parts, inner a multiple of 128, rows of 16 (8 with SwiGLU).
//
// A block owns tiles of 16 rows (two groups of 8); its eight warps take the steps of 128 columns in turn and
// meet at the tile's end. Codes come by asynchronous copies, kAhead steps ahead. In a step, lane (g, t) of a
// warp holds 8 bytes of each of the step's two blocks of 64 of row g and of row g + 8: bytes 8 t to 8 t + 8,
// so that the four lanes of a row share a block and a product has one scale. Column n of the product is batch
// row n. Scales of the next tile are copied to shared memory while this one is multiplied, and decoded by all
// threads at its end.
namespace caravan::kernels::cuda {

constexpr int kStep = 128, kTileRows = 16, kGroupRows = 8, kTableBytes = 256 * 256, kAhead = 4,
              kSlotBytes = 2048;

static __constant__ float kBook[16] = {kNf4Code[0],  kNf4Code[1],  kNf4Code[2],  kNf4Code[3],
                                       kNf4Code[4],  kNf4Code[5],  kNf4Code[6],  kNf4Code[7],
                                       kNf4Code[8],  kNf4Code[9],  kNf4Code[10], kNf4Code[11],
                                       kNf4Code[12], kNf4Code[13], kNf4Code[14], kNf4Code[15]};

// Shared memory: the table [256 codes][64 words, 32 of it: one per lane] with the codes under way between its
// lines, x, the maps of the scales, the warps' sums [2, or 1 in `lone` launches][batch][16][kWarps], LoRA's
// hidden values [parts][hiddenStride] (fp32 for one row, else bf16), the next tile's absmax codes [16 rows x
// blocks of a row] and a scale of scales for every four, what a thread needs at the tile's end [3][threads],
// decoded scales [2][16 rows][scaleStride].
struct Nf4Layout {
    int input = kTableBytes, maps = 0, sums = 0, hidden = 0, codes = 0, nested = 0, ends = 0, scales = 0,
        total = 0;
};
__host__ __device__ inline int scaleStrideOf(std::int64_t inner) {
    const int blocks = static_cast<int>(inner / 64);
    return blocks + (34 - blocks % 32) % 32;  // rows begin two banks apart
}
__host__ __device__ inline Nf4Layout nf4Layout(const DecodeLaunch& a) {
    Nf4Layout at;
    const int batch = static_cast<int>(a.linear.batch), blocks = static_cast<int>(a.linear.inner / 64);
    at.maps = at.input + batch * a.inputStride * 2;
    at.sums = at.maps + kDecodeParts * 256 * 4;
    at.hidden = at.sums + (a.lone ? 1 : 2) * batch * kTileRows * kWarps * 4;
    at.codes = (at.hidden + a.linear.partCount * a.hiddenStride * (batch > 1 ? 2 : 4) + 15) / 16 * 16;
    at.nested = at.codes + kTileRows * blocks;
    at.ends = at.nested + kTileRows * blocks;
    at.scales = at.ends + 3 * kDecodeThreads * 4;
    at.total = at.scales + (a.lone ? 1 : 2) * kTileRows * scaleStrideOf(a.linear.inner) * 4;
    return at;
}

// The first rows of a tile's two groups: neighbours of a part, or with SwiGLU the same rows of parts 0 and 1.
struct TileRows {
    int partA, partB, partEnd;  // partEnd: the first tile of the next part
    std::uint32_t rowA, rowB;

    __device__ __forceinline__ TileRows(const DecodeLaunch& a, int tile) {
        const bool swiglu = a.linear.swiglu;
        partA = swiglu ? 0 : (tile >= a.tileBegin[1]) + (tile >= a.tileBegin[2]);
        partB = swiglu ? 1 : partA;
        partEnd = swiglu || partA + 1 >= a.linear.partCount ? a.tiles : a.tileBegin[partA + 1];
        rowA = static_cast<std::uint32_t>(swiglu ? tile * 8 : (tile - a.tileBegin[partA]) * kTileRows);
        rowB = rowA + (swiglu ? 0 : 8);
    }
};

__device__ __forceinline__ std::uint32_t sharedAddress(const void* p) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
}

// The codes of a warp's next kAhead steps, on their way to shared memory. Registers would not do: loads of
// several steps share one of the six counters that a warp can wait for, and all would be waited for at once.
// A slot is [16 rows][64 bytes] in the halves of the table's lines that the table leaves free; the two blocks
// of a row change places in every other pair of rows, so that reading meets no bank twice.
struct CodeRing {
    // This lane's 16 bytes of rows lane / 4 of both groups, at the warp's first step.
    const std::uint8_t *a, *b;
    int partEnd;
    std::uint32_t write, read;  // this lane's places in slot 0

    __device__ __forceinline__ explicit CodeRing(const unsigned char* table) {
        const std::uint32_t lane = threadIdx.x & 31, warp = threadIdx.x >> 5, row = lane >> 2, at = lane & 3;
        const std::uint32_t line =
            sharedAddress(table) + warp * (kAhead * kSlotBytes) + row / 2 * 256 + 128 + (row & 1) * 64;
        write = line + (((at >> 1) ^ (row >> 1 & 1)) * 2 + (at & 1)) * 16;
        read = line + (row >> 1 & 1) * 32 + at * 8;
    }
    __device__ __forceinline__ void enter(const DecodeLaunch& l, int tile) {
        const TileRows at(l, tile);
        const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
        const std::size_t half = static_cast<std::size_t>(l.linear.inner) / 2;
        const std::size_t mine = (lane & 3) * 16 + warp * 64;
        a = l.linear.parts[at.partA].nf4.codes + (at.rowA + (lane >> 2)) * half + mine;
        b = l.linear.parts[at.partB].nf4.codes + (at.rowB + (lane >> 2)) * half + mine;
        partEnd = at.partEnd;
    }
    // To the block's next tile; bytes: of the rows between.
    __device__ __forceinline__ void move(const DecodeLaunch& l, int tile, std::size_t bytes) {
        if (tile >= partEnd) {
            if (tile < l.tiles) enter(l, tile);
            return;
        }
        a += bytes;
        b += bytes;
    }
    __device__ __forceinline__ void request(std::uint32_t slot, int step) const {
        const auto copy = [](std::uint32_t to, const std::uint8_t* from) {
            asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(to), "l"(from)
                         : "memory");
        };
        const std::size_t offset = static_cast<std::size_t>(step) * (kWarps * 64);
        copy(write + slot * kSlotBytes, a + offset);
        copy(write + slot * kSlotBytes + kSlotBytes / 2, b + offset);
    }
};
struct CodeItem {
    uint2 a0, a1, b0, b1;  // rows g and g + 8, both blocks
};
__device__ __forceinline__ uint2 readShared(std::uint32_t at) {
    uint2 v;
    asm volatile("ld.shared.v2.u32 {%0,%1}, [%2];" : "=r"(v.x), "=r"(v.y) : "r"(at) : "memory");
    return v;
}
__device__ __forceinline__ CodeItem readItem(const CodeRing& ring, std::uint32_t slot) {
    const std::uint32_t at = ring.read + slot * kSlotBytes, other = at ^ 32u;
    return {readShared(at), readShared(other), readShared(at + kSlotBytes / 2),
            readShared(other + kSlotBytes / 2)};
}
__device__ __forceinline__ void closeGroup() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
// This thread's copies are there: all but those of the last `Open` groups.
template <int Open>
__device__ __forceinline__ void awaitGroups() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Open) : "memory");
}
__device__ __forceinline__ void awaitCopies() {
    asm volatile("cp.async.wait_all;" ::: "memory");
}

template <int N>
__device__ __forceinline__ std::uint32_t pairOf(const unsigned char* table, std::uint32_t codes,
                                                std::uint32_t lane4) {
    return *reinterpret_cast<const std::uint32_t*>(table + __byte_perm(codes, lane4, 0x7604 | N << 4));
}
__device__ __forceinline__ void multiply(float (&sum)[4], std::uint32_t a0, std::uint32_t a1,
                                         std::uint32_t a2, std::uint32_t a3, std::uint32_t b0,
                                         std::uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
// Lanes of columns that no batch row has load nothing: what they hold goes to columns that nobody reads.
__device__ __forceinline__ uint4 loadInput(std::uint32_t shared, int active) {
    uint4 v;
    asm volatile("{ .reg .pred p; setp.ne.s32 p, %5, 0; @p ld.shared.v4.u32 {%0,%1,%2,%3}, [%4]; }"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "r"(shared), "r"(active));
    return v;
}

// Unscaled sums of one block of 64: codes of rows g and g + 8, and x at this lane's sixteen inputs.
template <int Tiles>
__device__ __forceinline__ void multiplyBlock(const unsigned char* table, uint2 a, uint2 b, std::uint32_t x,
                                              std::uint32_t tileBytes, const int (&active)[Tiles],
                                              float (&sum)[Tiles][4]) {
    const std::uint32_t lane4 = (threadIdx.x & 31) * 4;
    const std::uint32_t ca[2] = {a.x, a.y}, cb[2] = {b.x, b.y};
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        uint4 v[Tiles];
#pragma unroll
        for (int n = 0; n < Tiles; ++n)
            v[n] = loadInput(x + n * tileBytes + i * 16, active[n]);
        const std::uint32_t a0 = pairOf<0>(table, ca[i], lane4), a1 = pairOf<0>(table, cb[i], lane4),
                            a2 = pairOf<1>(table, ca[i], lane4), a3 = pairOf<1>(table, cb[i], lane4),
                            a4 = pairOf<2>(table, ca[i], lane4), a5 = pairOf<2>(table, cb[i], lane4),
                            a6 = pairOf<3>(table, ca[i], lane4), a7 = pairOf<3>(table, cb[i], lane4);
#pragma unroll
        for (int n = 0; n < Tiles; ++n) {
            multiply(sum[n], a0, a1, a2, a3, v[n].x, v[n].y);
            multiply(sum[n], a4, a5, a6, a7, v[n].z, v[n].w);
        }
    }
}

// --- scales of a tile
__device__ __forceinline__ void copyAhead(void* to, const void* from) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(sharedAddress(to)), "l"(from) : "memory");
}

// f(part, absmax code in the part, chunk): this thread's chunks of four codes of a tile.
// A thread copies and decodes the same chunks: no barrier between.
template <class F>
__device__ __forceinline__ void forChunks(const DecodeLaunch& a, const TileRows& at, F&& f) {
    const std::uint32_t perRow = static_cast<std::uint32_t>(a.linear.inner) / 64,
                        chunks = kGroupRows * perRow / 4;
#pragma unroll 1
    for (std::uint32_t i = threadIdx.x; i < 2 * chunks; i += kDecodeThreads) {
        const bool second = i >= chunks;
        f(second ? at.partB : at.partA, (second ? at.rowB : at.rowA) * perRow + 4 * (second ? i - chunks : i),
          i);
    }
}

// codes [16 rows x blocks], nested one float for each chunk
__device__ __forceinline__ void requestScales(const DecodeLaunch& a, int tile, unsigned char* codes,
                                              float* nested) {
    forChunks(a, TileRows(a, tile), [&](int part, std::uint32_t block, std::uint32_t chunk) {
        const Nf4Source& w = a.linear.parts[part].nf4;
        copyAhead(codes + 4 * chunk, w.absmaxCodes + block);
        copyAhead(nested + chunk, w.nestedAbsmax + (block >> 8));
    });
}
__device__ __forceinline__ void decodeScales(const DecodeLaunch& a, int tile, const unsigned char* codes,
                                             const float* nested, const float* maps, float* scales) {
    const std::uint32_t pairs = static_cast<std::uint32_t>(a.linear.inner) / 128,
                        stride = static_cast<std::uint32_t>(scaleStrideOf(a.linear.inner));
    forChunks(a, TileRows(a, tile), [&](int part, std::uint32_t, std::uint32_t chunk) {
        const std::uint32_t four = *reinterpret_cast<const std::uint32_t*>(codes + 4 * chunk);
        const float outer = nested[chunk], offset = a.linear.parts[part].nf4.offset;
        const float* map = maps + part * 256;
        const auto scale = [&](int i) {
            return __fadd_rn(__fmul_rn(map[four >> (8 * i) & 255u], outer), offset);
        };
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const std::uint32_t pair = 2 * chunk + i, row = pair / pairs;
            *reinterpret_cast<float2*>(scales + row * stride + 2 * (pair - row * pairs)) =
                make_float2(scale(2 * i), scale(2 * i + 1));
        }
    });
}

}  // namespace caravan::kernels::cuda
