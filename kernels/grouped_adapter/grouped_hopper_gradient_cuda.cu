// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "kernels/common/dependent.cuh"
#include "kernels/grouped_adapter/hopper_gradient.cuh"

namespace caravan::kernels::cuda {
namespace {

using namespace grouped;

__global__ void __launch_bounds__(kGradientThreads, 1)
    gradientKernel(const __grid_constant__ CUtensorMap aMap, const __grid_constant__ CUtensorMap bMap,
                   const __grid_constant__ CUtensorMap sumMap, const __grid_constant__ GradientJob job) {
    extern __shared__ __align__(1024) unsigned char memory[];
    auto& s = *reinterpret_cast<GradientShared*>(memory + (1024 - sharedAddress(memory) % 1024) % 1024);
    if (threadIdx.x == 0) {
        prefetchMap(aMap);
        prefetchMap(bMap);
        prefetchMap(sumMap);
        for (int i = 0; i < kGradientStages; ++i) {
            s.full[i].init(1);
            s.empty[i].init(4 * kGroups * kWarpArrivals);
        }
        s.items.init(4 * kGroups);
        barriersReady();
    }
    orderExperts(s, job);
    __syncthreads();
    const int group = __shfl_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x / 128), 0);
    if (group == 0) {
        leaveRegisters<56>();
        if (threadIdx.x == 0) loadSlots(s, aMap, bMap, job);
    } else {
        takeRegisters<224>();
        sumSlots(s, sumMap, job, group - 1);
    }
}

// [experts * left][right] in boxes of a warp.
bool describeSums(CUtensorMap& map, const GroupedHopperGradient& g) {
    const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(g.shape.right),
                                 static_cast<cuuint64_t>(g.shape.experts * g.shape.left)},
                     strides[1] = {static_cast<cuuint64_t>(g.shape.right) * 4};
    const cuuint32_t box[2] = {kBoxColumns, kBoxRows}, steps[2] = {1, 1};
    return encodeTiled()(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 2, g.sum, sizes, strides, box, steps,
                         CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                         CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

}  // namespace

bool groupedHopperTakesGradient(const GroupedGradientShape& shape) {
    return shape.left > 0 && shape.left % kRows == 0 && shape.right > 0 && shape.right % kColumns == 0 &&
           shape.experts <= kMostExperts && shape.slots < (std::int64_t{1} << 30) &&
           shape.experts * (shape.left / kRows) * (shape.right / kColumns) < (std::int64_t{1} << 30) &&
           deviceTraits().major == 9 && encodeTiled() != nullptr;
}

int groupedHopperGradient(const GroupedHopperGradient& g, Stream stream) {
    if (g.shape.slots == 0) return 0;
    constexpr int kBytes = sizeof(GradientShared) + 1024;
    if (const auto error =
            cudaFuncSetAttribute(gradientKernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes))
        return static_cast<int>(error);
    CUtensorMap a{}, b{}, sum{};
    if (!encodeTiled() || !describe(a, g.a, g.shape.slots, g.shape.left, kDeep, kRows / 64) ||
        !describe(b, g.b, g.shape.slots, g.shape.right, kDeep, kColumns / 64) || !describeSums(sum, g))
        return static_cast<int>(cudaErrorInvalidValue);
    GradientJob job{};
    job.rowTiles = static_cast<int>(g.shape.left / kRows);
    job.columnTiles = static_cast<int>(g.shape.right / kColumns);
    job.experts = static_cast<int>(g.shape.experts);
    job.offsets = g.offsets;
    job.counter = g.counters;
    const std::int64_t most = g.shape.experts * job.rowTiles * job.columnTiles;
    const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(deviceTraits().multiprocessors, most));
    gradientKernel<<<blocks, kGradientThreads, kBytes, stream>>>(a, b, sum, job);
    return launched();
}

}  // namespace caravan::kernels::cuda
