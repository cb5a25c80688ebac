// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/gradient_sums.h"

#include "engine/ops/dispatch.h"
#include "engine/ops/live_step.h"
#include "engine/ops/parallel.h"
#include "engine/ops/timeline.h"

namespace caravan::engine::ops {

void addGradients(at::Tensor& sum, at::Tensor& part, std::int64_t first, const RandomKey& key) {
    const PartScope scope(Part::Optimizer);
    require(sum.is_contiguous() && sum.scalar_type() == at::kBFloat16 && first % 8 == 0, "addGradients",
            "a flat bf16 sum that begins at a multiple of 8", sum);
    require(part.is_contiguous() && part.scalar_type() == at::kFloat && part.numel() == sum.numel(),
            "addGradients", "an fp32 part like the sum", part);
    const kernels::GradientSum gradient{static_cast<std::uint16_t*>(sum.data_ptr()), data<float>(part), first,
                                        philoxKey(key), key.rowOffset};
    if (sum.is_cuda()) {
        checkLaunch("addGradients",
                    cudaTable().addGradients(gradient, sum.numel(), liveStep(), streamOf(sum)));
        return;
    }
    parallelRows(sum.numel(), 16384,
                 [&](std::int64_t begin, std::int64_t end) { kernels::addGradients(gradient, begin, end); });
}

}  // namespace caravan::engine::ops
