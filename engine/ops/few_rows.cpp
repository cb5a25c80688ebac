// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/few_rows.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "engine/ops/parallel.h"
#include "engine/ops/support.h"
#include "engine/ops/timeline.h"
#include "kernels/decode_attention/decode_attention.h"
#include "kernels/gemv/gemv.h"
#include "kernels/grouped_adapter/grouped_adapter.h"

namespace caravan::engine::ops {
namespace {

bool likeRows(const at::Tensor& x, const at::Tensor& weight) {
    return weight.is_cpu() && weight.scalar_type() == x.scalar_type() && weight.is_contiguous();
}

bool fewRows(const at::Tensor& x) {
    return x.is_cpu() && x.dim() == 2 && x.size(0) <= kFewRows && x.is_contiguous() &&
           (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble);
}

// Outputs of a product that are worth another thread: a few times what it takes to wake one.
std::int64_t outputGrain(std::int64_t rows, std::int64_t inner) {
    return 1 + 40000 / (inner * std::max<std::int64_t>(1, rows / 4));
}

template <class T>
void product(const at::Tensor& x, const at::Tensor& weight, at::Tensor& y) {
    const kernels::GemvShape shape{x.size(0), x.size(1), weight.size(0), y.stride(0)};
    parallelRows(shape.outer, outputGrain(shape.rows, shape.inner),
                 [&](std::int64_t begin, std::int64_t end) {
                     kernels::gemvRows(data<T>(x), data<T>(weight), data<T>(y), shape, begin, end);
                 });
}

// The part of an item list [begin, end), `size` items for each expert at work, that is of one expert:
// f(expert, first item, last item).
template <class F>
void overExperts(const std::vector<std::int64_t>& experts, std::int64_t size, std::int64_t begin,
                 std::int64_t end, F&& f) {
    while (begin < end) {
        const std::int64_t index = begin / size, last = std::min(end, (index + 1) * size);
        f(experts[static_cast<std::size_t>(index)], begin - index * size, last - index * size);
        begin = last;
    }
}

// Sorted rows times the transposed weight of their expert, [E, outer, inner].
template <class T>
void groupedProduct(const at::Tensor& rows, const at::Tensor& weight,
                    const std::vector<std::int64_t>& experts, const std::int32_t* offsets, at::Tensor& out) {
    const std::int64_t outer = weight.size(1), inner = weight.size(2);
    parallelRows(static_cast<std::int64_t>(experts.size()) * outer, outputGrain(1, inner),
                 [&](std::int64_t begin, std::int64_t end) {
                     overExperts(experts, outer, begin, end,
                                 [&](std::int64_t e, std::int64_t first, std::int64_t last) {
                                     const std::int64_t row = offsets[e];
                                     kernels::gemvRows(data<T>(rows) + row * inner,
                                                       data<T>(weight) + e * outer * inner,
                                                       data<T>(out) + row * outer,
                                                       {offsets[e + 1] - row, inner, outer}, first, last);
                                 });
                 });
}

void checkDecode(const Heads& tokens, const std::vector<SequenceCache>& caches) {
    const at::Tensor& q = tokens.query;
    require(q.dim() == 3 && q.size(0) == static_cast<std::int64_t>(caches.size()), "attentionDecode",
            "a query [B, heads, head size] per cache", q);
    for (const at::Tensor* x : {&tokens.key, &tokens.value})
        require(x->dim() == 3 && x->size(0) == q.size(0) && x->size(2) == q.size(2) && x->stride(2) == 1 &&
                    x->stride(1) == x->size(2),
                "attentionDecode", "a key and a value [B, kv heads, head size]", *x);
    for (const SequenceCache& cache : caches)
        for (const at::Tensor* x : {&cache.keys, &cache.values})
            require(x->dim() == 4 && x->is_contiguous() && x->scalar_type() == q.scalar_type() &&
                        x->device() == q.device() && x->size(1) > cache.length &&
                        x->size(2) == tokens.key.size(1) && x->size(3) == q.size(2),
                    "attentionDecode", "caches [1, capacity, kv heads, head size] with room", *x);
}

at::Tensor decodeOnDevice(const Heads& tokens, const std::vector<SequenceCache>& caches,
                          std::optional<std::int64_t> window, const at::Tensor& held) {
    std::vector<at::Tensor> rows;
    for (std::size_t b = 0; b < caches.size(); ++b) {
        const auto row = static_cast<std::int64_t>(b);
        const SequenceCache& cache = caches[b];
        cache.keys[0][cache.length].copy_(tokens.key[row]);
        cache.values[0][cache.length].copy_(tokens.value[row]);
        rows.push_back(attentionDecode(tokens.query.narrow(0, row, 1).contiguous(), cache.keys, cache.values,
                                       held.narrow(0, row, 1), cache.length + 1, window));
    }
    return at::cat(rows);
}

}  // namespace

bool suitsFewRows(const at::Tensor& x, const at::Tensor& weight) {
    return fewRows(x) && likeRows(x, weight) && weight.dim() == 2 && weight.size(1) == x.size(1);
}

at::Tensor fewRowsLinear(const at::Tensor& x, const at::Tensor& weight) {
    const PartScope scope(Part::Products);
    at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
    forReal("linear", x, [&](auto type) { product<decltype(type)>(x, weight, y); });
    return y;
}

bool suitsFewRows(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group) {
    return group.dropout == 0 && suitsFewRows(x, weight) &&
           std::all_of(group.parts.begin(), group.parts.end(),
                       [&](const LoraPart& part) { return likeRows(x, part.a) && likeRows(x, part.b); });
}

at::Tensor fewRowsLinear(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group,
                         std::vector<at::Tensor>& h) {
    at::Tensor y = fewRowsLinear(x, weight);
    const PartScope scope(Part::Lora);
    forReal("linear", x, [&](auto type) {
        using T = decltype(type);
        for (const LoraPart& part : group.parts) {
            at::Tensor& hidden = h.emplace_back(at::empty({x.size(0), part.a.size(0)}, x.options()));
            product<T>(x, part.a, hidden);
            const kernels::GemvShape shape{x.size(0), part.b.size(1), part.b.size(0), y.stride(0)};
            parallelRows(shape.outer, outputGrain(shape.rows, shape.inner),
                         [&](std::int64_t begin, std::int64_t end) {
                             kernels::gemvAddRows(data<T>(hidden), data<T>(part.b), data<T>(y) + part.begin,
                                                  shape, static_cast<T>(part.scale), begin, end);
                         });
        }
    });
    return y;
}

bool suitsFewRows(const at::Tensor& u, const at::Tensor& down, const at::Tensor& up, double p) {
    return p == 0 && fewRows(u) && likeRows(u, down) && likeRows(u, up);
}

Adapters fewRowsAdapters(const at::Tensor& u, const Routing& routing, const at::Tensor& down,
                         const at::Tensor& up, double s) {
    const std::int64_t slots = routing.order.numel(), width = u.size(1), size = down.size(1);
    const std::int32_t* offsets = data<std::int32_t>(routing.offsets);
    std::vector<std::int64_t> experts;
    for (std::int64_t e = 0; e < down.size(0); ++e)
        if (offsets[e + 1] > offsets[e]) experts.push_back(e);
    const kernels::AdapterRouting view{data<std::int32_t>(routing.chosen), data<std::int32_t>(routing.order),
                                       data<std::int32_t>(routing.place), routing.weights.size(1),
                                       routing.logits.size(1)};
    at::Tensor wide = at::empty({slots, width}, u.options()), a = at::empty({slots, size}, u.options());
    Adapters result{at::empty_like(u), at::empty({slots, size}, u.options()), {}};
    forReal("adapters", u, [&](auto type) {
        using T = decltype(type);
        kernels::gatherRows(kernels::GatherArguments<T>{data<T>(u), data<T>(wide), width}, view,
                            kernels::DropoutMask{}, 0, slots);
        groupedProduct<T>(wide, down, experts, offsets, result.h);
        kernels::geluValues(data<T>(result.h), data<T>(a), 0, slots * size);
        groupedProduct<T>(a, up, experts, offsets, wide);
        kernels::combineRows(kernels::CombineArguments<T>{data<T>(u), data<T>(wide), data<T>(routing.weights),
                                                          data<T>(result.y), width, s},
                             view, 0, u.size(0));
    });
    return result;
}

at::Tensor attentionDecode(const Heads& tokens, const std::vector<SequenceCache>& caches,
                           std::optional<std::int64_t> window, const at::Tensor& held) {
    const PartScope scope(Part::Attention);
    checkDecode(tokens, caches);
    if (tokens.query.is_cuda()) return decodeOnDevice(tokens, caches, window, held);
    const at::Tensor q = tokens.query.contiguous();
    const std::int64_t heads = q.size(1), kvHeads = tokens.key.size(1), size = q.size(2),
                       row = kvHeads * size;
    at::Tensor out = at::empty_like(q);
    std::int64_t longest = 1;
    for (const SequenceCache& cache : caches)
        longest = std::max(longest, cache.length + 1);
    forReal("attentionDecode", q, [&](auto type) {
        using T = decltype(type);
        for (std::size_t b = 0; b < caches.size(); ++b) {
            const auto at = static_cast<std::int64_t>(b);
            const SequenceCache& cache = caches[b];
            std::copy_n(data<T>(tokens.key) + at * tokens.key.stride(0), row,
                        data<T>(cache.keys) + cache.length * row);
            std::copy_n(data<T>(tokens.value) + at * tokens.value.stride(0), row,
                        data<T>(cache.values) + cache.length * row);
        }
        parallelRows(
            q.size(0) * heads, 1 + 32768 / (longest * size + 1), [&](std::int64_t begin, std::int64_t end) {
                while (begin < end) {
                    const std::int64_t b = begin / heads, last = std::min(end, (b + 1) * heads);
                    const SequenceCache& cache = caches[static_cast<std::size_t>(b)];
                    const auto held = static_cast<std::int32_t>(cache.length + 1);
                    const kernels::DecodeShape shape{heads, kvHeads, size, 0, row, size, window.value_or(0),
                                                     held};
                    kernels::decodeAttention(data<T>(q) + b * heads * size, data<T>(cache.keys),
                                             data<T>(cache.values), &held, data<T>(out) + b * heads * size,
                                             shape, begin - b * heads, last - b * heads);
                    begin = last;
                }
            });
    });
    return out;
}

}  // namespace caravan::engine::ops
