// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/host_attention.h"

#include "engine/ops/host_products.h"
#include "kernels/causal_attention/causal_attention.h"

namespace caravan::engine::ops::host {
namespace {

// A row of tokens and a key head.
struct Item {
    std::int64_t begin, tokens, keyHead;
};
// The longest first: what is left at the end is short.
std::vector<Item> itemsOf(const Segments& segments, std::int64_t keyHeads) {
    std::vector<Item> items;
    for (std::size_t i = 0; i + 1 < segments.offsets.size(); ++i)
        for (std::int64_t head = 0; head < keyHeads; ++head)
            if (segments.offsets[i + 1] > segments.offsets[i])
                items.push_back({segments.offsets[i], segments.offsets[i + 1] - segments.offsets[i], head});
    std::stable_sort(items.begin(), items.end(),
                     [](const Item& a, const Item& b) { return a.tokens > b.tokens; });
    return items;
}

kernels::AttentionShape shapeOf(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                const at::Tensor& out, std::optional<std::int64_t> window) {
    kernels::AttentionShape shape;
    shape.headSize = q.size(2);
    shape.group = q.size(1) / k.size(1);
    shape.window = window.value_or(0);
    shape.queryStride = q.stride(0);
    shape.keyStride = k.stride(0);
    shape.valueStride = v.stride(0);
    shape.outStride = out.stride(0);
    shape.sumStride = q.size(0);
    return shape;
}

// First token of a row, first head of the group (queries) or the key head.
template <class T>
T* at(const at::Tensor& x, const Item& item, std::int64_t head) {
    return data<T>(x) + item.begin * x.stride(0) + head * x.stride(1);
}

template <class T, class F>
void overItems(const Segments& segments, std::int64_t keyHeads, const kernels::AttentionShape& common,
               F&& f) {
    const std::vector<Item> items = itemsOf(segments, keyHeads);
    parallelItems(static_cast<std::int64_t>(items.size()), [&](std::int64_t i) {
        const Item& item = items[static_cast<std::size_t>(i)];
        kernels::AttentionShape shape = common;
        shape.tokens = item.tokens;
        f(item, shape, scratch<T>(0, kernels::attentionScratch(shape)));
    });
}

// Gradients of query, key and value behind each other, as their product's columns are: joinHeads copies
// nothing.
AttentionGradient joinedLike(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    const std::int64_t heads = q.size(1) + k.size(1) + v.size(1);
    const at::Tensor joined = at::empty({q.size(0), heads, q.size(2)}, q.options());
    return {joined.narrow(1, 0, q.size(1)), joined.narrow(1, q.size(1), k.size(1)),
            joined.narrow(1, q.size(1) + k.size(1), v.size(1))};
}

bool headsLieTogether(const at::Tensor& x) {
    return x.dim() == 3 && x.stride(2) == 1 && x.stride(1) == x.size(2);
}

}  // namespace

bool suitsAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    return q.is_cpu() && headsLieTogether(q) && headsLieTogether(k) && headsLieTogether(v) &&
           (q.scalar_type() == at::kDouble || (q.scalar_type() == at::kFloat && kernels::hasFastProduct()));
}

Attention attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& segments,
                    std::optional<std::int64_t> window) {
    Attention result{at::empty({q.size(0), q.size(1), q.size(2)}, q.options()),
                     {at::empty({q.size(1), q.size(0)}, q.options())}};
    const at::Tensor& sums = result.saved.front();
    const kernels::AttentionShape common = shapeOf(q, k, v, result.out, window);
    forReal("attention", q, [&](auto type) {
        using T = decltype(type);
        overItems<T>(
            segments, k.size(1), common,
            [&](const Item& item, const kernels::AttentionShape& shape, T* memory) {
                const std::int64_t head = item.keyHead * shape.group;
                kernels::attentionForward(
                    kernels::AttentionForward<T>{at<T>(q, item, head), at<T>(k, item, item.keyHead),
                                                 at<T>(v, item, item.keyHead), at<T>(result.out, item, head),
                                                 data<T>(sums) + head * shape.sumStride + item.begin},
                    shape, memory);
            });
    });
    return result;
}

AttentionGradient attentionBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                                    const at::Tensor& v, const Attention& forward, const Segments& segments,
                                    std::optional<std::int64_t> window) {
    AttentionGradient gradient = joinedLike(q, k, v);
    const at::Tensor dOut = dout.contiguous();  // laid out as forward.out
    const at::Tensor& sums = forward.saved.front();
    const kernels::AttentionShape common = shapeOf(q, k, v, forward.out, window);
    forReal("attentionBackward", q, [&](auto type) {
        using T = decltype(type);
        overItems<T>(
            segments, k.size(1), common,
            [&](const Item& item, const kernels::AttentionShape& shape, T* memory) {
                const std::int64_t head = item.keyHead * shape.group;
                kernels::attentionBackward(
                    kernels::AttentionBackward<T>{
                        at<T>(q, item, head), at<T>(k, item, item.keyHead), at<T>(v, item, item.keyHead),
                        at<T>(forward.out, item, head), data<T>(sums) + head * shape.sumStride + item.begin,
                        at<T>(dOut, item, head), at<T>(gradient.q, item, head),
                        at<T>(gradient.k, item, item.keyHead), at<T>(gradient.v, item, item.keyHead),
                        gradient.q.stride(0), gradient.k.stride(0), gradient.v.stride(0)},
                    shape, memory);
            });
    });
    return gradient;
}

}  // namespace caravan::engine::ops::host
