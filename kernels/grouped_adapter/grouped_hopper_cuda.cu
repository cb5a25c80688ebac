// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "kernels/grouped_adapter/hopper_finish.cuh"

namespace caravan::kernels::cuda {
namespace {

using namespace grouped;

// At most.
std::int64_t rowTilesOf(const GroupedShape& shape) {
    return blocksFor(shape.slots, kRows) + shape.experts;
}

template <Finish F, Major Right, bool Deep>
__global__ void __launch_bounds__(kThreads, 1)
    productKernel(const __grid_constant__ CUtensorMap rowMap, const __grid_constant__ CUtensorMap weightMap,
                  const __grid_constant__ CUtensorMap outMap, const __grid_constant__ ProductJob job) {
    extern __shared__ __align__(1024) unsigned char memory[];
    using Shared = ProductShared<Deep>;
    auto& s = *reinterpret_cast<Shared*>(memory + (1024 - sharedAddress(memory) % 1024) % 1024);
    if (threadIdx.x == 0) {
        prefetchMap(rowMap);
        prefetchMap(weightMap);
        for (int i = 0; i < Shared::kStages; ++i) {
            s.full[i].init(1);
            s.empty[i].init(4 * kGroups * kWarpArrivals);
        }
        for (int i = 0; i < kGroups; ++i)
            s.resultFull[i].init(4 * kWarpArrivals);
        for (int i = 0; i < Shared::kResults; ++i)
            s.resultEmpty[i].init(kFinishers * kWarpArrivals);
        s.items.init(4 * kGroups + kFinishers);
        barriersReady();
    }
    countTiles(s.experts, job.offsets, job.experts);
    __syncthreads();
    const int warp = __shfl_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x / 32), 0),
              lane = static_cast<int>(threadIdx.x % 32), group = warp / 4;
    if (group < 2) {
        leaveRegisters<96>();
        if (warp > 0)
            Finisher<F, Deep>{s, job, outMap, warp - 1, lane}.finishAll();
        else if (lane == 0)
            loadTiles<Deep, Right>(s, rowMap, weightMap, job);
    } else {
        takeRegisters<160>();
        const LastTile last = multiplyTiles<Deep, Right>(s, job, group - 2);
        Finisher<F, Deep>{s, job, outMap, warp - 8 + kFinishers, lane}.finishLast(last);
    }
}

template <Finish F, Major Right, bool Deep = false>
int launch(const GroupedHopper& p, Stream stream) {
    constexpr int kBytes = sizeof(ProductShared<Deep>) + 1024;
    static_assert(kBytes <= 227 * 1024);
    const auto kernel = productKernel<F, Right, Deep>;
    if (const auto error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes))
        return static_cast<int>(error);
    const GroupedShape& shape = p.shape;
    CUtensorMap rows{}, weight{}, out{};
    if (!encodeTiled() || !describe(rows, p.rows, shape.slots, shape.inner, 64, 1) ||
        !describe(out, p.out, shape.slots, shape.outer, 64, kColumns / 64) ||
        !(shape.transposed
              ? describe(weight, p.weight, shape.experts * shape.outer, shape.inner, kColumns, 1)
              : describe(weight, p.weight, shape.experts * shape.inner, shape.outer, kDeep, kColumns / 64)))
        return static_cast<int>(cudaErrorInvalidValue);
    ProductJob job{};
    job.inner = shape.inner;
    job.outer = shape.outer;
    job.steps = static_cast<int>(shape.inner / kDeep);
    job.heldSteps = heldSteps(F);
    job.columnTiles = static_cast<int>(shape.outer / kColumns);
    job.experts = static_cast<int>(shape.experts);
    job.slots = static_cast<int>(shape.slots);
    job.offsets = p.offsets;
    job.routing = p.routing;
    job.out = static_cast<Bf16*>(p.out);
    job.second = static_cast<Bf16*>(p.second);
    job.left = static_cast<const Bf16*>(p.left);
    job.weights = p.weights;
    job.dWeights = p.dWeights;
    job.partial = p.partial;
    job.s = static_cast<float>(p.s);
    job.counter = p.counters;
    job.done = p.counters + 1;
    const std::int64_t most = rowTilesOf(shape) * job.columnTiles;
    const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(deviceTraits().multiprocessors, most));
    kernel<<<blocks, kThreads, kBytes, stream>>>(rows, weight, out, job);
    return launched();
}

}  // namespace

bool groupedHopperTakes(const GroupedShape& shape) {
    return shape.inner > 0 && shape.inner % kDeep == 0 && shape.outer > 0 && shape.outer % kColumns == 0 &&
           shape.experts <= kMostExperts && shape.slots < (std::int64_t{1} << 30) &&
           shape.experts * std::max(shape.inner, shape.outer) < (std::int64_t{1} << 31) &&
           rowTilesOf(shape) * (shape.outer / kColumns) < (std::int64_t{1} << 30) &&
           deviceTraits().major == 9 && encodeTiled() != nullptr;
}

std::int64_t groupedHopperCounters(const GroupedShape& shape, Finish finish) {
    return 1 + (finish == Finish::Hidden ? rowTilesOf(shape) * (shape.outer / kColumns) : 0);
}
std::int64_t groupedHopperPartial(const GroupedShape& shape) {
    return (shape.outer / kColumns - 1) * shape.slots;
}

int groupedHopper(const GroupedHopper& p, Stream stream) {
    if (p.shape.slots == 0) return 0;
    const bool deep = p.shape.inner >= kDeepSteps * kDeep;
    switch (p.finish) {
        case Finish::Gelu:
            return deep ? launch<Finish::Gelu, Major::Inner, true>(p, stream)
                        : launch<Finish::Gelu, Major::Inner>(p, stream);
        case Finish::Hidden:
            return deep ? launch<Finish::Hidden, Major::Outer, true>(p, stream)
                        : launch<Finish::Hidden, Major::Outer>(p, stream);
        case Finish::Store:
            return p.shape.transposed ? launch<Finish::Store, Major::Inner>(p, stream)
                                      : launch<Finish::Store, Major::Outer>(p, stream);
    }
    return static_cast<int>(cudaErrorInvalidValue);
}

}  // namespace caravan::kernels::cuda
