// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/live_step.h"

#include "engine/ops/dispatch.h"
#include "engine/ops/timeline.h"

namespace caravan::engine::ops {
namespace {
thread_local const kernels::StepWords* t_words = nullptr;
}  // namespace

LiveStep::LiveStep(const kernels::StepWords* words) {
    t_words = words;
}
LiveStep::~LiveStep() {
    t_words = nullptr;
}
const kernels::StepWords* liveStep() {
    return t_words;
}

void observeBalance(const Routing& routing, BalanceSums& sums) {
    const PartScope scope(Part::Router);
    const at::Tensor& logits = routing.logits;
    const std::int64_t tokens = logits.size(0), experts = logits.size(1);
    require(liveStep() && logits.is_cuda() && logits.scalar_type() == at::kFloat, "observeBalance",
            "a live step on a GPU", logits);
    require(sums.counts.numel() == experts && sums.counts.scalar_type() == at::kFloat, "observeBalance",
            "counts [E]", sums.counts);
    require(sums.share.numel() == experts && sums.share.scalar_type() == at::kFloat, "observeBalance",
            "shares [E]", sums.share);
    const at::Tensor scratch = at::empty({tokens + experts}, logits.options());
    const kernels::cuda::BalanceArguments arguments{data<float>(logits),
                                                    data<std::int32_t>(routing.chosen),
                                                    tokens,
                                                    experts,
                                                    routing.weights.size(1),
                                                    liveStep(),
                                                    data<float>(sums.counts),
                                                    data<float>(sums.share),
                                                    data<float>(sums.value),
                                                    data<float>(scratch)};
    checkLaunch("observeBalance", cudaTable().observeBalance(arguments, streamOf(logits)));
}

}  // namespace caravan::engine::ops
