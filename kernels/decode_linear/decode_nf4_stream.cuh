// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/decode_linear/decode_nf4.cuh"

// What a warp multiplies between the first and the last step of its range. A step is 16 rows x 256 columns:
// four blocks of 64 with a scale each. Lane (g, t) holds four times 16 bytes of codes, two of them in one
// product: lanes t = 0, 1 and t = 2, 3 have codes of two blocks, x of which goes to different columns of the
// product, zeros everywhere else.
//
// Which codes: for up to two rows of x (kWholeLines) a load of a warp takes whole lines, 128 bytes of four
// rows: of the product's rows the even ones are a row's first half of a step, the odd ones its second half,
// and the other way round for rows 8 to 15 of the tile, so that each lane has sums of its own of two rows.
// For more rows of x all of a product's columns belong to one half: a load takes 64 bytes of rows g or g + 8.
namespace caravan::kernels::cuda {

__device__ __forceinline__ uint4 loadOnce(const std::uint8_t* p) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p));
    return v;
}

// A step on its way: codes of rows g (a) and g + 8 (b) in both halves.
struct Item {
    uint4 a[2], b[2];

    // Something of every load.
    __device__ __forceinline__ std::uint32_t all() const { return a[0].x | a[1].x | b[0].x | b[1].x; }
};

__device__ __forceinline__ const std::uint8_t* codesOf(const DecodeLaunch& l, int part, std::uint32_t row) {
    return l.linear.parts[part].nf4.codes + static_cast<std::uint64_t>(row) * (l.perRow * 32);
}

template <int Rows>
constexpr bool kWholeLines = Rows <= 2;
// With whole lines: the lane's first row of a tile (the second is kRowsApart further), and the half of a step
// that it loads of rows 0 to 7; of rows 8 to 15 it is the other.
constexpr int kRowsApart = 4;
struct LinePlace {
    int row, half;
    bool later;  // the row is one of 8 to 15
    __device__ __forceinline__ LinePlace() {
        const int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
        half = g & 1;
        later = t >> 1 != half;
        row = (later ? 8 : 0) + (g >> 1);
    }
};

// Where a warp's next items come from. All loads of a warp may share one counter, so that waiting for one
// item is waiting for all that were asked for: the address of the next item is made of something of the one
// before.
template <int Rows>
struct Supply {
    const std::uint8_t *a, *b;
    int tile, left;  // left: whole steps of this tile that have not been asked for
    bool half;       // and a half one

    __device__ __forceinline__ void enter(const DecodeLaunch& l, int next, int step) {
        const TileRows at(l, next);
        const std::uint32_t lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
        const int before = (step - 1) * (kColumns / 2) + static_cast<int>(t) * 16;
        if constexpr (kWholeLines<Rows>) {
            const int first = LinePlace().half;
            a = codesOf(l, at.partA, at.rowA + (g >> 1)) + before + first * 64;
            b = codesOf(l, at.partB, at.rowB + (g >> 1)) + before + (1 - first) * 64;
        } else {
            a = codesOf(l, at.partA, at.rowA + g) + before;
            b = codesOf(l, at.partB, at.rowB + g) + before;
        }
        tile = next;
        left = l.steps - step - (l.halfStep ? 1 : 0);
        half = l.halfStep;
        if (left == 0) turn();
    }
    // The next tile: the next rows, but at a part's end.
    __device__ __forceinline__ void follow(const DecodeLaunch& l) {
        ++tile;
        if (tile == l.tileBegin[1] || tile == l.tileBegin[2]) {
            enter(l, tile, 0);
            return;
        }
        const std::uint32_t bytes = l.perRow * 32 * (l.linear.swiglu ? 7 : 15);
        a += bytes;
        b += bytes;
        half = l.halfStep;
        left = l.steps - (l.halfStep ? 1 : 0);
    }
    __device__ __forceinline__ void turn() {
        half = false;
        left = 1;
        a -= kColumns / 4;
        b -= kColumns / 4;
    }
    // behind: Item::all() of what must have come before, with no bit set
    __device__ __forceinline__ void next(const DecodeLaunch& l, Item& to, std::uint32_t behind) {
        if (left == 0) {
            if (half)
                turn();
            else
                follow(l);
        }
        --left;
        const std::uint32_t bytes = behind | (kColumns / 2);
        a += bytes;
        b += bytes;
        to.a[0] = loadOnce(a);
        if constexpr (kWholeLines<Rows>) {
            const std::uint32_t apart = l.perRow * (32 * kRowsApart);
            to.b[0] = loadOnce(a + apart);
            to.a[1] = loadOnce(b);
            to.b[1] = loadOnce(b + apart);
        } else {
            to.a[1] = loadOnce(a + 64);
            to.b[0] = loadOnce(b);
            to.b[1] = loadOnce(b + 64);
        }
    }
};

