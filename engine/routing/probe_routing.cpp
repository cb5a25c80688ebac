// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/probe_routing.h"

#include <ATen/Functions.h>

#include "engine/routing/statistics.h"
#include "engine/train/token_batch.h"

namespace caravan::engine::routing {
RoutingStatistics probeRouting(model::Model& model, const evaluate::ProbeSet& set,
                               const ProgressFunction& progress, std::stop_token stop) {
    const auto& layers = model.sparseLayers();
    if (layers.empty())
        throw EngineException(ErrorCode::Unsupported,
                              {{"what", "routing statistics"}, {"detail", "the model has no experts"}});
    const MoeConfig& moe = *model.config().moe;
    const auto fp32 = at::TensorOptions().dtype(at::kFloat).device(model.device());
    const auto domains = static_cast<std::int64_t>(set.data.domains().size());
    std::vector<ops::RoutingStatistic> sums;
    for (std::size_t i = 0; i < layers.size(); ++i)
        sums.push_back({at::zeros({moe.experts, domains, 2, 2, 2}, fp32), at::zeros({5}, fp32),
                        at::zeros({moe.experts}, fp32)});

    Progress state{.stage = "reading the probe set",
                   .total = static_cast<std::int64_t>(set.data.epochRows().size())};
    for (const auto& batch : packMicroBatches(set.data.rows(), set.data.epochRows(),
                                              evaluate::kEvaluationTokens, Packing::Packed)) {
        if (stop.stop_requested())
            throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        std::vector<moe::LayerRouting> routing;
        const auto tokens = train::toDevice(train::makeTokenBatch(batch), model.device());
        static_cast<void>(model.forward(tokens.tokens, {.routing = &routing}));
        for (std::size_t i = 0; i < layers.size(); ++i)
            ops::accumulateRouting(routing[i].routing, tokens.domain, tokens.role, sums[i]);
        state.done += static_cast<std::int64_t>(batch.segments());
        if (progress) progress(state);
    }

    RoutingRecord record{
        .layers = layers, .experts = moe.experts, .topK = moe.topK, .domains = set.data.domains()};
    std::vector<TokenSums> tokenSums;
    for (const auto& sum : sums) {
        const at::Tensor load = sum.load.to(at::kCPU).contiguous(),
                         perLayer = sum.perLayer.to(at::kCPU).contiguous();
        const float* values = load.const_data_ptr<float>();
        record.values.insert(record.values.end(), values, values + load.numel());
        const float* p = perLayer.const_data_ptr<float>();
        tokenSums.push_back({p[0], p[1], p[2], p[3], p[4]});
    }
    return statisticsOf(std::move(record), tokenSums);
}

}  // namespace caravan::engine::routing
