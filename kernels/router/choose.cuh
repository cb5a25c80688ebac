// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/device.cuh"
#include "kernels/router/router.h"

namespace caravan::kernels::cuda {

// One token's k experts by falling logit and their softmax; the same comparisons as the CPU's, so the same
// choices.
__device__ __forceinline__ void chooseExperts(const float* z, int experts, int k, std::int32_t* picked,
                                              float* w) {
    std::uint32_t taken[kMaxExperts / 32] = {};
    for (int slot = 0; slot < k; ++slot) {
        int best = -1;
        float value = 0;
        for (int e = 0; e < experts; ++e) {
            const float candidate = isnan(z[e]) ? -INFINITY : z[e];
            if (!(taken[e >> 5] >> (e & 31) & 1u) && (best < 0 || candidate > value)) {
                best = e;
                value = candidate;
            }
        }
        taken[best >> 5] |= 1u << (best & 31);
        picked[slot] = best;
        w[slot] = z[best];
    }
    const float top = w[0];
    float sum = 0;
    for (int slot = 0; slot < k; ++slot)
        sum += w[slot] = expf(w[slot] - top);
    for (int slot = 0; slot < k; ++slot)
        w[slot] /= sum;
}

// A sort of few slots in one launch; sortByExpert() takes it up to kFewSlots.
constexpr std::int64_t kFewSlots = 8192;
int sortFew(const std::int32_t* chosen, std::int64_t slots, std::int64_t experts, const SortBuffers& buffers,
            Stream stream);

}  // namespace caravan::kernels::cuda