// Two bf16 codes; lane4: TableLane.
template <int N>
__device__ __forceinline__ std::uint32_t pairOf(std::uint32_t codes, std::uint32_t lane4) {
    std::uint32_t pair;
    asm("ld.shared.u32 %0, [%1+%2];"
        : "=r"(pair)
        : "r"(__byte_perm(codes, lane4, 0x7604 | N << 4)), "n"(kTableAt));
    return pair;
}
// The codes of eight columns of rows g and g + 8 as the products' operands.
struct Eights {
    std::uint32_t a[4], b[4];
    __device__ __forceinline__ Eights(std::uint32_t lane4, std::uint32_t ca, std::uint32_t cb) {
        a[0] = pairOf<0>(ca, lane4), b[0] = pairOf<0>(cb, lane4);
        a[1] = pairOf<1>(ca, lane4), b[1] = pairOf<1>(cb, lane4);
        a[2] = pairOf<2>(ca, lane4), b[2] = pairOf<2>(cb, lane4);
        a[3] = pairOf<3>(ca, lane4), b[3] = pairOf<3>(cb, lane4);
    }
    __device__ __forceinline__ void multiplyInto(float (&sum)[4], const uint4& x) const {
        multiply(sum, a[0], b[0], a[1], b[1], x.x, x.y);
        multiply(sum, a[2], b[2], a[3], b[3], x.z, x.w);
    }
};

// Sums of a warp over its steps of a tile, in the same order for any number of rows of x: those of the blocks
// j, j + 4, ... of a row of the weights apart, one after the other, then (0 + 1) + (2 + 3).
//
// One or two rows: block j of a step and row b meet in column 2 j + b; lane (g, t) has the sums of block t of
// its two rows. The lanes that hold x for one half of the step and for the other are different ones, so that
// both share a load; what a row's half gives in the columns of the other is of no use to anybody.
template <int Rows>
struct Sums {
    float total[2][Rows] = {};
    uint4 x[2]{};
    std::uint32_t at;  // of x
    bool active, later;

    __device__ __forceinline__ Sums(const unsigned char* input, int rowBytes, int batch) {
        const int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3, b = g & 1, block = g >> 1;
        at = sharedAddress(input) + b * rowBytes + (2 * block + (t & 1)) * 16;
        active = b < batch && (t >> 1) == (block & 1);
        later = LinePlace().later;
    }
    __device__ __forceinline__ void add(std::uint32_t lane4, const Item& item, std::uint32_t step,
                                        float scaleA, float scaleB) {
        float first[4] = {}, second[4] = {};
        const std::uint32_t from = at + step * (kColumns * 2);
        // The next codes are looked up ahead of each product.
        readSharedIf(x[0], from, active);
        Eights low(lane4, item.a[0].x, item.b[0].x), high(lane4, item.a[1].x, item.b[1].x);
        readSharedIf(x[1], from + 128, active);
        low.multiplyInto(first, x[0]);
        low = Eights(lane4, item.a[0].y, item.b[0].y);
        high.multiplyInto(second, x[0]);
        high = Eights(lane4, item.a[1].y, item.b[1].y);
        readSharedIf(x[0], from + 256, active);
        low.multiplyInto(first, x[1]);
        low = Eights(lane4, item.a[0].z, item.b[0].z);
        high.multiplyInto(second, x[1]);
        high = Eights(lane4, item.a[1].z, item.b[1].z);
        readSharedIf(x[1], from + 384, active);
        low.multiplyInto(first, x[0]);
        low = Eights(lane4, item.a[0].w, item.b[0].w);
        high.multiplyInto(second, x[0]);
        high = Eights(lane4, item.a[1].w, item.b[1].w);
        low.multiplyInto(first, x[1]);
        high.multiplyInto(second, x[1]);
#pragma unroll
        for (int b = 0; b < Rows; ++b) {
            total[0][b] = __fmaf_rn(later ? second[b] : first[b], scaleA, total[0][b]);
            total[1][b] = __fmaf_rn(later ? second[2 + b] : first[2 + b], scaleB, total[1][b]);
        }
    }
    // To [batch][16 rows]; nothing is left.
    __device__ __forceinline__ void leave(float* slot, int batch) {
        const int t = threadIdx.x & 3, row = LinePlace().row;
#pragma unroll
        for (int b = 0; b < Rows; ++b)
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                float v = total[i][b];
                v += __shfl_xor_sync(0xFFFFFFFFu, v, 1);
                v += __shfl_xor_sync(0xFFFFFFFFu, v, 6);  // the row's other half
                if (t == b && b < batch) slot[b * kTileRows + row + kRowsApart * i] = v;
                total[i][b] = 0;
            }
    }
};

