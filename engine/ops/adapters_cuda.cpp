// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/adapters_cuda.h"

#include <functional>

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

at::Tensor gather(const at::Tensor& x, const Routing& routing, const kernels::DropoutMask& mask,
                  const kernels::cuda::Cleared& cleared = {}) {
    const std::int64_t slots = routing.order.numel();
    at::Tensor out = at::empty({slots, x.size(1)}, x.options());
    checkLaunch(kName, cudaTable().gather(elementOf(kName, x), x.data_ptr(), out.data_ptr(), x.size(1),
                                          view(routing), slots, mask, cleared, streamOf(x)));
    return out;
}

// Hopper's own products (kernels/grouped_adapter/grouped_hopper.h); from so many slots on they are the faster
// ones.
constexpr std::int64_t kHopperSlots = 4096;

kernels::cuda::GroupedShape shapeOf(const Routing& routing, std::int64_t inner, std::int64_t outer,
                                    bool transposed) {
    return {routing.order.numel(), inner, outer, routing.logits.size(1), transposed};
}

bool aligned(const at::Tensor& x) {
    return x.is_contiguous() && reinterpret_cast<std::uintptr_t>(x.data_ptr()) % 16 == 0;
}

bool hopperTakes(const at::Tensor& u, const Routing& routing, const at::Tensor& down, const at::Tensor& up) {
    return hopperPaths() && u.scalar_type() == at::kBFloat16 && routing.weights.size(1) <= 2 &&
           routing.order.numel() >= kHopperSlots && aligned(u) && aligned(down) && aligned(up) &&
           cudaTable().groupedHopperTakes(shapeOf(routing, u.size(1), down.size(1), true)) &&
           cudaTable().groupedHopperTakes(shapeOf(routing, down.size(1), u.size(1), true));
}

kernels::cuda::GroupedHopper hopperProduct(const Routing& routing, const at::Tensor& rows,
                                           const at::Tensor& weight, bool transposed,
                                           kernels::cuda::Finish finish, at::Tensor& out) {
    const auto shape =
        shapeOf(routing, weight.size(transposed ? 2 : 1), weight.size(transposed ? 1 : 2), transposed);
    return {.rows = rows.data_ptr(),
            .weight = weight.data_ptr(),
            .shape = shape,
            .finish = finish,
            .offsets = data<std::int32_t>(routing.offsets),
            .out = out.data_ptr()};
}

// What the products of a pass count their tiles with; zeros once the pass's first kernel has cleared them.
class Counters {
  public:
    Counters(const at::Tensor& beside, std::int64_t count)
        : m_words(at::empty({count}, like(beside, at::kInt))) {}
    [[nodiscard]] kernels::cuda::Cleared all() const {
        return {data<std::int32_t>(m_words), m_words.numel()};
    }
    std::int32_t* take(std::int64_t count) {
        m_taken += count;
        return data<std::int32_t>(m_words) + m_taken - count;
    }

  private:
    at::Tensor m_words;
    std::int64_t m_taken = 0;
};

void launch(kernels::cuda::GroupedHopper& product, Counters& counters, const at::Tensor& beside) {
    product.counters = counters.take(cudaTable().groupedHopperCounters(product.shape, product.finish));
    checkLaunch(kName, cudaTable().groupedHopper(product, streamOf(beside)));
}

// h, o of every slot, and its masked row if it is to be kept
at::Tensor slotOutputs(const at::Tensor& u, const Routing& routing, const at::Tensor& down,
                       const at::Tensor& up, const kernels::DropoutMask& mask, at::Tensor& h,
                       at::Tensor* rows) {
    using kernels::cuda::Finish;
    const auto count = [&](std::int64_t inner, std::int64_t outer, Finish finish) {
        return cudaTable().groupedHopperCounters(shapeOf(routing, inner, outer, true), finish);
    };
    const std::int64_t width = u.size(1), size = down.size(1);
    Counters counters(u, count(width, size, Finish::Gelu) + count(size, width, Finish::Store));
    at::Tensor a = at::empty_like(h), m = gather(u, routing, mask, counters.all());
    auto hidden = hopperProduct(routing, m, down, true, Finish::Gelu, h);
    hidden.second = a.data_ptr();
    launch(hidden, counters, u);
    if (rows) *rows = m;
    at::Tensor o = rows ? at::empty_like(m) : m;  // which has been read
    auto out = hopperProduct(routing, a, up, true, Finish::Store, o);
    launch(out, counters, u);
    return o;
}

// sum[e] += a_e^T b_e
void hopperGradient(const Routing& routing, const at::Tensor& a, const at::Tensor& b, at::Tensor& sum,
                    Counters& counters) {
    const kernels::cuda::GroupedGradientShape shape{a.size(0), a.size(1), b.size(1), sum.size(0)};
    if (sum.scalar_type() != at::kFloat || !aligned(sum) || !cudaTable().groupedHopperTakesGradient(shape))
        return groupedGradient(routing, a, b, sum);
    checkLaunch(kName, cudaTable().groupedHopperGradient({.a = a.data_ptr(),
                                                          .b = b.data_ptr(),
                                                          .sum = data<float>(sum),
                                                          .shape = shape,
                                                          .offsets = data<std::int32_t>(routing.offsets),
                                                          .counters = counters.take(1)},
                                                         streamOf(a)));
}

// The masked row of every slot.
using SlotRows = std::function<at::Tensor()>;

