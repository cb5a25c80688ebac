// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cuda_fp16.h>

#include "kernels/common/bulk_copy.cuh"
#include "kernels/common/wgmma.cuh"

// How an fp32 number becomes two of fp16: after a power of two that brings the largest number of its row (of
// a; over the 32 inner indices of a chunk) or of its 32 columns (of b) to [2^14, 2^15), x = high + low with
// at most 2^-23 of x left out, and 2^-40 of that largest number where low has no more bits. a b is low high +
// high low + high high: what is left out is below 2^-22 |a||b|.
//
// Order of a chunk's inner indices on the tensor cores: place 2 q + e of piece p (eight places) is index
// 16 (p / 2) + 4 q + 2 (p % 2) + e, so that a thread's share of a row is two times four neighbours. Order of
// b's columns: row 32 w + 8 j + 2 q + e of its tile is column 32 w + 16 e + 4 q + j, so that a thread's share
// of a row of the result is four neighbours at a time.
namespace caravan::kernels::cuda::fp32 {

inline constexpr int kDeep = 32;  // inner indices of a chunk, and of the longest sum on the tensor cores

struct Scale {
    float up, down;  // powers of two, each other's inverse
};
__device__ __forceinline__ Scale scaleFor(float largest) {
    const std::uint32_t exponent = max(__float_as_uint(largest) >> 23, 15u);
    return {__uint_as_float((268u - exponent) << 23), __uint_as_float((exponent - 14u) << 23)};
}

struct Halves {
    std::uint32_t high, low;
};
// Of x and y, x in the lower half of each word.
__device__ __forceinline__ Halves halvesOf(float x, float y, float up) {
    x *= up, y *= up;
    const __half2 high = __floats2half2_rn(x, y);
    const __half2 low = __floats2half2_rn(x - __low2float(high), y - __high2float(high));
    return {*reinterpret_cast<const std::uint32_t*>(&high), *reinterpret_cast<const std::uint32_t*>(&low)};
}

// sum [64, N] = or += a [64, 16] b [16, N] in fp16, b in shared memory with the inner index inside; as
// wgmmaRegisters.
// clang-format off
__device__ __forceinline__ void multiplyHalves(float (&sum)[32], const std::uint32_t (&a)[4], std::uint64_t b, bool add) {
    CARAVAN_WGMMA(asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %37, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
        "{%32, %33, %34, %35}, %36, p, 1, 1, 0;\n}\n"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3]), "+f"(sum[4]), "+f"(sum[5]), "+f"(sum[6]), "+f"(sum[7]), "+f"(sum[8]), "+f"(sum[9]), "+f"(sum[10]), "+f"(sum[11]), "+f"(sum[12]), "+f"(sum[13]), "+f"(sum[14]), "+f"(sum[15]), "+f"(sum[16]), "+f"(sum[17]), "+f"(sum[18]), "+f"(sum[19]), "+f"(sum[20]), "+f"(sum[21]), "+f"(sum[22]), "+f"(sum[23]), "+f"(sum[24]), "+f"(sum[25]), "+f"(sum[26]), "+f"(sum[27]), "+f"(sum[28]), "+f"(sum[29]), "+f"(sum[30]), "+f"(sum[31])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<std::int32_t>(add))));
}
__device__ __forceinline__ void multiplyHalves(float (&sum)[64], const std::uint32_t (&a)[4], std::uint64_t b, bool add) {
    CARAVAN_WGMMA(asm volatile(
        "{\n.reg .pred p;\nsetp.ne.b32 p, %69, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
        "{%64, %65, %66, %67}, %68, p, 1, 1, 0;\n}\n"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3]), "+f"(sum[4]), "+f"(sum[5]), "+f"(sum[6]), "+f"(sum[7]), "+f"(sum[8]), "+f"(sum[9]), "+f"(sum[10]), "+f"(sum[11]), "+f"(sum[12]), "+f"(sum[13]), "+f"(sum[14]), "+f"(sum[15]), "+f"(sum[16]), "+f"(sum[17]), "+f"(sum[18]), "+f"(sum[19]), "+f"(sum[20]), "+f"(sum[21]), "+f"(sum[22]), "+f"(sum[23]), "+f"(sum[24]), "+f"(sum[25]), "+f"(sum[26]), "+f"(sum[27]), "+f"(sum[28]), "+f"(sum[29]), "+f"(sum[30]), "+f"(sum[31]), "+f"(sum[32]), "+f"(sum[33]), "+f"(sum[34]), "+f"(sum[35]), "+f"(sum[36]), "+f"(sum[37]), "+f"(sum[38]), "+f"(sum[39]), "+f"(sum[40]), "+f"(sum[41]), "+f"(sum[42]), "+f"(sum[43]), "+f"(sum[44]), "+f"(sum[45]), "+f"(sum[46]), "+f"(sum[47]), "+f"(sum[48]), "+f"(sum[49]), "+f"(sum[50]), "+f"(sum[51]), "+f"(sum[52]), "+f"(sum[53]), "+f"(sum[54]), "+f"(sum[55]), "+f"(sum[56]), "+f"(sum[57]), "+f"(sum[58]), "+f"(sum[59]), "+f"(sum[60]), "+f"(sum[61]), "+f"(sum[62]), "+f"(sum[63])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<std::int32_t>(add))));
}
// clang-format on

}  // namespace caravan::kernels::cuda::fp32