// More rows, four to a product: block j of a half and row b meet in column 2 b + j; lane (g, t) has all sums
// of row t of x, and the other lanes' scales.
template <int Rows>
requires(Rows >= 4) struct Sums<Rows> {
    static constexpr int kGroups = Rows / 4;
    float total[kGroups][2][4] = {};
    uint4 x{};
    std::uint32_t at, groupBytes;
    int row, batch;

    __device__ __forceinline__ Sums(const unsigned char* input, int rowBytes, int rows) : batch(rows) {
        const int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
        row = (g & 1) == (t >> 1) ? g >> 1 : Rows;
        at = sharedAddress(input) + (g >> 1) * rowBytes + t * 16;
        groupBytes = static_cast<std::uint32_t>(4 * rowBytes);
    }
    template <int Q>
    __device__ __forceinline__ void quarter(std::uint32_t lane4, std::uint32_t ca, std::uint32_t cb,
                                            std::uint32_t from, float (&sums)[kGroups][4]) {
        const Eights codes(lane4, ca, cb);
#pragma unroll
        for (int n = 0; n < kGroups; ++n) {
            readSharedIf(x, from + n * groupBytes + Q * 128, row + 4 * n < batch);
            codes.multiplyInto(sums[n], x);
        }
    }
    template <int Half>
    __device__ __forceinline__ void addHalf(std::uint32_t lane4, const uint4& a, const uint4& b,
                                            std::uint32_t from, float scaleA, float scaleB) {
        float sums[kGroups][4] = {};
        quarter<0>(lane4, a.x, b.x, from, sums);
        quarter<1>(lane4, a.y, b.y, from, sums);
        quarter<2>(lane4, a.z, b.z, from, sums);
        quarter<3>(lane4, a.w, b.w, from, sums);
#pragma unroll
        for (int j = 0; j < 2; ++j) {
            const int block = 2 * Half + j, lane = (threadIdx.x & 28) | block;
            const float sA = __shfl_sync(0xFFFFFFFFu, scaleA, lane),
                        sB = __shfl_sync(0xFFFFFFFFu, scaleB, lane);
#pragma unroll
            for (int n = 0; n < kGroups; ++n) {
                total[n][0][block] = __fmaf_rn(sums[n][j], sA, total[n][0][block]);
                total[n][1][block] = __fmaf_rn(sums[n][2 + j], sB, total[n][1][block]);
            }
        }
    }
    __device__ __forceinline__ void add(std::uint32_t lane4, const Item& item, std::uint32_t step,
                                        float scaleA, float scaleB) {
        const std::uint32_t from = at + step * (kColumns * 2);
        addHalf<0>(lane4, item.a[0], item.b[0], from, scaleA, scaleB);
        addHalf<1>(lane4, item.a[1], item.b[1], from + 64, scaleA, scaleB);
    }
    __device__ __forceinline__ void leave(float* slot, int rows) {
        const int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
#pragma unroll
        for (int n = 0; n < kGroups; ++n)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                float(&v)[4] = total[n][half];
                if (4 * n + t < rows)
                    slot[(4 * n + t) * kTileRows + g + 8 * half] = (v[0] + v[1]) + (v[2] + v[3]);
                v[0] = v[1] = v[2] = v[3] = 0;
            }
    }
};

// A range of the block's steps. begin() asks for its first two steps; run() multiplies.
template <int Rows>
struct Range {
    Supply<Rows> supply;
    Item items[2];
    int index, tile, step;  // of the next step to multiply: its tile in the block, its place in the tile
    int count, unasked;     // steps to multiply, and those of them that have not been asked for

    __device__ __forceinline__ void begin(const DecodeLaunch& a, const Share& share, int range) {
        const int first = share.begin(range);
        index = range;
        count = share.begin(range + 1) - first;
        if (count == 0) return;
        tile =
            a.steps == 1 ? first : static_cast<int>(__umulhi(static_cast<unsigned>(first), a.stepsInverse));
        step = first - tile * a.steps;
        supply.enter(a, share.first + tile, step);
        supply.next(a, items[0], 0);
        if (count > 1) supply.next(a, items[1], 0);
        unasked = max(count - 2, 0);
    }