// dWeights, dDown and dUp, and dm of every slot
at::Tensor slotGradients(const at::Tensor& g, const SlotRows& m, const Routing& routing, const at::Tensor& h,
                         const at::Tensor& down, const at::Tensor& up, double s, at::Tensor& dWeights,
                         at::Tensor& dDown, at::Tensor& dUp) {
    using kernels::cuda::Finish;
    const auto count = [&](std::int64_t inner, std::int64_t outer, Finish finish) {
        return cudaTable().groupedHopperCounters(shapeOf(routing, inner, outer, false), finish);
    };
    const std::int64_t width = g.size(1), size = h.size(1);
    Counters counters(g, count(width, size, Finish::Hidden) + count(size, width, Finish::Store) + 2);
    at::Tensor scaled = at::empty_like(h), dh = at::empty_like(h),
               sorted = gather(g, routing, {}, counters.all());
    auto hidden = hopperProduct(routing, sorted, up, false, Finish::Hidden, dh);
    const at::Tensor partial =
        at::empty({cudaTable().groupedHopperPartial(hidden.shape)}, like(g, at::kFloat));
    hidden.second = scaled.data_ptr();
    hidden.routing = view(routing);
    hidden.left = h.data_ptr();
    hidden.weights = data<float>(routing.weights);
    hidden.dWeights = data<float>(dWeights);
    hidden.s = s;
    hidden.partial = data<float>(partial);
    launch(hidden, counters, g);
    hopperGradient(routing, sorted, scaled, dUp, counters);
    hopperGradient(routing, dh, m(), dDown, counters);
    auto input = hopperProduct(routing, dh, down, false, Finish::Store, sorted);  // sorted has been read
    launch(input, counters, g);
    return sorted;
}

}  // namespace

Adapters adaptersOnDevice(const at::Tensor& u, const Routing& routing, const at::Tensor& down,
                          const at::Tensor& up, double s, double p, const RandomKey& key,
                          const AdapterOptions& options) {
    const auto element = elementOf(kName, u);
    const at::Tensor toHidden = down.to(u.scalar_type()), toOut = up.to(u.scalar_type()), &add = options.add;
    Adapters result{at::empty_like(u), {}, {}};
    at::Tensor o;
    if (hopperTakes(u, routing, toHidden, toOut)) {
        result.h = at::empty({routing.order.numel(), down.size(1)}, u.options());
        o = slotOutputs(u, routing, toHidden, toOut, dropoutMask(p, key), result.h,
                        options.keepRows ? &result.rows : nullptr);
    } else {
        const at::Tensor m = gather(u, routing, dropoutMask(p, key));
        if (options.keepRows) result.rows = m;
        result.h = groupedProduct(routing, m, toHidden, true);
        const at::Tensor a = at::empty_like(result.h);
        checkLaunch(kName,
                    cudaTable().gelu(element, result.h.data_ptr(), a.data_ptr(), a.numel(), streamOf(u)));
        o = groupedProduct(routing, a, toOut, true);
    }
    checkLaunch(kName, cudaTable().combine(element, u.data_ptr(), o.data_ptr(), data<float>(routing.weights),
                                           add.defined() ? add.data_ptr() : nullptr, result.y.data_ptr(),
                                           u.size(1), s, view(routing), u.size(0), streamOf(u)));
    return result;
}

AdapterGradient adaptersBackwardOnDevice(const at::Tensor& g, const at::Tensor& u, const Routing& routing,
                                         const at::Tensor& h, const at::Tensor& down, const at::Tensor& up,
                                         double s, double p, const RandomKey& key, at::Tensor& dDown,
                                         at::Tensor& dUp, const at::Tensor& rows) {
    const auto element = elementOf(kName, g);
    const auto mask = dropoutMask(p, key);
    const at::Tensor toHidden = down.to(g.scalar_type()), toOut = up.to(g.scalar_type());
    AdapterGradient gradient{at::empty_like(g), at::empty_like(routing.weights)};
    const SlotRows m = [&] { return rows.defined() ? rows : gather(u, routing, mask); };
    at::Tensor dm;
    if (hopperTakes(g, routing, toHidden, toOut) && (!rows.defined() || aligned(rows))) {
        dm = slotGradients(g, m, routing, h, toHidden, toOut, s, gradient.weights, dDown, dUp);
    } else {
        const at::Tensor sorted = gather(g, routing, {});
        const at::Tensor q = groupedProduct(routing, sorted, toOut, false);
        const at::Tensor scaled = at::empty_like(h), dh = at::empty_like(h);
        const kernels::cuda::HiddenBuffers buffers{
            q.data_ptr(),  h.data_ptr(),      data<float>(routing.weights),
            dh.data_ptr(), scaled.data_ptr(), data<float>(gradient.weights)};
        checkLaunch(kName, cudaTable().hiddenBackward(element, buffers, h.size(1), s, view(routing),
                                                      h.size(0), streamOf(g)));
        groupedGradient(routing, sorted, scaled, dUp);
        groupedGradient(routing, dh, m(), dDown);
        dm = groupedProduct(routing, dh, toHidden, false);
    }
    checkLaunch(kName, cudaTable().scatter(element, g.data_ptr(), dm.data_ptr(), gradient.u.data_ptr(),
                                           g.size(1), view(routing), g.size(0), mask, streamOf(g)));
    return gradient;
}

}  // namespace caravan::engine::ops
