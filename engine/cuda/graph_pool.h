// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// Part of the plugin's table: tensors whose memory a captured graph goes on using. What a stream asks for
// between begin and end comes from the pool, and the pool keeps it until the last release. Functions return 0
// or a CUDA error; what the allocator objects to is thrown.
namespace caravan::engine::cuda {

struct GraphPoolTable {
    int (*create)(int device, std::uint64_t* pool);
    int (*release)(int device, std::uint64_t pool);
    int (*begin)(int device, std::uint64_t pool, kernels::cuda::Stream stream);
    int (*end)(int device, std::uint64_t pool);
};
[[nodiscard]] GraphPoolTable makeGraphPoolTable();

}  // namespace caravan::engine::cuda
