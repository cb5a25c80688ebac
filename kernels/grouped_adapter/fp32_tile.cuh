// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>

#include "kernels/common/mma.cuh"

// A tile of 64 x 64 of an fp32 product on the tensor cores, by one block of 128 threads: as right as on the
// ordinary cores. Each number is cut into two of tf32's 11 bits, x = high + low; a b is low high + high low +
// high high (what is left out is below 2^-21 of |a||b|). Tensor cores cut their sums off instead of rounding
// them, so that only 16 of the inner dimension are summed there and added to the rest by ordinary additions:
// relative error 2.5e-7 to 2.7e-7 of products of normal numbers over 384 to 1,024, the library's in fp32
// 3.3e-7 to 4.5e-7; summed on the tensor cores alone 2.7e-6 over 384 and 1.4e-5 over 2,048. Compute
// capability 8.0 and above.
//
// Tried for every product of a step of base-16m in fp32 (6,421 rows, 384 and 1,024 wide, LoRA of rank 64; one
// H200, tiles of 64 x 64 to 128 x 128, depth 16 and 32, two to four stages, the inner dimension split or
// not): 15.4 to 18.0 ms, the library on the ordinary cores 15.3. mma.sync gives 145 TFLOP/s of tf32 there, a
// third of it 48 of fp32, where 100 were hoped for. Kept only for the products per expert, for which the
// library has nothing in fp32.
namespace caravan::kernels::cuda::fp32 {

constexpr int kRows = 64, kColumns = 64, kThreads = 128;
constexpr int kDepth = 32, kStages = 3, kBlocks = 3;  // blocks at work on a multiprocessor
constexpr int kWarpSize = 32, kDown = kWarpSize / 16, kAcross = kWarpSize / 8;  // 32 x 32 a warp

// What a block reads of one operand: lines (rows of a, columns of b) by inner, from data on.
struct Operand {
    const float* data;
    std::int64_t stride;
    int lines;
    std::int64_t inner;
};

__device__ __forceinline__ void copySixteen(float* to, const float* from, int bytes) {
    const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(to));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(bytes));
}
__device__ __forceinline__ void closeStage() {
    asm volatile("cp.async.commit_group;");
}
__device__ __forceinline__ void awaitStage() {
    asm volatile("cp.async.wait_group %0;" ::"n"(kStages - 2));
}

// One stage of an operand in shared memory, as it lies in memory: [lines][depth] or [depth][lines]. The
// pitches put the 32 numbers of a fragment into 32 banks.
template <int Lines, bool InnerFirst>
struct Stage {
    static constexpr int kPitch = InnerFirst ? kDepth + 4 : Lines + 8;
    static constexpr int kFloats = kPitch * (InnerFirst ? Lines : kDepth);

    __device__ static float at(const float* stage, int line, int d) {
        return InnerFirst ? stage[line * kPitch + d] : stage[d * kPitch + line];
    }
    // What lies outside becomes zero.
    __device__ static void fetch(float* stage, const Operand& o, std::int64_t first) {
        constexpr int kUnits = (InnerFirst ? kDepth : Lines) / 4;
        for (int i = threadIdx.x; i < Lines * kDepth / 4; i += kThreads) {
            const int outer = i / kUnits, unit = i % kUnits * 4;
            const std::int64_t left = InnerFirst ? (outer < o.lines ? o.inner - first - unit : 0)
                                                 : (first + outer < o.inner ? o.lines - unit : 0);
            const int count = left <= 0 ? 0 : left < 4 ? static_cast<int>(left) : 4;
            const std::int64_t offset =
                InnerFirst ? outer * o.stride + first + unit : (first + outer) * o.stride + unit;
            copySixteen(stage + outer * kPitch + unit, count > 0 ? o.data + offset : o.data, count * 4);
        }
    }
};

// x = high + low; the tensor core reads the upper 19 bits of each, so low is rounded to them.
__device__ __forceinline__ void cut(float x, std::uint32_t& high, std::uint32_t& low) {
    high = __float_as_uint(x) & 0xFFFFE000u;
    low = __float_as_uint(x - __uint_as_float(high)) + 0x1000u;
}

template <bool AInnerFirst, bool BInnerFirst>
struct Tile {
    using A = Stage<kRows, AInnerFirst>;
    using B = Stage<kColumns, BInnerFirst>;
    static constexpr int kFloats = A::kFloats + B::kFloats;
    static constexpr int kBytes = kStages * kFloats * static_cast<int>(sizeof(float));

    float sum[kDown][kAcross][4] = {};

