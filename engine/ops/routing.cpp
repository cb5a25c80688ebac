// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/dispatch.h"
#include "engine/ops/live_step.h"
#include "engine/ops/parallel.h"
#include "engine/ops/timeline.h"
#include "kernels/router/router.h"

namespace caravan::engine::ops {

namespace {

Routing emptyRouting(const at::Tensor& logits, std::int64_t k) {
    const std::int64_t tokens = logits.size(0), experts = logits.size(1);
    const auto integers = like(logits, at::kInt);
    return {logits,
            at::empty({tokens, k}, integers),
            at::empty({tokens, k}, logits.options()),
            at::empty({experts}, integers),
            at::empty({experts + 1}, integers),
            at::empty({tokens * k}, integers),
            at::empty({tokens * k}, integers)};
}

void sortOnDevice(Routing& r) {
    const std::int64_t experts = r.logits.size(1), slots = r.chosen.numel();
    const std::int64_t blocks = (slots + kernels::cuda::kSortSlots - 1) / kernels::cuda::kSortSlots;
    const at::Tensor scratch = at::empty({blocks * experts + 1}, r.chosen.options());
    const kernels::cuda::SortBuffers buffers{data<std::int32_t>(r.counts), data<std::int32_t>(r.offsets),
                                             data<std::int32_t>(r.order), data<std::int32_t>(r.place),
                                             data<std::int32_t>(scratch)};
    checkLaunch("route", cudaTable().sortByExpert(data<std::int32_t>(r.chosen), slots, experts, buffers,
                                                  streamOf(r.logits)));
}

void routeOnDevice(Routing& r, std::int64_t k) {
    checkLaunch("route",
                cudaTable().topK(data<float>(r.logits), data<std::int32_t>(r.chosen), data<float>(r.weights),
                                 r.logits.size(0), r.logits.size(1), k, streamOf(r.logits)));
    sortOnDevice(r);
}

bool rowsOnDevice(const at::Tensor& x, const at::Tensor& weight) {
    const auto aligned = [](const at::Tensor& t) {
        return reinterpret_cast<std::uintptr_t>(t.data_ptr()) % 16 == 0;
    };
    return x.is_cuda() && x.scalar_type() == at::kBFloat16 && weight.scalar_type() == at::kBFloat16 &&
           x.dim() == 2 && x.stride(1) == 1 && x.stride(0) % 8 == 0 && weight.is_contiguous() && aligned(x) &&
           aligned(weight) && cudaTable().routeRowsTake(x.size(1), weight.size(0));
}

}  // namespace

Routing route(const at::Tensor& x, const at::Tensor& weight, std::int64_t k) {
    require(weight.dim() == 2 && weight.size(1) == x.size(1) && k >= 1 && k <= weight.size(0), "route",
            "a weight [E, D], 1 <= k <= E", weight);
    if (!rowsOnDevice(x, weight)) {
        const at::Tensor logits = ops::linear(x, weight);
        return route(logits.scalar_type() == at::kBFloat16 ? logits.to(at::kFloat) : logits, k);
    }
    const PartScope scope(Part::Router);
    Routing r = emptyRouting(at::empty({x.size(0), weight.size(0)}, like(x, at::kFloat)), k);
    const kernels::cuda::RouteRows rows{x.data_ptr(),
                                        weight.data_ptr(),
                                        x.stride(0),
                                        data<float>(r.logits),
                                        data<std::int32_t>(r.chosen),
                                        data<float>(r.weights),
                                        x.size(0),
                                        x.size(1),
                                        weight.size(0),
                                        k};
    checkLaunch("route", cudaTable().routeRows(rows, streamOf(x)));
    sortOnDevice(r);
    return r;
}

Routing route(const at::Tensor& given, std::int64_t k) {
    const PartScope scope(Part::Router);
    const at::Tensor logits = given.is_cuda() ? given.to(at::kFloat) : given;
    require(logits.dim() == 2 && logits.is_contiguous() && logits.size(1) <= kernels::kMaxExperts, "route",
            "logits [T, E] contiguous, E at most 256", logits);
    const std::int64_t tokens = logits.size(0), experts = logits.size(1);
    require(k >= 1 && k <= experts, "route", "1 <= k <= E", logits);
    Routing r = emptyRouting(logits, k);
    if (logits.is_cuda()) {
        routeOnDevice(r, k);
        return r;
    }
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
    const PartScope scope(Part::Router);
    const at::Tensor& logits = routing.logits;
    require(dWeights.sizes() == routing.weights.sizes() && dWeights.is_contiguous(), "routeBackward",
            "dWeights [T, k] contiguous", dWeights);
    require((coefficient == 0 && !liveStep()) || f.numel() == logits.size(1), "routeBackward", "f [E]", f);
    at::Tensor dLogits = at::empty_like(logits);
    if (logits.is_cuda()) {
        const bool off = coefficient == 0 && !liveStep();
        const at::Tensor dw = dWeights.to(at::kFloat), share = off ? logits : f.to(at::kFloat);
        const kernels::cuda::RouteBackwardArguments arguments{data<float>(logits),
                                                              data<std::int32_t>(routing.chosen),
                                                              data<float>(routing.weights),
                                                              data<float>(dw),
                                                              data<float>(share),
                                                              coefficient,
                                                              data<float>(dLogits),
                                                              logits.size(0),
                                                              logits.size(1),
                                                              routing.weights.size(1),
                                                              liveStep()};
        checkLaunch("routeBackward", cudaTable().routeBackward(arguments, streamOf(logits)));
        return dLogits;
    }
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
    const PartScope scope(Part::Router);
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
    if (logits.is_cuda()) {
        const at::Tensor scratch = at::empty({4, tokens}, logits.options());
        const kernels::cuda::AccumulateArguments arguments{data<float>(logits),
                                                           data<std::int32_t>(routing.chosen),
                                                           data<float>(routing.weights),
                                                           data<std::int32_t>(domain),
                                                           data<std::int32_t>(role),
                                                           tokens,
                                                           experts,
                                                           routing.weights.size(1),
                                                           sums,
                                                           data<float>(scratch),
                                                           liveStep()};
        checkLaunch("accumulateRouting", cudaTable().accumulateRouting(arguments, streamOf(logits)));
        return;
    }
    kernels::accumulateRouting(data<float>(logits), data<std::int32_t>(routing.chosen),
                               data<float>(routing.weights), data<std::int32_t>(domain),
                               data<std::int32_t>(role), tokens, experts, routing.weights.size(1), sums);
}

}  // namespace caravan::engine::ops
