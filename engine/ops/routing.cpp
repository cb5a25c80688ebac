// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/parallel.h"
#include "engine/ops/support.h"
#include "kernels/router/router.h"

namespace caravan::engine::ops {

Routing route(const at::Tensor& logits, std::int64_t k) {
    require(logits.dim() == 2 && logits.is_contiguous() && logits.size(1) <= kernels::kMaxExperts, "route",
            "logits [T, E] contiguous, E at most 256", logits);
    const std::int64_t tokens = logits.size(0), experts = logits.size(1);
    require(k >= 1 && k <= experts, "route", "1 <= k <= E", logits);
    const auto integers = like(logits, at::kInt);
    Routing r{logits,
              at::empty({tokens, k}, integers),
              at::empty({tokens, k}, logits.options()),
              at::empty({experts}, integers),
              at::empty({experts + 1}, integers),
              at::empty({tokens * k}, integers),
              at::empty({tokens * k}, integers)};
    forReal("route", logits, [&](auto type) {
        using T = decltype(type);
        parallelRows(tokens, 256, [&](std::int64_t begin, std::int64_t end) {
            kernels::topKRows(data<T>(logits), data<std::int32_t>(r.chosen), data<T>(r.weights), experts, k,
                              begin, end);
        });
    });
    kernels::sortByExpert(data<std::int32_t>(r.chosen), tokens * k, experts, data<std::int32_t>(r.counts),
                          data<std::int32_t>(r.offsets), data<std::int32_t>(r.order),
                          data<std::int32_t>(r.place));
    return r;
}

at::Tensor routeBackward(const Routing& routing, const at::Tensor& dWeights, const at::Tensor& f,
                         double coefficient) {
    const at::Tensor& logits = routing.logits;
    require(dWeights.sizes() == routing.weights.sizes() && dWeights.is_contiguous(), "routeBackward",
            "dWeights [T, k] contiguous", dWeights);
    require(coefficient == 0 || f.numel() == logits.size(1), "routeBackward", "f [E]", f);
    at::Tensor dLogits = at::empty_like(logits);
    forReal("routeBackward", logits, [&](auto type) {
        using T = decltype(type);
        const at::Tensor dw = dWeights.to(logits.scalar_type());
        const at::Tensor share = coefficient == 0 ? logits : f.to(logits.scalar_type());
        parallelRows(logits.size(0), 256, [&](std::int64_t begin, std::int64_t end) {
            kernels::routeBackwardRows(data<T>(logits), data<std::int32_t>(routing.chosen),
                                       data<T>(routing.weights), data<T>(dw), data<T>(share), coefficient,
                                       data<T>(dLogits), logits.size(1), routing.weights.size(1), begin, end);
        });
    });
    return dLogits;
}

void accumulateRouting(const Routing& routing, const at::Tensor& domain, const at::Tensor& role,
                       RoutingStatistic& statistic) {
    const at::Tensor& logits = routing.logits;
    const std::int64_t tokens = logits.size(0), experts = logits.size(1);
    require(domain.numel() == tokens && domain.scalar_type() == at::kInt, "accumulateRouting",
            "domain [T] int32", domain);
    require(role.numel() == tokens && role.scalar_type() == at::kInt, "accumulateRouting", "role [T] int32",
            role);
    require(statistic.load.dim() == 5 && statistic.load.size(0) == experts && statistic.load.is_contiguous(),
            "accumulateRouting", "load [E, domains, 2, 2, 2]", statistic.load);
    const kernels::RoutingSums sums{data<float>(statistic.load), data<float>(statistic.perLayer),
                                    data<float>(statistic.probability), statistic.load.size(1)};
    kernels::accumulateRouting(data<float>(logits), data<std::int32_t>(routing.chosen),
                               data<float>(routing.weights), data<std::int32_t>(domain),
                               data<std::int32_t>(role), tokens, experts, routing.weights.size(1), sums);
}

}  // namespace caravan::engine::ops
