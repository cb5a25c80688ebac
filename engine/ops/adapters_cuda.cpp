// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/adapters_cuda.h"

#include "engine/ops/dispatch.h"

namespace caravan::engine::ops {
namespace {

constexpr const char* kName = "adapters";

kernels::AdapterRouting view(const Routing& routing) {
    return {data<std::int32_t>(routing.chosen), data<std::int32_t>(routing.order),
            data<std::int32_t>(routing.place), routing.weights.size(1), routing.logits.size(1)};
}

// The library's grouped product takes bf16 rows of whole 16-byte units.
bool libraryTakes(const at::Tensor& rows, std::int64_t left, std::int64_t right) {
    return rows.scalar_type() == at::kBFloat16 && left % 8 == 0 && right % 8 == 0;
}

at::Tensor ends(const Routing& routing) {
    return routing.offsets.narrow(0, 1, routing.logits.size(1));
}

// rows [slots, inner] * weight[expert]; transposed: weight is [E, outer, inner], else [E, inner, outer]
at::Tensor groupedProduct(const Routing& routing, const at::Tensor& rows, const at::Tensor& weight,
                          bool transposed) {
    const std::int64_t inner = rows.size(1), outer = weight.size(transposed ? 1 : 2);
    if (libraryTakes(rows, inner, outer))
        return at::_grouped_mm(rows, transposed ? weight.transpose(1, 2) : weight, ends(routing));
    at::Tensor out = at::empty({rows.size(0), outer}, rows.options());
    checkLaunch(kName, cudaTable().groupedProduct(elementOf(kName, rows), rows.data_ptr(), weight.data_ptr(),
                                                  out.data_ptr(), data<std::int32_t>(routing.offsets),
                                                  {rows.size(0), inner, outer, weight.size(0), transposed},
                                                  streamOf(rows)));
    return out;
}

// sum[e] += a_e^T b_e
void groupedGradient(const Routing& routing, const at::Tensor& a, const at::Tensor& b, at::Tensor& sum) {
    require(sum.is_contiguous(), kName, "contiguous gradients", sum);
    if (libraryTakes(a, a.size(1), b.size(1))) {
        const at::Tensor part = at::_grouped_mm(a.t(), b, ends(routing)).contiguous();
        checkLaunch(kName, cudaTable().addUsed(elementOf(kName, part), part.data_ptr(), elementOf(kName, sum),
                                               sum.data_ptr(), data<std::int32_t>(routing.counts),
                                               part.size(1) * part.size(2), part.size(0), streamOf(a)));
        return;
    }
    const kernels::cuda::GroupedGradientShape shape{a.size(0), a.size(1), b.size(1), sum.size(0)};
    const at::Tensor scratch = at::empty({cudaTable().groupedGradientScratch(shape)}, like(a, at::kFloat));
    checkLaunch(kName, cudaTable().groupedGradient(elementOf(kName, a), a.data_ptr(), b.data_ptr(),
                                                   elementOf(kName, sum), sum.data_ptr(),
                                                   data<std::int32_t>(routing.offsets), shape,
                                                   data<float>(scratch), streamOf(a)));
}

at::Tensor gather(const at::Tensor& x, const Routing& routing, const kernels::DropoutMask& mask) {
    const std::int64_t slots = routing.order.numel();
    at::Tensor out = at::empty({slots, x.size(1)}, x.options());
    checkLaunch(kName, cudaTable().gather(elementOf(kName, x), x.data_ptr(), out.data_ptr(), x.size(1),
                                          view(routing), slots, mask, streamOf(x)));
    return out;
}

}  // namespace

Adapters adaptersOnDevice(const at::Tensor& u, const Routing& routing, const at::Tensor& down,
                          const at::Tensor& up, double s, double p, const RandomKey& key,
                          const at::Tensor& add) {
    const auto element = elementOf(kName, u);
    const at::Tensor m = gather(u, routing, dropoutMask(p, key));
    Adapters result{at::empty_like(u), groupedProduct(routing, m, down.to(u.scalar_type()), true)};
    const at::Tensor a = at::empty_like(result.h);
    checkLaunch(kName, cudaTable().gelu(element, result.h.data_ptr(), a.data_ptr(), a.numel(), streamOf(u)));
    const at::Tensor o = groupedProduct(routing, a, up.to(u.scalar_type()), true);
    checkLaunch(kName, cudaTable().combine(element, u.data_ptr(), o.data_ptr(), data<float>(routing.weights),
                                           add.defined() ? add.data_ptr() : nullptr, result.y.data_ptr(),
                                           u.size(1), s, view(routing), u.size(0), streamOf(u)));
    return result;
}

AdapterGradient adaptersBackwardOnDevice(const at::Tensor& g, const at::Tensor& u, const Routing& routing,
                                         const at::Tensor& h, const at::Tensor& down, const at::Tensor& up,
                                         double s, double p, const RandomKey& key, at::Tensor& dDown,
                                         at::Tensor& dUp) {
    const auto element = elementOf(kName, u);
    const auto mask = dropoutMask(p, key);
    AdapterGradient gradient{at::empty_like(u), at::empty_like(routing.weights)};
    const at::Tensor sorted = gather(g, routing, {});
    const at::Tensor q = groupedProduct(routing, sorted, up.to(u.scalar_type()), false);
    const at::Tensor scaled = at::empty_like(h), dh = at::empty_like(h);
    const kernels::cuda::HiddenBuffers buffers{
        q.data_ptr(),  h.data_ptr(),      data<float>(routing.weights),
        dh.data_ptr(), scaled.data_ptr(), data<float>(gradient.weights)};
    checkLaunch(kName, cudaTable().hiddenBackward(element, buffers, h.size(1), s, view(routing), h.size(0),
                                                  streamOf(u)));
    groupedGradient(routing, sorted, scaled, dUp);
    groupedGradient(routing, dh, gather(u, routing, mask), dDown);
    const at::Tensor dm = groupedProduct(routing, dh, down.to(u.scalar_type()), false);
    checkLaunch(kName, cudaTable().scatter(element, g.data_ptr(), dm.data_ptr(), gradient.u.data_ptr(),
                                           u.size(1), view(routing), u.size(0), mask, streamOf(u)));
    return gradient;
}

}  // namespace caravan::engine::ops