    // shared: kBytes, 16-byte aligned; a.inner == b.inner
    __device__ void run(float* shared, const Operand& a, const Operand& b) {
        const std::int64_t steps = (a.inner + kDepth - 1) / kDepth;
        for (int s = 0; s < kStages - 1; ++s) {
            if (s < steps) fetch(shared, s, a, b);
            closeStage();
        }
        for (std::int64_t step = 0; step < steps; ++step) {
            awaitStage();
            __syncthreads();
            if (step + kStages - 1 < steps) fetch(shared, step + kStages - 1, a, b);
            closeStage();
            const float* stage = shared + step % kStages * kFloats;
#pragma unroll
            for (int d = 0; d < kDepth; d += kSpan)
                multiply(stage, stage + A::kFloats, d);
        }
    }

    // y [rows, columns] of the tile = sum, or y + sum
    __device__ void store(float* y, std::int64_t stride, int rows, int columns, bool add) const {
        const int lane = threadIdx.x & 31;
#pragma unroll
        for (int i = 0; i < kDown; ++i)
#pragma unroll
            for (int j = 0; j < kAcross; ++j)
#pragma unroll
                for (int part = 0; part < 4; ++part) {
                    const int row = warpRow() + i * 16 + part / 2 * 8 + lane / 4,
                              column = warpColumn() + j * 8 + lane % 4 * 2 + part % 2;
                    if (row >= rows || column >= columns) continue;
                    float& to = y[row * stride + column];
                    to = add ? to + sum[i][j][part] : sum[i][j][part];
                }
    }

  private:
    static constexpr int kSpan = 16;  // of the inner dimension, summed on the tensor cores

    __device__ static int warpRow() {
        return static_cast<int>(threadIdx.x / 32) / 2 * kWarpSize;
    }
    __device__ static int warpColumn() {
        return static_cast<int>(threadIdx.x / 32) % 2 * kWarpSize;
    }
    __device__ static void fetch(float* shared, std::int64_t step, const Operand& a, const Operand& b) {
        float* stage = shared + step % kStages * kFloats;
        A::fetch(stage, a, step * kDepth);
        B::fetch(stage + A::kFloats, b, step * kDepth);
    }

    // sum += a b over [d, d + kSpan) of the stage
    __device__ __forceinline__ void multiply(const float* a, const float* b, int d) {
        const int group = (threadIdx.x & 31) / 4, within = threadIdx.x & 3;
        std::uint32_t bHigh[kSpan / 8][kAcross][2], bLow[kSpan / 8][kAcross][2];
#pragma unroll
        for (int e = 0; e < kSpan / 8; ++e)
#pragma unroll
            for (int j = 0; j < kAcross; ++j)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    cut(B::at(b, warpColumn() + j * 8 + group, d + e * 8 + within + half * 4),
                        bHigh[e][j][half], bLow[e][j][half]);
#pragma unroll
        for (int i = 0; i < kDown; ++i) {
            float part[kAcross][4] = {};
#pragma unroll
            for (int e = 0; e < kSpan / 8; ++e) {
                std::uint32_t aHigh[4], aLow[4];
#pragma unroll
                for (int p = 0; p < 4; ++p)
                    cut(A::at(a, warpRow() + i * 16 + p % 2 * 8 + group, d + e * 8 + within + p / 2 * 4),
                        aHigh[p], aLow[p]);
#pragma unroll
                for (int j = 0; j < kAcross; ++j)
                    multiplyTf32(part[j], aLow, bHigh[e][j][0], bHigh[e][j][1]);
#pragma unroll
                for (int j = 0; j < kAcross; ++j)
                    multiplyTf32(part[j], aHigh, bLow[e][j][0], bLow[e][j][1]);
#pragma unroll
                for (int j = 0; j < kAcross; ++j)
                    multiplyTf32(part[j], aHigh, bHigh[e][j][0], bHigh[e][j][1]);
            }
#pragma unroll
            for (int j = 0; j < kAcross; ++j)
#pragma unroll
                for (int p = 0; p < 4; ++p)
                    sum[i][j][p] += part[j][p];
        }
    }
};

// More than 48 KiB of shared memory has to be asked for, once per kernel (its address) and device.
template <auto Kernel>
int allowShared(int bytes) {
    static std::atomic<std::uint64_t> asked{0};  // a bit per device
    int device = 0;
    if (const auto error = cudaGetDevice(&device)) return static_cast<int>(error);
    const std::uint64_t bit = std::uint64_t{1} << (device & 63);
    if (asked.load(std::memory_order_relaxed) & bit) return 0;
    const auto error = cudaFuncSetAttribute(Kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (error == cudaSuccess) asked.fetch_or(bit, std::memory_order_relaxed);
    return static_cast<int>(error);
}

}  // namespace caravan::kernels::cuda::fp32
