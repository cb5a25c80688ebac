// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cuda.h>

#include "kernels/common/device.cuh"

// Hopper's copy engine (sm_90 and later): bulk copies into shared memory that report to a barrier there.
namespace caravan::kernels::cuda {

#if __CUDA_ARCH__ >= 900
#define CARAVAN_BULK(statement) statement
#else
#define CARAVAN_BULK(statement) __trap()
#endif

// compute-sanitizer's racecheck orders what a lane has read by that lane's own arrival alone, not by
// __syncwarp() and one lane's: for it every lane arrives.
#if defined(CARAVAN_EVERY_LANE_ARRIVES)
inline constexpr int kWarpArrivals = 32;
#else
inline constexpr int kWarpArrivals = 1;
#endif

// A barrier in shared memory whose phase ends after count arrivals and all bytes that were announced.
struct Barrier {
    std::uint64_t word;

    __device__ __forceinline__ void init(int count) {
        CARAVAN_BULK(
            asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(sharedAddress(this)), "r"(count)
                         : "memory"));
    }
    __device__ __forceinline__ void arrive() {
        CARAVAN_BULK(asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(sharedAddress(this))
                                  : "memory"));
    }
    // All lanes of a warp have read what this barrier guards; it counts kWarpArrivals for a warp.
    __device__ __forceinline__ void arriveAsWarp() {
        __syncwarp();
        if (kWarpArrivals > 1 || (threadIdx.x & 31) == 0) arrive();
    }
    __device__ __forceinline__ void arriveExpecting(std::uint32_t bytes) {
        CARAVAN_BULK(asm volatile(
            "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(sharedAddress(this)), "r"(bytes)
            : "memory"));
    }
    // Until the phase of this parity (0, 1, 0, ...) has ended.
    __device__ __forceinline__ void wait(std::uint32_t parity) {
        CARAVAN_BULK(
            asm volatile("{\n.reg .pred done;\nagain:\n"
                         "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
                         "@!done bra again;\n}\n" ::"r"(sharedAddress(this)),
                         "r"(parity)
                         : "memory"));
    }
};
// After the barriers' init, before other threads and the copy engine use them (a __syncthreads() follows).
__device__ __forceinline__ void barriersReady() {
    CARAVAN_BULK(asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"));
}

// bytes: a multiple of 16, both addresses too.
__device__ __forceinline__ void copyBulk(void* to, const void* from, std::uint32_t bytes, Barrier& barrier) {
    CARAVAN_BULK(asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
            sharedAddress(to)),
        "l"(from), "r"(bytes), "r"(sharedAddress(&barrier))
        : "memory"));
}
// The same for what is read once: the first to leave the L2 cache.
__device__ __forceinline__ void copyBulkOnce(void* to, const void* from, std::uint32_t bytes,
                                             Barrier& barrier) {
    CARAVAN_BULK(asm volatile(
        "{\n.reg .b64 policy;\ncreatepolicy.fractional.L2::evict_first.b64 policy, 1.0;\n"
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], "
        "%2, [%3], policy;\n}\n" ::"r"(sharedAddress(to)),
        "l"(from), "r"(bytes), "r"(sharedAddress(&barrier))
        : "memory"));
}
// A box of a four-dimensional tensor whose first element has these coordinates; what lies outside is zero.
__device__ __forceinline__ void copyBox(void* to, const CUtensorMap& map, int c0, int c1, int c2, int c3,
                                        Barrier& barrier) {
    CARAVAN_BULK(asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, "
        "%6}], [%2];" ::"r"(sharedAddress(to)),
        "l"(&map), "r"(sharedAddress(&barrier)), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
        : "memory"));
}
__device__ __forceinline__ void prefetchMap(const CUtensorMap& map) {
    CARAVAN_BULK(asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory"));
}

// Registers per thread of a whole warpgroup, multiples of 8: a kernel with __launch_bounds__(threads, 1).
template <int Count>
__device__ __forceinline__ void takeRegisters() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Count));
#endif
}
template <int Count>
__device__ __forceinline__ void leaveRegisters() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Count));
#endif
}

using EncodeTiled = decltype(&cuTensorMapEncodeTiled);
// Null where the driver has none; found at run time, so that nothing links the driver.
inline EncodeTiled encodeTiled() {
    static const EncodeTiled function = [] {
        void* entry = nullptr;
        cudaDriverEntryPointQueryResult result{};
        const auto error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000,
                                                            cudaEnableDefault, &result);
        return error == cudaSuccess && result == cudaDriverEntryPointSuccess
                   ? reinterpret_cast<EncodeTiled>(entry)
                   : nullptr;
    }();
    return function;
}

}  // namespace caravan::kernels::cuda
