// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cuda/graph_pool.h"

#include <c10/cuda/CUDACachingAllocator.h>

#include <atomic>

namespace caravan::engine::cuda {
namespace {

namespace allocator = c10::cuda::CUDACachingAllocator;

// The library numbers its own pools from 1.
constexpr std::uint64_t kFirst = std::uint64_t{1} << 40;

c10::MempoolId_t idOf(std::uint64_t pool) {
    return {0, pool};
}
c10::DeviceIndex indexOf(int device) {
    return static_cast<c10::DeviceIndex>(device);
}

int create(int device, std::uint64_t* pool) {
    static std::atomic<std::uint64_t> next{kFirst};
    *pool = next++;
    allocator::createOrIncrefPool(indexOf(device), idOf(*pool));
    return 0;
}
int release(int device, std::uint64_t pool) {
    allocator::releasePool(indexOf(device), idOf(pool));
    return 0;
}
int begin(int device, std::uint64_t pool, kernels::cuda::Stream stream) {
    allocator::beginAllocateToPool(indexOf(device), idOf(pool),
                                   [stream](cudaStream_t asking) { return asking == stream; });
    return 0;
}
// begin() counted as an owner of the pool.
int end(int device, std::uint64_t pool) {
    allocator::endAllocateToPool(indexOf(device), idOf(pool));
    allocator::releasePool(indexOf(device), idOf(pool));
    return 0;
}

}  // namespace

GraphPoolTable makeGraphPoolTable() {
    return {.create = create, .release = release, .begin = begin, .end = end};
}

}  // namespace caravan::engine::cuda
