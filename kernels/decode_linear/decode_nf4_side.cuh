// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/decode_linear/decode_nf4.cuh"

// The input's way to shared memory, and the side rows. No sum's order depends on the number of warps or of
// rows of x.
namespace caravan::kernels::cuda {

// The step's lane: eight columns, so that a warp writes to all banks in turn.
struct InputPlace {
    std::uint32_t column, offset;  // of the row; bytes of the row in shared memory
    bool first;                    // column has been in the step before

    __device__ __forceinline__ InputPlace(const DecodeLaunch& a, int step) {
        const std::uint32_t lane = threadIdx.x & 31, piece = lane & 7, quarter = lane >> 3,
                            in = piece * 32 + quarter * 8;
        const bool half = a.halfStep && step == a.steps - 1;
        column = static_cast<std::uint32_t>(step) * kColumns + in - (half ? kColumns / 2 : 0);
        offset = static_cast<std::uint32_t>(step) * (kColumns * 2) + quarter * 128 + piece * 16;
        first = half && in < kColumns / 2;
    }
};

// Weights of the norm for a warp's first steps, asked for ahead of the previous kernel's end.
constexpr int kNormAhead = 1;
struct NormWeights {
    uint4 at[kNormAhead];
    __device__ __forceinline__ void request(const DecodeLaunch& a, int warps) {
#pragma unroll
        for (int i = 0; i < kNormAhead; ++i) {
            const int step = static_cast<int>(threadIdx.x >> 5) + i * warps;
            at[i] = {};
            if (a.linear.norm && step < a.steps) at[i] = load(a, InputPlace(a, step));
        }
    }
    static __device__ __forceinline__ uint4 load(const DecodeLaunch& a, const InputPlace& place) {
        return __ldg(reinterpret_cast<const uint4*>(static_cast<const Bf16*>(a.linear.norm) + place.column));
    }
};

__device__ __forceinline__ void widen(const uint4& raw, float (&v)[8]) {
    const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        v[2 * i] = __uint_as_float(words[i] << 16);
        v[2 * i + 1] = __uint_as_float(words[i] & 0xFFFF0000u);
    }
}
__device__ __forceinline__ uint4 normedEight(const uint4& x, const uint4& w, float r) {
    float v[8], u[8];
    widen(x, v);
    widen(w, u);
#pragma unroll
    for (int j = 0; j < 8; ++j)
        v[j] = v[j] * r * u[j];
    return make_uint4(packBf16(v[0], v[1]), packBf16(v[2], v[3]), packBf16(v[4], v[5]), packBf16(v[6], v[7]));
}

// The maps, codes and outer scales of the block's rows, on their way; stageNf4Input() awaits them. A warp
// takes eight neighbouring rows at a time.
template <int Warps>
__device__ __forceinline__ void requestScales(const DecodeLaunch& a, const Share& share,
                                              unsigned char* shared) {
    const int lane = threadIdx.x & 31, row = lane >> 2, groups = 2 * share.tiles;
    if (threadIdx.x < 64)
#pragma unroll 1
        for (int p = 0; p < a.linear.partCount; ++p)
            copyAsync(sharedAddress(shared + a.at.maps) + p * 1024 + threadIdx.x * 16,
                      a.linear.parts[p].nf4.nestedMap + threadIdx.x * 4);
#pragma unroll 1
    for (int group = threadIdx.x >> 5; group < groups; group += Warps) {
        const TileRows tile(a, share.first + group / 2);
        const bool second = group % 2 != 0;
        const Nf4Source& w = a.linear.parts[second ? tile.partB : tile.partA].nf4;
        const std::uint32_t block = (second ? tile.rowB : tile.rowA) * a.perRow, outer = block >> 8,
                            last = (block + 8 * a.perRow - 1) >> 8;
        if (lane <= last - outer)
            copyWordAsync(sharedAddress(shared + a.at.nested) + (group * a.nestedStride + lane) * 4,
                          w.nestedAbsmax + outer + lane);
        const std::uint8_t* from = w.absmaxCodes + block + row * a.perRow;
        unsigned char* to = shared + a.at.codes + (group * 8 + row) * a.codeStride;
        if (a.wideCodes) {
#pragma unroll 2
            for (std::uint32_t i = (lane & 3) * 16; i < a.perRow; i += 64)
                copyAsync(sharedAddress(to + i), from + i);
        } else if (a.perRow % 4 == 0) {
#pragma unroll 4
            for (std::uint32_t i = (lane & 3) * 4; i < a.perRow; i += 16)
                copyWordAsync(sharedAddress(to + i), from + i);
        } else {
#pragma unroll 1
            for (std::uint32_t i = (lane & 3) * 2; i < a.perRow; i += 8)
                *reinterpret_cast<std::uint16_t*>(to + i) =
                    __ldg(reinterpret_cast<const std::uint16_t*>(from + i));
        }
    }
}

