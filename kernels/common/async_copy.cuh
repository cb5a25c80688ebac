// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/device.cuh"

// Asynchronous copies of a thread into shared memory (compute capability 8.0 and above), past the first
// cache. It closes groups of them and awaits all but the last few; other threads see them behind a barrier.
// Places in shared memory are sharedAddress().
namespace caravan::kernels::cuda {

// 16 bytes, both places aligned to them.
__device__ __forceinline__ void copyAsync(std::uint32_t to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}
// The first `bytes` of 16, zeros behind them; with 0 nothing is read.
__device__ __forceinline__ void copyAsync(std::uint32_t to, const void* from, int bytes) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}
// Four bytes, through the first cache.
__device__ __forceinline__ void copyWordAsync(std::uint32_t to, const void* from) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(to), "l"(from) : "memory");
}
__device__ __forceinline__ void closeGroup() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
// All groups but the last `Left`.
template <int Left>
__device__ __forceinline__ void awaitGroups() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Left) : "memory");
}
// All copies, in groups or not.
__device__ __forceinline__ void awaitCopies() {
    asm volatile("cp.async.wait_all;" ::: "memory");
}

}  // namespace caravan::kernels::cuda
