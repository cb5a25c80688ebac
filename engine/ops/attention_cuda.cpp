// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/attention_cuda.h"

#include <ATen/Context.h>

#include <cmath>

#include "engine/ops/dispatch.h"

namespace caravan::engine::ops {
namespace {

constexpr std::int64_t kCausalFromTopLeft = 1;  // custom_mask_type of the memory-efficient kernel
constexpr std::int64_t kCudnnLength = 256;      // shorter rows: flash attention
constexpr std::size_t kCudnnSaved = 5;          // tensors of cudnnForward's backward

void checkSegments(const Segments& segments, const at::Tensor& q) {
    require(segments.cumulative.defined() && segments.cumulative.is_cuda() &&
                segments.cumulative.scalar_type() == at::kInt && segments.longest > 0,
            "attention", "segments with cumulative lengths on the device and the longest row", q);
}

// A window that covers the longest row is none.
std::optional<std::int64_t> effectiveWindow(const Segments& segments, std::optional<std::int64_t> window) {
    return window && *window < segments.longest ? window : std::nullopt;
}

// Tokens to the left and right of the query that flash attention lets it see; absent = all that causality
// allows.
std::optional<std::int64_t> leftOf(std::optional<std::int64_t> window) {
    return window ? std::optional<std::int64_t>(*window - 1) : std::nullopt;
}
std::optional<std::int64_t> rightOf(std::optional<std::int64_t> window) {
    return window ? std::optional<std::int64_t>(0) : std::nullopt;
}

// [T, kv heads, size] -> [1, T, heads, size]: the memory-efficient kernel wants as many key heads as query
// heads
at::Tensor repeated(const at::Tensor& x, std::int64_t heads) {
    const at::Tensor all = x.size(1) == heads ? x : x.repeat_interleave(heads / x.size(1), 1);
    return all.unsqueeze(0);
}
at::Tensor folded(const at::Tensor& gradient, std::int64_t kvHeads) {
    const at::Tensor g = gradient.squeeze(0);
    return g.size(1) == kvHeads ? g : g.unflatten(1, {kvHeads, g.size(1) / kvHeads}).sum(2);
}

// All rows of one length, whole heads, no window: what cuDNN's kernel takes without a copy.
bool cudnnTakes(const at::Tensor& q, const at::Tensor& k, const Segments& segments,
                std::optional<std::int64_t> window) {
    const auto rows = static_cast<std::int64_t>(segments.offsets.size()) - 1;
    return hopperPaths() && q.scalar_type() == at::kBFloat16 && !window && segments.longest >= kCudnnLength &&
           rows * segments.longest == q.size(0) && q.size(1) == k.size(1) && q.size(2) % 8 == 0 &&
           q.size(2) <= 128;
}

// [T, heads, size] -> [rows, length, heads, size] and, for cuDNN, [rows, heads, length, size]
at::Tensor rowsOf(const at::Tensor& x, const Segments& segments) {
    return x.unflatten(0, {x.size(0) / segments.longest, segments.longest});
}
at::Tensor headsOf(const at::Tensor& x, const Segments& segments) {
    return rowsOf(x, segments).transpose(1, 2);
}
at::Tensor tokensOf(const at::Tensor& headsFirst) {
    return headsFirst.transpose(1, 2).reshape({-1, headsFirst.size(1), headsFirst.size(3)});
}

Attention cudnnForward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                       const Segments& segments, bool forBackward) {
    auto [out, logsumexp, cumulativeQ, cumulativeK, longestQ, longestK, seed, offset, debug] =
        at::_scaled_dot_product_cudnn_attention(headsOf(q, segments), headsOf(k, segments),
                                                headsOf(v, segments), std::nullopt, forBackward, 0.0, true,
                                                false);
    return {tokensOf(out), forBackward
                               ? std::vector<at::Tensor>{logsumexp, seed, offset, cumulativeQ, cumulativeK}
                               : std::vector<at::Tensor>{}};
}

// Heads behind each other, tokens at any multiple of eight elements: what the copy engine reads.
bool ownTakes(const at::Tensor& x) {
    return x.stride(2) == 1 && x.stride(1) == x.size(2) && x.stride(0) % 8 == 0 &&
           reinterpret_cast<std::uintptr_t>(x.data_ptr()) % 16 == 0;
}

// On Hopper: kernels/attention_backward, from cuDNN's output and log-sum-exp.
std::optional<AttentionGradient> ownBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                                             const at::Tensor& v, const Attention& forward,
                                             const Segments& segments, const Rotated* rotated) {
    const std::int64_t length = segments.longest, rows = q.size(0) / length, heads = q.size(1),
                       size = q.size(2);
    const auto stream = streamOf(q);
    const std::int64_t bytes = cudaTable().attentionBackwardScratch(rows, length, heads, size);
    if (bytes == 0 || !ownTakes(q) || !ownTakes(k) || !ownTakes(v) || !ownTakes(dout) ||
        !ownTakes(forward.out))
        return std::nullopt;
    const at::Tensor scratch = at::empty({bytes}, q.options().dtype(at::kByte));
    const at::Tensor joined = at::empty({q.size(0), 3 * heads * size}, q.options());
    const Heads gradient = splitHeads(joined, heads, heads, size);
    kernels::cuda::AttentionBackward arguments{
        .q = q.data_ptr(),
        .k = k.data_ptr(),
        .v = v.data_ptr(),
        .out = forward.out.data_ptr(),
        .dout = dout.data_ptr(),
        .qStride = q.stride(0),
        .kStride = k.stride(0),
        .vStride = v.stride(0),
        .outStride = forward.out.stride(0),
        .doutStride = dout.stride(0),
        .logsumexp = data<float>(forward.saved[0].view({rows, heads, length})),
        .dq = gradient.query.data_ptr(),
        .dk = gradient.key.data_ptr(),
        .dv = gradient.value.data_ptr(),
        .dqStride = joined.stride(0),
        .dkStride = joined.stride(0),
        .dvStride = joined.stride(0),
        .rows = rows,
        .length = length,
        .heads = heads,
        .size = size,
        .scale = 1 / std::sqrt(static_cast<float>(size)),
        .scratch = scratch.data_ptr()};
    if (rotated) {
        arguments.positions = data<std::int32_t>(rotated->positions);
        arguments.cos = data<float>(rotated->table.cos);
        arguments.sin = data<float>(rotated->table.sin);
    }
    checkLaunch("attentionBackward", cudaTable().attentionBackward(arguments, stream));
    if (rotated) return AttentionGradient{.q = {}, .k = {}, .v = {}, .joined = joined};
    return AttentionGradient{gradient.query, gradient.key, gradient.value};
}