// The staged rows times their norm; squares of their steps are there. Ends with a barrier.
template <int Warps>
__device__ __forceinline__ void normNf4Input(const DecodeLaunch& a, unsigned char* shared,
                                             const NormWeights& norm) {
    const DecodeLinear& l = a.linear;
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, batch = static_cast<int>(l.batch),
              rowBytes = a.inputRowBytes;
    unsigned char* input = shared + a.at.input;
    const float* squares = reinterpret_cast<const float*>(shared + a.at.squares);
#pragma unroll 1
    for (int b = 0; b < batch; ++b) {
        float sum = 0;
#pragma unroll 1
        for (int step = lane; step < a.steps; step += 32)
            sum += squares[b * a.steps + step];
        const float r = 1.0f / sqrtf(warpReduce(sum, Plus{}) / static_cast<float>(l.inner) + l.eps);
        int i = 0;
#pragma unroll 1
        for (int step = warp; step < a.steps; step += Warps, ++i) {
            const InputPlace place(a, step);
            auto* x = reinterpret_cast<uint4*>(input + b * rowBytes + place.offset);
            const uint4 w = i < kNormAhead ? norm.at[0] : NormWeights::load(a, place);
            *x = normedEight(*x, w, r);
        }
    }
    __syncthreads();
}

// Of eight values by each lane of a warp.
__device__ __forceinline__ float squaresOf(const uint4& raw) {
    float v[8], sum = 0;
    widen(raw, v);
#pragma unroll
    for (int j = 0; j < 8; ++j)
        sum += v[j] * v[j];
    return warpReduce(sum, Plus{});
}

// Ends with a barrier. Each thread asks for a few eights at once; passed: it waits for them to be there.
template <int Warps>
__device__ __forceinline__ void stageNf4Input(const DecodeLaunch& a, unsigned char* shared,
                                              const NormWeights& norm, bool passed) {
    constexpr int kAtOnce = 3;
    const DecodeLinear& l = a.linear;
    const int lane = threadIdx.x & 31, rowBytes = a.inputRowBytes,
              items = static_cast<int>(l.batch) * a.steps;  // a step of a row each
    const auto inner = static_cast<std::uint32_t>(l.inner);
    const Bf16* in = static_cast<const Bf16*>(l.input);
    const std::uint32_t input = sharedAddress(shared + a.at.input);
    float* squares = reinterpret_cast<float*>(shared + a.at.squares);
#pragma unroll 1
    for (int first = threadIdx.x >> 5; first < items; first += kAtOnce * Warps) {
        uint4 raw[kAtOnce] = {};
        std::uint32_t from[kAtOnce], to[kAtOnce];  // elements of the input; bytes of shared memory
        bool is[kAtOnce];
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) {
            const int item = first + i * Warps,
                      b = a.steps == 1
                              ? item
                              : static_cast<int>(__umulhi(static_cast<unsigned>(item), a.stepsInverse));
            const InputPlace place(a, item - b * a.steps);
            from[i] = b * inner + place.column;
            to[i] = input + b * rowBytes + place.offset;
            is[i] = item < items && !place.first;
        }
        bool all;
        do {
            all = true;
#pragma unroll
            for (int i = 0; i < kAtOnce; ++i)
                readPassedIf(raw[i], in + from[i], is[i]);
#pragma unroll
            for (int i = 0; i < kAtOnce; ++i)
                all = all && allThere(raw[i]);
        } while (passed && !all);
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) {
            if (first + i * Warps >= items) break;
            writeShared(to[i], raw[i]);
            if (!l.norm) continue;
            const float sum = squaresOf(raw[i]);
            if (lane == 0) squares[first + i * Warps] = sum;
        }
    }
    awaitCopies();
    __syncthreads();
    if (l.norm) normNf4Input<Warps>(a, shared, norm);
}

// The side rows of a block, a few at a time: asked for ahead of the previous kernel's end, then x [batch]
// times them by the tensor cores. A step is of slice step % kSlices; a warp has some of the slices.
struct Sides {
    int total;  // side rows of all blocks; 0 where this one has none

    __device__ __forceinline__ explicit Sides(const DecodeLaunch& a)
        : total(static_cast<int>(blockIdx.x) < a.sideBlocks ? a.sideRows : 0) {}
    __device__ __forceinline__ bool any(const DecodeLaunch& a, int first = 0) const {
        return static_cast<int>(blockIdx.x) + first * a.sideBlocks < total;
    }

