// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/adamw/adamw.h"
#include "kernels/common/device.cuh"
#include "kernels/rounding/rounding.h"

namespace caravan::kernels::cuda {

// Eight neighbours from element `at` on (a multiple of 8) become values that bf16 holds: what stores them
// rounds no more. To the nearest: left to that store.
__device__ __forceinline__ void roundEight(const ParameterRounding& rounding, std::int64_t at, float* value) {
    if (!rounding.atRandom) return;
    const PhiloxBlock block = philox(rounding.key, static_cast<std::uint64_t>(at) / 8);
#pragma unroll
    for (int i = 0; i < 8; ++i)
        value[i] = floatOf(bf16AtRandom(value[i], halfWord(block, i)));
}

}  // namespace caravan::kernels::cuda
