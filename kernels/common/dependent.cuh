// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/common/launch.h"

// Kernels that follow each other closely (programmatic dependent launch, sm_90 and later; plain order
// before). Every kernel of such a chain calls previousDone() in all threads and allowNext() only after it:
// then, ahead of its own previousDone(), a kernel may read constants and whatever the last kernel but one
// wrote.
namespace caravan::kernels::cuda {

__device__ __forceinline__ void previousDone() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void allowNext() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
__device__ __forceinline__ void prefetchL2(const void* p) {
    asm volatile("prefetch.global.L2 [%0];" ::"l"(p));
}
// Block `block` of `blocks`: its share of some bytes (less than 512 MB over the blocks) that a later kernel
// reads, into the L2 cache; by one thread.
__device__ __forceinline__ void prefetchShare(const void* p, std::int64_t bytes, unsigned block,
                                              unsigned blocks) {
#if __CUDA_ARCH__ >= 900
    if (!p) return;
    const auto lines = static_cast<std::uint32_t>(bytes / 128), begin = lines * block / blocks,
               end = lines * (block + 1) / blocks;
    if (end > begin)
        asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(static_cast<const char*>(p) +
                                                                        std::int64_t{begin} * 128),
                     "r"((end - begin) * 128)
                     : "memory");
#endif
}

struct DeviceTraits {
    int multiprocessors = 0, sharedPerBlock = 0, major = 0;
};
// Of the current device.
inline const DeviceTraits& deviceTraits() {
    static DeviceTraits traits[64];
    int device = 0;
    cudaGetDevice(&device);
    DeviceTraits& t = traits[device < 64 ? device : 63];
    if (t.multiprocessors == 0) {
        cudaDeviceGetAttribute(&t.major, cudaDevAttrComputeCapabilityMajor, device);
        cudaDeviceGetAttribute(&t.sharedPerBlock, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
        cudaDeviceGetAttribute(&t.multiprocessors, cudaDevAttrMultiProcessorCount, device);
    }
    return t;
}

// Blocks that a multiprocessor holds at once; at least 1.
template <class... Parameters>
int residentBlocks(void (*kernel)(Parameters...), int threads, std::size_t shared) {
    int blocks = 0;
    if (shared > 48 * 1024)
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
    cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, shared);
    return blocks > 0 ? blocks : 1;
}

// Kernels of a chain ask for one split of a multiprocessor's memory into shared memory and first cache (164
// of 228 KB on Hopper; those that need more get more): between kernels of different splits it has to run
// empty, so that none begins before the other's end. One H200, a token of 7B 2,680 us without this, 2,440
// with it, 2,525 with 132 KB, 2,700 with all: what the NF4 linears have under way needs the first cache
// (since they load whole lines 132 KB are as good).
inline void keepSplit(const void* kernel) {
    constexpr int kPercentShared = 72;
    cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, kPercentShared);
}

template <class... Parameters, class... Arguments>
int launchDependent(void (*kernel)(Parameters...), dim3 grid, unsigned threads, std::size_t shared,
                    Stream stream, const Arguments&... arguments) {
    if (shared > 48 * 1024)
        if (const auto error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                    static_cast<int>(shared)))
            return static_cast<int>(error);
    keepSplit(reinterpret_cast<const void*>(kernel));
    cudaLaunchAttribute attribute{};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = dim3(threads);
    config.dynamicSmemBytes = shared;
    config.stream = stream;
    config.attrs = &attribute;
    config.numAttrs = deviceTraits().major >= 9 ? 1 : 0;
    return static_cast<int>(cudaLaunchKernelEx(&config, kernel, arguments...));
}

}  // namespace caravan::kernels::cuda
