// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/device.cuh"

// How the element-wise kernels of the adapters go over rows.
namespace caravan::kernels::cuda {

inline constexpr int kThreads = 256;

// Rows share a block by powers of two: no division. A thread takes every `lanes`-th group of eight columns.
struct RowShare {
    std::uint32_t bits;  // 2^bits threads a row
    __device__ __forceinline__ std::uint32_t row() const {
        return blockIdx.x * (static_cast<std::uint32_t>(kThreads) >> bits) + (threadIdx.x >> bits);
    }
    __device__ __forceinline__ std::uint32_t first() const { return (threadIdx.x & ((1u << bits) - 1)) * 8; }
    __device__ __forceinline__ std::uint32_t step() const { return 8u << bits; }
    unsigned blocks(std::int64_t rows) const { return blocksFor(rows, kThreads >> bits); }
};
inline RowShare shareOf(std::int64_t columns) {
    RowShare share{0};
    while ((1 << share.bits) < kThreads && (std::int64_t{8} << share.bits) < columns)
        ++share.bits;
    return share;
}

// Eight columns from p, or what is left of the row.
template <class T>
__device__ __forceinline__ void load(const T* p, std::int64_t left, bool whole, float* v) {
    if (whole) {
        const auto e = loadEight(p);
        for (int i = 0; i < 8; ++i)
            v[i] = e.v[i];
    } else {
        for (int i = 0; i < 8; ++i)
            v[i] = i < left ? toFloat(p[i]) : 0.0f;
    }
}
template <class T>
__device__ __forceinline__ void store(T* p, std::int64_t left, bool whole, const float* v) {
    if (whole) {
        storeEight(p, v);
    } else {
        for (int i = 0; i < 8 && i < left; ++i)
            p[i] = fromFloat<T>(v[i]);
    }
}

}  // namespace caravan::kernels::cuda
