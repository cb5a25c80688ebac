// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cuda_fp8.h>

#include <cfloat>

#include "kernels/common/device.cuh"
#include "kernels/e4m3/e4m3.h"

namespace caravan::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWide = 8;  // values a thread takes at once

__device__ __forceinline__ float largestIn(const Eight<Bf16>& e, float largest, bool& finite) {
#pragma unroll
    for (int i = 0; i < kWide; ++i) {
        largest = fmaxf(largest, fabsf(e.v[i]));
        finite &= fabsf(e.v[i]) <= FLT_MAX;
    }
    return largest;
}

__device__ __forceinline__ void storeCodes(std::uint8_t* to, const Eight<Bf16>& e, float factor) {
    std::uint32_t words[2];
#pragma unroll
    for (int w = 0; w < 2; ++w) {
        std::uint32_t low = __nv_cvt_float2_to_fp8x2(
            make_float2(__fmul_rn(e.v[4 * w], factor), __fmul_rn(e.v[4 * w + 1], factor)), __NV_SATFINITE,
            __NV_E4M3);
        std::uint32_t high = __nv_cvt_float2_to_fp8x2(
            make_float2(__fmul_rn(e.v[4 * w + 2], factor), __fmul_rn(e.v[4 * w + 3], factor)), __NV_SATFINITE,
            __NV_E4M3);
        words[w] = low | high << 16;
    }
    *reinterpret_cast<uint2*>(to) = make_uint2(words[0], words[1]);
}

// What a whole block agrees on: how x becomes codes, and the scale that turns them back.
struct RowScale {
    float factor, scale;
    __device__ __forceinline__ RowScale(float largest, bool finite) {
        largest = blockReduce(largest, 0.0F, Larger{});
        if (!__syncthreads_and(finite)) largest = __int_as_float(0x7FC00000);
        const float bounded = largest <= FLT_MIN ? kE4m3Largest : largest;  // a NaN stays one
        factor = __fdiv_rn(kE4m3Largest, bounded);
        scale = __fdiv_rn(bounded, kE4m3Largest);
    }
};

// One block per row; a thread keeps its values in registers between the largest one's search and rounding.
template <int kTurns>
__global__ void __launch_bounds__(kThreads) rowKernel(E4m3Rows r) {
    const auto* x = static_cast<const Bf16*>(r.x) + blockIdx.x * r.rowStride;
    auto* codes = static_cast<std::uint8_t*>(r.codes) + blockIdx.x * r.columns;
    Eight<Bf16> held[kTurns];
    float largest = 0;
    bool finite = true;
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
        const std::int64_t c = (turn * kThreads + threadIdx.x) * std::int64_t{kWide};
        if (c >= r.columns) break;
        held[turn] = loadEight(x + c);
        largest = largestIn(held[turn], largest, finite);
    }
    const RowScale row(largest, finite);
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
        const std::int64_t c = (turn * kThreads + threadIdx.x) * std::int64_t{kWide};
        if (c < r.columns) storeCodes(codes + c, held[turn], row.factor);
    }
    if (threadIdx.x == 0) r.scale[blockIdx.x] = row.scale;
}

// Rows of any length are read twice.
__global__ void __launch_bounds__(kThreads) longRowKernel(E4m3Rows r) {
    const auto* x = static_cast<const Bf16*>(r.x) + blockIdx.x * r.rowStride;
    auto* codes = static_cast<std::uint8_t*>(r.codes) + blockIdx.x * r.columns;
    float largest = 0;
    bool finite = true;
    for (std::int64_t c = threadIdx.x * kWide; c < r.columns; c += kThreads * kWide)
        largest = largestIn(loadEight(x + c), largest, finite);
    const RowScale row(largest, finite);
    for (std::int64_t c = threadIdx.x * kWide; c < r.columns; c += kThreads * kWide)
        storeCodes(codes + c, loadEight(x + c), row.factor);
    if (threadIdx.x == 0) r.scale[blockIdx.x] = row.scale;
}

}  // namespace

int quantizeE4m3(const E4m3Rows& r, Stream stream) {
    if (r.rows == 0 || r.columns == 0) return 0;
    if (r.columns % kWide != 0 || r.rowStride % kWide != 0 || !aligned16(r.x))
        return static_cast<int>(cudaErrorInvalidValue);
    const auto grid = static_cast<unsigned>(r.rows);
    const auto s = static_cast<cudaStream_t>(stream);
    constexpr std::int64_t kTurn = kThreads * kWide;
    if (r.columns <= 2 * kTurn)
        rowKernel<2><<<grid, kThreads, 0, s>>>(r);
    else if (r.columns <= 6 * kTurn)
        rowKernel<6><<<grid, kThreads, 0, s>>>(r);
    else if (r.columns <= 11 * kTurn)
        rowKernel<11><<<grid, kThreads, 0, s>>>(r);
    else
        longRowKernel<<<grid, kThreads, 0, s>>>(r);
    return launched();
}

}  // namespace caravan::kernels::cuda