// cuDNN's own backward adds to dq from several blocks in any order. Where runs have to repeat bit for bit,
// our kernels take over, or flash attention's backward: all keep the same log-sum-exp.
AttentionGradient cudnnBackward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                                const at::Tensor& v, const Attention& forward, const Segments& segments,
                                const Rotated* rotated) {
    const auto& saved = forward.saved;
    if (at::globalContext().deterministicAlgorithms()) {
        if (auto own = ownBackward(dout, q, k, v, forward, segments, rotated)) return *own;
        const at::Tensor none;
        auto [dq, dk, dv] = at::_flash_attention_backward(
            rowsOf(dout, segments), rowsOf(q, segments), rowsOf(k, segments), rowsOf(v, segments),
            rowsOf(forward.out, segments), saved[0].view({-1, q.size(1), segments.longest}), none, none,
            segments.longest, segments.longest, 0.0, true, saved[1], saved[2]);
        return {dq.flatten(0, 1), dk.flatten(0, 1), dv.flatten(0, 1)};
    }
    auto [dq, dk, dv] = at::_scaled_dot_product_cudnn_attention_backward(
        headsOf(dout, segments), headsOf(q, segments), headsOf(k, segments), headsOf(v, segments),
        headsOf(forward.out, segments), saved[0], saved[1], saved[2], {}, saved[3], saved[4],
        segments.longest, segments.longest, 0.0, true);
    return {tokensOf(dq), tokensOf(dk), tokensOf(dv)};
}

}  // namespace

Attention attentionOnDevice(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const Segments& segments, std::optional<std::int64_t> givenWindow,
                            bool forBackward) {
    checkSegments(segments, q);
    const auto window = effectiveWindow(segments, givenWindow);
    if (cudnnTakes(q, k, segments, window)) return cudnnForward(q, k, v, segments, forBackward);
    if (q.scalar_type() == at::kBFloat16) {
        auto [out, logsumexp, state, unused, debug] = at::_flash_attention_forward(
            q, k, v, segments.cumulative, segments.cumulative, segments.longest, segments.longest, 0.0, true,
            false, std::nullopt, leftOf(window), rightOf(window));
        return {out,
                forBackward ? std::vector<at::Tensor>{logsumexp, state, unused} : std::vector<at::Tensor>{}};
    }
    auto [out, logsumexp, seed, offset, longestQ, longestK] = at::_efficient_attention_forward(
        q.unsqueeze(0), repeated(k, q.size(1)), repeated(v, q.size(1)), std::nullopt, segments.cumulative,
        segments.cumulative, segments.longest, segments.longest, 0.0, kCausalFromTopLeft, forBackward,
        std::nullopt, std::nullopt, window);
    return {out.squeeze(0),
            forBackward ? std::vector<at::Tensor>{logsumexp, seed, offset} : std::vector<at::Tensor>{}};
}

AttentionGradient attentionBackwardOnDevice(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                                            const at::Tensor& v, const Attention& forward,
                                            const Segments& segments, std::optional<std::int64_t> givenWindow,
                                            const Rotated* rotated) {
    checkSegments(segments, q);
    const auto window = effectiveWindow(segments, givenWindow);
    if (forward.saved.size() == kCudnnSaved) return cudnnBackward(dout, q, k, v, forward, segments, rotated);
    if (q.scalar_type() == at::kBFloat16) {
        auto [dq, dk, dv] = at::_flash_attention_backward(
            dout, q, k, v, forward.out, forward.saved[0], segments.cumulative, segments.cumulative,
            segments.longest, segments.longest, 0.0, true, forward.saved[1], forward.saved[2], std::nullopt,
            leftOf(window), rightOf(window));
        return {dq, dk, dv};
    }
    auto [dq, dk, dv, bias] = at::_efficient_attention_backward(
        dout.unsqueeze(0), q.unsqueeze(0), repeated(k, q.size(1)), repeated(v, q.size(1)), std::nullopt,
        forward.out.unsqueeze(0), segments.cumulative, segments.cumulative, segments.longest,
        segments.longest, forward.saved[0], 0.0, forward.saved[1], forward.saved[2], kCausalFromTopLeft,
        false, std::nullopt, 1, window);
    return {dq.squeeze(0), folded(dk, k.size(1)), folded(dv, v.size(1))};
}

}  // namespace caravan::engine::ops
