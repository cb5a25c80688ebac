// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/attention_cuda.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/host_attention.h"
#include "engine/ops/parallel.h"
#include "engine/ops/timeline.h"
#include "kernels/decode_attention/decode_attention.h"

namespace caravan::engine::ops {
namespace {

// A group of rows of one length, as [rows, heads, length, head size] views.
struct Group {
    std::int64_t begin = 0, rows = 0, length = 0;
};

// Rows of equal length that follow each other go into one call.
std::vector<Group> groupsOf(const Segments& segments) {
    std::vector<Group> groups;
    for (std::size_t i = 0; i + 1 < segments.offsets.size(); ++i) {
        const std::int64_t begin = segments.offsets[i], length = segments.offsets[i + 1] - begin;
        if (length == 0) continue;
        if (!groups.empty() && groups.back().length == length)
            ++groups.back().rows;
        else
            groups.push_back({begin, 1, length});
    }
    return groups;
}

at::Tensor headsFirst(const at::Tensor& x, const Group& g) {
    return x.narrow(0, g.begin, g.rows * g.length).unflatten(0, {g.rows, g.length}).transpose(1, 2);
}

// [rows, kv heads, ...] -> [rows, heads, ...]: each key head serves heads / kvHeads query heads
at::Tensor expanded(const at::Tensor& x, const Group& g, std::int64_t heads) {
    const at::Tensor view = headsFirst(x, g);
    return view.size(1) == heads ? view : view.repeat_interleave(heads / view.size(1), 1);
}

at::Tensor folded(const at::Tensor& gradient, std::int64_t kvHeads) {
    if (gradient.size(1) == kvHeads) return gradient;
    return gradient.unflatten(1, {kvHeads, gradient.size(1) / kvHeads}).sum(2);
}

std::optional<at::Tensor> windowMask(const at::Tensor& q, std::int64_t length,
                                     std::optional<std::int64_t> window) {
    if (!window || *window >= length) return std::nullopt;
    const at::Tensor ones = at::ones({length, length}, q.options().dtype(at::kBool));
    const at::Tensor allowed = at::logical_and(ones.tril(0), ones.triu(1 - *window));
    return at::zeros({1, 1, length, length}, q.options())
        .masked_fill_(allowed.logical_not(), -std::numeric_limits<double>::infinity());
}

void checkAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& segments) {
    require(q.dim() == 3, "attention", "q [T, heads, head size]", q);
    require(k.dim() == 3 && k.size(0) == q.size(0) && k.size(2) == q.size(2) && q.size(1) % k.size(1) == 0,
            "attention", "k [T, kv heads, head size], heads a multiple of the kv heads", k);
    require(v.sizes() == k.sizes(), "attention", "v like k", v);
    require(!segments.offsets.empty() && segments.offsets.back() == q.size(0), "attention",
            "segments that cover T", q);
}

}  // namespace

Attention attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& segments,
                    std::optional<std::int64_t> window, bool forBackward) {
    const PartScope scope(Part::Attention);
    checkAttention(q, k, v, segments);
    if (q.is_cuda()) return attentionOnDevice(q, k, v, segments, window, forBackward);
    if (host::suitsAttention(q, k, v)) return host::attention(q, k, v, segments, window);
    Attention result{at::empty({q.size(0), q.size(1), q.size(2)}, q.options()), {}};
    for (const Group& g : groupsOf(segments)) {
        const auto mask = windowMask(q, g.length, window);
        auto [out, logsumexp] = at::_scaled_dot_product_flash_attention_for_cpu(
            headsFirst(q, g), expanded(k, g, q.size(1)), expanded(v, g, q.size(1)), 0.0, !mask, mask);
        result.out.narrow(0, g.begin, g.rows * g.length).copy_(out.transpose(1, 2).flatten(0, 1));
        if (forBackward) result.saved.push_back(logsumexp);
    }
    return result;
}

AttentionGradient attentionBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                                    const at::Tensor& v, const Attention& forward, const Segments& segments,
                                    std::optional<std::int64_t> window, const Rotated* rotated) {
    const PartScope scope(Part::Attention);
    checkAttention(q, k, v, segments);
    if (q.is_cuda()) return attentionBackwardOnDevice(dout, q, k, v, forward, segments, window, rotated);
    if (host::suitsAttention(q, k, v))
        return host::attentionBackward(dout, q, k, v, forward, segments, window);
    const auto empty = [](const at::Tensor& x) { return at::empty(x.sizes(), x.options()); };
    AttentionGradient gradient{empty(q), empty(k), empty(v)};
    std::size_t index = 0;
    for (const Group& g : groupsOf(segments)) {
        const auto mask = windowMask(q, g.length, window);
        auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
            headsFirst(dout, g), headsFirst(q, g), expanded(k, g, q.size(1)), expanded(v, g, q.size(1)),
            headsFirst(forward.out, g), forward.saved[index++], 0.0, !mask, mask);
        const auto store = [&](at::Tensor& to, const at::Tensor& from) {
            to.narrow(0, g.begin, g.rows * g.length)
                .copy_(folded(from, to.size(1)).transpose(1, 2).flatten(0, 1));
        };
        store(gradient.q, dq);
        store(gradient.k, dk);
        store(gradient.v, dv);
    }
    return gradient;
}

at::Tensor attentionDecode(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                           const at::Tensor& lengths, std::int64_t longest,
                           std::optional<std::int64_t> window) {
    require(q.dim() == 3 && q.is_contiguous(), "attentionDecode", "q [B, heads, head size] contiguous", q);
    require(keys.dim() == 4 && keys.size(0) == q.size(0) && keys.size(3) == q.size(2) && keys.stride(3) == 1,
            "attentionDecode", "keys [B, capacity, kv heads, head size]", keys);
    require(values.sizes() == keys.sizes() && values.strides() == keys.strides(), "attentionDecode",
            "values like keys", values);
    require(lengths.numel() == q.size(0) && lengths.scalar_type() == at::kInt && longest <= keys.size(1),
            "attentionDecode", "int32 lengths [B]", lengths);
    at::Tensor out = at::empty_like(q);
    const kernels::DecodeShape shape{q.size(1),      keys.size(2),   q.size(2),          keys.stride(0),
                                     keys.stride(1), keys.stride(2), window.value_or(0), keys.size(1)};
    if (q.is_cuda()) {
        checkLaunch("attentionDecode", cudaTable().decodeAttention(
                                           elementOf("attentionDecode", q), q.data_ptr(), keys.data_ptr(),
                                           values.data_ptr(), data<std::int32_t>(lengths), out.data_ptr(),
                                           shape, q.size(0) * q.size(1), streamOf(q)));
        return out;
    }
    forReal("attentionDecode", q, [&](auto type) {
        using T = decltype(type);
        parallelRows(q.size(0) * q.size(1), 1 + 32768 / (longest * q.size(2) + 1),
                     [&](std::int64_t begin, std::int64_t end) {
                         kernels::decodeAttention(data<T>(q), data<T>(keys), data<T>(values),
                                                  data<std::int32_t>(lengths), data<T>(out), shape, begin,
                                                  end);
                     });
    });
    return out;
}

}  // namespace caravan::engine::ops
