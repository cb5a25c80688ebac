// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/bulk_copy.cuh"
#include "kernels/common/dependent.cuh"
#include "kernels/common/device.cuh"

// Clusters of blocks that reach each other's shared memory (sm_90 and later).
namespace caravan::kernels::cuda {

// A barrier of the cluster's threads in two halves, which orders nothing but initialised barriers
// (barriersReady()).
__device__ __forceinline__ void clusterArrive() {
    CARAVAN_BULK(asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory"));
}
__device__ __forceinline__ void clusterAwait() {
    CARAVAN_BULK(asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"));
}
// To the same variable of another block, whose barrier expects the four bytes.
__device__ __forceinline__ void storeInCluster(float* shared, Barrier& barrier, int rank, float value) {
    CARAVAN_BULK(asm volatile(
        "{\n.reg .b32 to, bar;\nmapa.shared::cluster.u32 to, %0, %2;\nmapa.shared::cluster.u32 bar, %1, %2;\n"
        "st.async.shared::cluster.mbarrier::complete_tx::bytes.b32 [to], %3, [bar];\n}\n" ::"r"(
            sharedAddress(shared)),
        "r"(sharedAddress(&barrier)), "r"(rank), "r"(__float_as_uint(value))
        : "memory"));
}

// A dependent launch (dependent.cuh) in clusters of so many neighbouring blocks of a row.
template <class... Parameters, class... Arguments>
int launchCluster(void (*kernel)(Parameters...), dim3 grid, unsigned blocks, unsigned threads,
                  std::size_t shared, Stream stream, const Arguments&... arguments) {
    if (shared > 48 * 1024)
        if (const auto error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                    static_cast<int>(shared)))
            return static_cast<int>(error);
    keepSplit(reinterpret_cast<const void*>(kernel));
    cudaLaunchAttribute attributes[2]{};
    attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[0].val.programmaticStreamSerializationAllowed = 1;
    attributes[1].id = cudaLaunchAttributeClusterDimension;
    attributes[1].val.clusterDim = {blocks, 1, 1};
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = dim3(threads);
    config.dynamicSmemBytes = shared;
    config.stream = stream;
    config.attrs = attributes;
    config.numAttrs = 2;
    return static_cast<int>(cudaLaunchKernelEx(&config, kernel, arguments...));
}

}  // namespace caravan::kernels::cuda