    __device__ __forceinline__ void run(const DecodeLaunch& a, const Share& share, unsigned char* shared,
                                        Sums<Rows>& sums) {
        if (count == 0) return;
        constexpr bool kLines = kWholeLines<Rows>;
        constexpr int kApart = kLines ? kRowsApart : 8;
        const LinePlace place;
        const int batch = static_cast<int>(a.linear.batch), lane = threadIdx.x & 31, t = lane & 3,
                  inGroup = kLines ? place.row & 7 : lane >> 2, row = kLines ? place.row : inGroup;
        float* slots = reinterpret_cast<float*>(shared + a.at.slots);
        // The table stands: nothing of it is read before this. What depends on the lane is not made again.
        std::uint32_t lane4, codeAt, inTile;
        asm volatile("mov.u32 %0, %1;" : "=r"(lane4) : "r"(lane * 4) : "memory");
        asm volatile("mov.u32 %0, %1;"
                     : "=r"(codeAt)
                     : "r"(sharedAddress(shared + a.at.codes) + row * a.codeStride + t));
        asm volatile("mov.u32 %0, %1;" : "=r"(inTile) : "r"(inGroup * a.perRow + t));
        const std::uint32_t apart = static_cast<std::uint32_t>(kApart * a.codeStride),
                            tileCodes = static_cast<std::uint32_t>(kTileRows * a.codeStride),
                            nestedBytes = static_cast<std::uint32_t>(4 * a.nestedStride),
                            nested = sharedAddress(shared + a.at.nested),
                            maps = sharedAddress(shared + a.at.maps);
        std::uint32_t mapA = 0, mapB = 0, code = 0, blockA = 0, blockB = 0, nestedA = 0;
        float offsetA = 0, offsetB = 0;
        const auto enter = [&] {
            const TileRows rows(a, share.first + tile);
            nestedA = nested + tile * 2 * nestedBytes;
            code = codeAt + tile * tileCodes + 4 * step;
            if constexpr (kLines) {
                const int part = place.later ? rows.partB : rows.partA;
                mapA = maps + part * 1024;
                offsetA = a.linear.parts[part].nf4.offset;
                blockA = ((place.later ? rows.rowB : rows.rowA) * a.perRow & 255u) + inTile + 4 * step;
                nestedA += place.later ? nestedBytes : 0;
            } else {
                mapA = maps + rows.partA * 1024, mapB = maps + rows.partB * 1024;
                offsetA = a.linear.parts[rows.partA].nf4.offset;
                offsetB = a.linear.parts[rows.partB].nf4.offset;
                blockA = (rows.rowA * a.perRow & 255u) + inTile + 4 * step;
                blockB = (rows.rowB * a.perRow & 255u) + inTile + 4 * step;
            }
        };
        const auto scale = [&](std::uint32_t at, std::uint32_t outerAt, std::uint32_t map, float offset) {
            std::uint32_t value;
            float outer, inner;
            asm volatile("ld.shared.u8 %0, [%1];" : "=r"(value) : "r"(at));
            asm volatile("ld.shared.f32 %0, [%1];" : "=f"(outer) : "r"(outerAt));
            asm volatile("ld.shared.f32 %0, [%1];" : "=f"(inner) : "r"(map + 4 * value));
            return __fadd_rn(__fmul_rn(inner, outer), offset);
        };
        const auto add = [&](const Item& item) {
            if (a.halfStep && step == a.steps - 1) code -= 2, blockA -= 2, blockB -= 2;
            const float scaleA = scale(code, nestedA + (blockA >> 8) * 4, mapA, offsetA);
            float scaleB;
            if constexpr (kLines)
                scaleB =
                    scale(code + apart, nestedA + (blockA + kRowsApart * a.perRow >> 8) * 4, mapA, offsetA);
            else
                scaleB = scale(code + apart, nestedA + nestedBytes + (blockB >> 8) * 4, mapB, offsetB);
            code += 4, blockA += 4, blockB += 4;
            sums.add(lane4, item, static_cast<std::uint32_t>(step), scaleA, scaleB);
            --count;
            if (++step < a.steps && count > 0) return;
            sums.leave(slots + (index + tile) * batch * kTileRows, batch);
            if (count == 0) return;
            step = 0;
            ++tile;
            enter();
        };
        enter();
        // An item is there before the next is asked for, in this order around the loop: a wait for one waits
        // for all.
        while (true) {
            ask(a, items[1], items[0]);
            add(items[0]);
            if (count == 0) break;
            ask(a, items[0], items[1]);
            add(items[1]);
            if (count == 0) break;
        }
    }
    __device__ __forceinline__ void ask(const DecodeLaunch& a, Item& to, const Item& there) {
        const std::uint32_t behind = there.all() & a.zero;
        if (unasked == 0 || count - unasked + static_cast<int>(behind) > 1) return;
        supply.next(a, to, behind);
        --unasked;
    }
};

}  // namespace caravan::kernels::cuda
