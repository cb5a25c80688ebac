// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/adapters_cuda.h"
#include "engine/ops/few_rows.h"
#include "engine/ops/host_adapters.h"
#include "engine/ops/parallel.h"
#include "engine/ops/support.h"
#include "engine/ops/timeline.h"
#include "kernels/grouped_adapter/grouped_adapter.h"

namespace caravan::engine::ops {
namespace {

kernels::AdapterRouting view(const Routing& routing) {
    return {data<std::int32_t>(routing.chosen), data<std::int32_t>(routing.order),
            data<std::int32_t>(routing.place), routing.weights.size(1), routing.logits.size(1)};
}

// f(expert, first row, rows) for every expert that has tokens
template <class F>
void forExperts(const Routing& routing, F&& f) {
    const std::int32_t* offsets = data<std::int32_t>(routing.offsets);
    for (std::int64_t e = 0; e < routing.logits.size(1); ++e)
        if (offsets[e + 1] > offsets[e]) f(e, offsets[e], offsets[e + 1] - offsets[e]);
}

// out rows of an expert = rows * weight[e] (^T)
void groupedProduct(const Routing& routing, const at::Tensor& rows, const at::Tensor& weight, bool transposed,
                    at::Tensor& out) {
    forExperts(routing, [&](std::int64_t e, std::int64_t first, std::int64_t n) {
        at::Tensor to = out.narrow(0, first, n);
        at::mm_out(to, rows.narrow(0, first, n), transposed ? weight[e].t() : weight[e]);
    });
}

template <class T>
void gather(const at::Tensor& x, const Routing& routing, const kernels::DropoutMask& mask, at::Tensor& out) {
    parallelRows(out.size(0), rowGrain(out.size(1)), [&](std::int64_t begin, std::int64_t end) {
        kernels::gatherRows(kernels::GatherArguments<T>{data<T>(x), data<T>(out), out.size(1)}, view(routing),
                            mask, begin, end);
    });
}

void checkAdapters(const at::Tensor& u, const Routing& routing, const at::Tensor& down,
                   const at::Tensor& up) {
    require(u.dim() == 2 && u.is_contiguous() && u.size(0) == routing.logits.size(0), "adapters",
            "u [T, D] contiguous", u);
    require(down.dim() == 3 && down.size(0) == routing.logits.size(1) && down.size(2) == u.size(1),
            "adapters", "down [E, r, D]", down);
    require(
        up.dim() == 3 && up.size(0) == down.size(0) && up.size(1) == u.size(1) && up.size(2) == down.size(1),
        "adapters", "up [E, D, r]", up);
}

Adapters adaptersOnHost(const at::Tensor& u, const Routing& routing, const at::Tensor& down,
                        const at::Tensor& up, double s, double p, const RandomKey& key) {
    if (suitsFewRows(u, down, up, p)) return fewRowsAdapters(u, routing, down, up, s);
    if (host::suitsAdapters(u, down, up)) return host::adapters(u, routing, down, up, s, dropoutMask(p, key));
    const std::int64_t slots = routing.order.numel(), width = u.size(1), size = down.size(1);
    at::Tensor wide = at::empty({slots, width}, u.options()), a = at::empty({slots, size}, u.options());
    Adapters result{at::empty_like(u), at::empty({slots, size}, u.options()), {}};
    forReal("adapters", u, [&](auto type) {
        using T = decltype(type);
        gather<T>(u, routing, dropoutMask(p, key), wide);
        groupedProduct(routing, wide, down, true, result.h);
        parallelRows(slots * size, 16384, [&](std::int64_t begin, std::int64_t end) {
            kernels::geluValues(data<T>(result.h), data<T>(a), begin, end);
        });
        groupedProduct(routing, a, up, true, wide);
        parallelRows(u.size(0), rowGrain(width), [&](std::int64_t begin, std::int64_t end) {
            kernels::combineRows(
                kernels::CombineArguments<T>{data<T>(u), data<T>(wide), data<T>(routing.weights),
                                             data<T>(result.y), width, s},
                view(routing), begin, end);
        });
    });
    return result;
}

}  // namespace

Adapters adapters(const at::Tensor& u, const Routing& routing, const at::Tensor& down, const at::Tensor& up,
                  double s, double p, const RandomKey& key, const AdapterOptions& options) {
    const PartScope scope(Part::Adapters);
    const at::Tensor& add = options.add;
    checkAdapters(u, routing, down, up);
    require(!add.defined() || (add.sizes() == u.sizes() && add.is_contiguous() &&
                               add.scalar_type() == u.scalar_type() && add.device() == u.device()),
            "adapters", "what is added like u", add);
    if (u.is_cuda()) return adaptersOnDevice(u, routing, down, up, s, p, key, options);
    Adapters result = adaptersOnHost(u, routing, down, up, s, p, key);
    if (add.defined()) result.y.add_(add);
    return result;
}

AdapterGradient adaptersBackward(const at::Tensor& g, const at::Tensor& u, const Routing& routing,
                                 const at::Tensor& h, const at::Tensor& down, const at::Tensor& up, double s,
                                 double p, const RandomKey& key, at::Tensor& dDown, at::Tensor& dUp,
                                 const at::Tensor& rows) {
    const PartScope scope(Part::Adapters);
    checkAdapters(g, routing, down, up);
    require(!rows.defined() || (g.is_cuda() && rows.dim() == 2 && rows.is_contiguous() &&
                                rows.size(0) == routing.order.numel() && rows.size(1) == g.size(1) &&
                                rows.scalar_type() == g.scalar_type()),
            "adaptersBackward", "kept rows [T k, D] like the gradient, on a GPU", rows);
    require(rows.defined() || (u.sizes() == g.sizes() && u.is_contiguous()), "adaptersBackward",
            "u like the gradient", u);
    if (g.is_cuda()) return adaptersBackwardOnDevice(g, u, routing, h, down, up, s, p, key, dDown, dUp, rows);
    if (host::suitsAdapters(u, down, up) && host::suitsAdapters(u, dDown, dUp))
        return host::adaptersBackward(g, u, routing, h, down, up, s, dropoutMask(p, key), dDown, dUp);
    const std::int64_t slots = routing.order.numel(), width = u.size(1), size = down.size(1);
    at::Tensor wide = at::empty({slots, width}, u.options());
    at::Tensor dh = at::empty({slots, size}, u.options()), scaled = at::empty({slots, size}, u.options());
    AdapterGradient gradient{at::empty_like(u),
                             at::empty(routing.weights.sizes(), routing.weights.options())};
    const auto mask = dropoutMask(p, key);
    forReal("adaptersBackward", u, [&](auto type) {
        using T = decltype(type);
        gather<T>(g, routing, kernels::DropoutMask{}, wide);
        groupedProduct(routing, wide, up, false, dh);
        parallelRows(slots, rowGrain(size), [&](std::int64_t begin, std::int64_t end) {
            kernels::hiddenBackwardRows(
                kernels::HiddenArguments<T>{data<T>(dh), data<T>(h), data<T>(routing.weights), data<T>(dh),
                                            data<T>(scaled), data<T>(gradient.weights), size, s},
                view(routing), begin, end);
        });
        forExperts(routing, [&](std::int64_t e, std::int64_t first, std::int64_t n) {
            at::Tensor sum = dUp[e];
            at::addmm_out(sum, sum, wide.narrow(0, first, n).t(), scaled.narrow(0, first, n));
        });
        gather<T>(u, routing, mask, wide);
        forExperts(routing, [&](std::int64_t e, std::int64_t first, std::int64_t n) {
            at::Tensor sum = dDown[e];
            at::addmm_out(sum, sum, dh.narrow(0, first, n).t(), wide.narrow(0, first, n));
        });
        groupedProduct(routing, dh, down, false, wide);
        parallelRows(u.size(0), rowGrain(width), [&](std::int64_t begin, std::int64_t end) {
            kernels::scatterRows(
                kernels::ScatterArguments<T>{data<T>(g), data<T>(wide), data<T>(gradient.u), width},
                view(routing), mask, begin, end);
        });
    });
    return gradient;
}

}  // namespace caravan::engine::ops