    // f(side, row) of the block's side row n, if it has so many
    template <class F>
    __device__ __forceinline__ void forRow(const DecodeLaunch& a, int n, F&& f) const {
        int index = static_cast<int>(blockIdx.x) + n * a.sideBlocks;
        if (index >= total) return;
        int s = 0;
#pragma unroll 1
        for (int rows; index >= (rows = static_cast<int>(a.linear.sides[s].rows)); ++s)
            index -= rows;
        f(a.linear.sides[s], index);
    }
    // Rows [first, first + sideRoom), by all threads: some of 16 warps for each.
    template <int Warps>
    __device__ __forceinline__ void request(const DecodeLaunch& a, unsigned char* rows, int first) const {
        const int lane = threadIdx.x & 31, inner = static_cast<int>(a.linear.inner);
#pragma unroll 1
        for (int warp = threadIdx.x >> 5; warp < kSlices; warp += Warps) {
            const int n = warp >> a.sideShift, of = warp - (n << a.sideShift);
            if (n < a.sideRoom)
                forRow(a, first + n, [&](const DecodeSide& side, int row) {
                    const Bf16* from =
                        static_cast<const Bf16*>(side.weight) + static_cast<std::int64_t>(row) * inner;
                    const std::uint32_t to = sharedAddress(rows) + n * a.sideRowBytes;
#pragma unroll 2
                    for (int i = (of * 32 + lane) * 8; i < inner; i += 256 << a.sideShift)
                        copyAsync(to + i * 2, from + i);
                });
        }
    }
    // sums [kSlices][8 or 16 rows of x][8 side rows]; what stands for rows that are not there goes nowhere
    template <bool Many, int Warps>
    __device__ __forceinline__ void multiplySlices(const DecodeLaunch& a, std::uint32_t input,
                                                   std::uint32_t rows, float* sums) const {
        constexpr int kRows = Many ? 16 : 8;
        const int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3,
                  last = static_cast<int>(a.linear.batch) - 1;
        const std::uint32_t lowRow = input + min(g, last) * a.inputRowBytes + t * 16,
                            highRow = input + min(g + 8, last) * a.inputRowBytes + t * 16,
                            side = rows + min(g, a.sideRoom - 1) * a.sideRowBytes + t * 64;
#pragma unroll 1
        for (int slice = threadIdx.x >> 5; slice < kSlices; slice += Warps) {
            float sum[4][4] = {};
#pragma unroll 1
            for (int step = slice; step < a.steps; step += kSlices) {
                const std::uint32_t x = step * (kColumns * 2),
                                    from = side + x - (a.halfStep && step == a.steps - 1 ? kColumns : 0);
#pragma unroll
                for (int h = 0; h < 2; ++h) {          // pieces 4 h + t
                    uint4 low[4], high[4] = {}, w[4];  // of rows g and g + 8 of x; of side row g
#pragma unroll
                    for (int q = 0; q < 4; ++q) {
                        low[q] = readShared(lowRow + x + q * 128 + h * 64);
                        if (Many) high[q] = readShared(highRow + x + q * 128 + h * 64);
                        w[q] = readShared(from + h * 256 + q * 16);
                    }
#pragma unroll
                    for (int q = 0; q < 4; ++q) {
                        multiply(sum[q], low[q].x, high[q].x, low[q].y, high[q].y, w[q].x, w[q].y);
                        multiply(sum[q], low[q].z, high[q].z, low[q].w, high[q].w, w[q].z, w[q].w);
                    }
                }
            }
            float* mine = sums + (slice * kRows + g) * 8 + 2 * t;
            const auto of = [&](int i) { return (sum[0][i] + sum[1][i]) + (sum[2][i] + sum[3][i]); };
            *reinterpret_cast<float2*>(mine) = make_float2(of(0), of(1));
            if (Many) *reinterpret_cast<float2*>(mine + 64) = make_float2(of(2), of(3));
        }
    }
    // By one warp: lane (g, t) has side row g, every fourth row of x.
    template <bool Many>
    __device__ __forceinline__ void finish(const DecodeLaunch& a, int first, const float* sums,
                                           bool chained) const {
        constexpr int kRows = Many ? 16 : 8;
        const int lane = threadIdx.x & 31, g = lane >> 2;
        if (g < a.sideRoom)
            forRow(a, first + g, [&](const DecodeSide& side, int row) {
#pragma unroll 1
                for (int b = lane & 3; b < a.linear.batch; b += 4) {
                    float v = 0;
#pragma unroll
                    for (int slice = 0; slice < kSlices; ++slice)
                        v += sums[(slice * kRows + b) * 8 + g];
                    if (chained)
                        pass(side.out + b * side.rows + row, roundAs<Bf16>(v));
                    else
                        side.out[b * side.rows + row] = roundAs<Bf16>(v);
                }
            });
        __syncwarp();
    }
};

// Once the side rows of all blocks are there: LoRA's hidden values in bf16, which is what they are rounded
// to. By one warp.
__device__ __forceinline__ void fetchHidden(const DecodeLaunch& a, Bf16* hidden, bool chained) {
    __syncwarp();
    const int lane = threadIdx.x & 31, batch = static_cast<int>(a.linear.batch);
#pragma unroll 1
    for (int p = 0; p < a.linear.partCount; ++p) {
        const DecodePart& part = a.linear.parts[p];
        if (!part.loraB) continue;
        const int rank = static_cast<int>(part.rank), padded = (rank + 31) / 32 * 32;
#pragma unroll 1
        for (int b = 0; b < batch; ++b)
#pragma unroll 2
            for (int i = lane; i < padded; i += 32)
                hidden[(p * batch + b) * a.hiddenStride + i] = __float2bfloat16_rn(
                    i < rank ? awaitPassed(part.loraHidden + b * rank + i, chained) : 0.0f);
    }
}

}  // namespace caravan::kernels::cuda
