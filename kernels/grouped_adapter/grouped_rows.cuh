// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/device.cuh"
#include "kernels/grouped_adapter/grouped_adapter.h"

// What the two ways of the products per expert share.
namespace caravan::kernels::cuda {

constexpr int kGroupedTile = 64;  // rows and columns of a block's result

// Expert and first row of a row tile; false for a spare one. Row tiles are cut per expert, so a grid holds as
// many tiles more than the rows need as there are experts.
__device__ __forceinline__ bool rowTile(const std::int32_t* offsets, std::int64_t experts, std::int64_t tile,
                                        int& expert, std::int64_t& first) {
    for (expert = 0; expert < experts; ++expert) {
        const std::int64_t tiles = (offsets[expert + 1] - offsets[expert] + kGroupedTile - 1) / kGroupedTile;
        if (tile < tiles) {
            first = offsets[expert] + tile * kGroupedTile;
            return true;
        }
        tile -= tiles;
    }
    return false;
}

// grouped_fp32_cuda.cu
bool suitsTensorCores(const void* rows, const void* weight, const GroupedShape& shape);
bool suitsTensorCores(const void* a, const void* b, const GroupedGradientShape& shape);
int groupedProductFp32(const float* rows, const float* weight, float* out, const std::int32_t* offsets,
                       const GroupedShape& shape, Stream stream);
int groupedGradientFp32(const float* a, const float* b, float* sum, const std::int32_t* offsets,
                        const GroupedGradientShape& shape, float* scratch, Stream stream);

}  // namespace caravan::kernels::cuda
