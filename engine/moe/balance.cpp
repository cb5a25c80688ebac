// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/moe/balance.h"

#include <ATen/Functions.h>

#include "engine/ops/live_step.h"

namespace caravan::engine::moe {

SwitchBalance::SwitchBalance(double alpha, BalanceScope scope, std::int64_t layers, std::int64_t experts,
                             std::int64_t topK, at::Device device, at::ScalarType type)
    : m_alpha(alpha), m_scope(scope), m_experts(experts), m_topK(topK) {
    const auto options = at::TensorOptions().device(device).dtype(type);
    m_counts = at::zeros({layers, experts}, options);
    m_share = at::zeros({layers, experts}, options);
    m_values = at::zeros({layers}, options);
}

void SwitchBalance::beginStep(std::int64_t tokens) {
    m_stepTokens = tokens;
    m_tokensSoFar = 0;
    m_counts.zero_();
    m_values.zero_();
}

void SwitchBalance::beginMicroBatch(std::int64_t tokens) {
    m_microTokens = tokens;
    m_tokensSoFar = m_scope == BalanceScope::Batch ? m_tokensSoFar + tokens : tokens;
    if (m_scope == BalanceScope::Micro) m_counts.zero_();
}

void SwitchBalance::observe(std::int64_t slot, const ops::Routing& routing) {
    ops::BalanceSums sums{m_counts[slot], m_share[slot], m_values[slot]};
    if (ops::liveStep()) {
        ops::observeBalance(routing, sums);
        return;
    }
    const Scalars now = scalars();
    sums.counts.add_(routing.counts);
    at::div_out(sums.share, sums.counts, at::scalar_tensor(now.counted));
    const at::Tensor probability = at::softmax(routing.logits, 1).mean(0);
    sums.value.add_((sums.share * probability).sum(), now.valueShare);
}

SwitchBalance::Scalars SwitchBalance::scalars() const {
    const auto experts = static_cast<double>(m_experts), all = static_cast<double>(m_stepTokens);
    return {.counted = static_cast<double>(m_topK * m_tokensSoFar),
            .valueShare = experts * static_cast<double>(m_microTokens) / all,
            .coefficient = m_alpha * experts / all};
}

BalanceGradient SwitchBalance::gradient(std::int64_t slot) const {
    return {m_share[slot], scalars().coefficient};
}

}  // namespace caravan::engine::moe
