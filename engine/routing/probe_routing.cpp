// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/probe_routing.h"

#include <ATen/Functions.h>

#include "engine/routing/statistics.h"
#include "engine/train/token_batch.h"

namespace caravan::engine::routing {

RoutingSums::RoutingSums(const model::Model& model, std::vector<std::string> domains) {
    if (model.sparseLayers().empty())
        throw EngineException(ErrorCode::Unsupported,
                              {{"what", "routing statistics"}, {"detail", "the model has no experts"}});
    const MoeConfig& moe = *model.config().moe;
    const auto fp32 = at::TensorOptions().dtype(at::kFloat).device(model.device());
    const auto columns = static_cast<std::int64_t>(domains.size());
    for (std::size_t i = 0; i < model.sparseLayers().size(); ++i)
        m_sums.push_back({at::zeros({moe.experts, columns, 2, 2, 2}, fp32), at::zeros({5}, fp32),
                          at::zeros({moe.experts}, fp32)});
    m_record.layers = model.sparseLayers();
    m_record.experts = moe.experts;
    m_record.topK = moe.topK;
    m_record.domains = std::move(domains);
}

void RoutingSums::add(std::size_t slot, const ops::Routing& routing, const at::Tensor& domain,
                      const at::Tensor& role) {
    ops::accumulateRouting(routing, domain, role, m_sums[slot]);
}

RoutingSums::Totals RoutingSums::finish() {
    std::vector<TokenSums> tokenSums;
    std::vector<double> logSumExp;
    for (const auto& sum : m_sums) {
        const at::Tensor load = sum.load.to(at::kCPU).contiguous(),
                         perLayer = sum.perLayer.to(at::kCPU).contiguous();
        const float* values = load.const_data_ptr<float>();
        m_record.values.insert(m_record.values.end(), values, values + load.numel());
        const float* p = perLayer.const_data_ptr<float>();
        tokenSums.push_back({p[0], p[1], p[2], p[3], p[4]});
        logSumExp.push_back(means(tokenSums.back(), m_record.experts).logSumExp);
    }
    return {statisticsOf(std::move(m_record), tokenSums), std::move(logSumExp)};
}

RoutingStatistics probeRouting(model::Model& model, const evaluate::ProbeSet& set,
                               const ProgressFunction& progress, std::stop_token stop) {
    RoutingSums sums(model, set.data.domains());
    Progress state{.stage = "reading the probe set",
                   .total = static_cast<std::int64_t>(set.data.epochRows().size())};
    for (const auto& batch : packMicroBatches(set.data.rows(), set.data.epochRows(),
                                              evaluate::kEvaluationTokens, Packing::Packed)) {
        if (stop.stop_requested())
            throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        std::vector<moe::LayerRouting> routing;
        const auto tokens = train::toDevice(train::makeTokenBatch(batch), model.device());
        static_cast<void>(model.forward(tokens.tokens, {.routing = &routing}));
        for (std::size_t i = 0; i < routing.size(); ++i)
            sums.add(i, routing[i].routing, tokens.domain, tokens.role);
        state.done += static_cast<std::int64_t>(batch.segments());
        if (progress) progress(state);
    }
    return sums.finish().statistics;
}

}  // namespace caravan::engine::routing
