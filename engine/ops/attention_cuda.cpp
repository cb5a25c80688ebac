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
constexpr std::size_t kFp32Saved = 1;           // and of fp32Forward's

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

// [T, heads, size] -> [T, kv heads, size]
at::Tensor folded(const at::Tensor& g, std::int64_t kvHeads) {
    return g.size(1) == kvHeads ? g : g.unflatten(1, {kvHeads, g.size(1) / kvHeads}).sum(2);
}

// Heads behind each other, tokens at any multiple of what 16 bytes hold: what our kernels read.
bool ownTakes(const at::Tensor& x) {
    return x.stride(2) == 1 && x.stride(1) == x.size(2) && x.stride(0) % (16 / x.element_size()) == 0 &&
           reinterpret_cast<std::uintptr_t>(x.data_ptr()) % 16 == 0;
}

// fp32: kernels/attention_fp32 for the sizes that it has.
bool fp32Takes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& segments) {
    return q.scalar_type() == at::kFloat && ownTakes(q) && ownTakes(k) && ownTakes(v) &&
           cudaTable().attentionFp32Takes(q.size(2), segments.cumulative.size(0) - 1);
}
kernels::cuda::AttentionFp32 fp32Arguments(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                           const Segments& segments, std::optional<std::int64_t> window,
                                           const at::Tensor& out, const at::Tensor& logsumexp) {
    return {.q = data<float>(q),
            .k = data<float>(k),
            .v = data<float>(v),
            .qStride = q.stride(0),
            .kStride = k.stride(0),
            .vStride = v.stride(0),
            .cumulative = data<std::int32_t>(segments.cumulative),
            .tokens = q.size(0),
            .rows = segments.cumulative.size(0) - 1,
            .longest = segments.longest,
            .heads = q.size(1),
            .kvHeads = k.size(1),
            .size = q.size(2),
            .window = window.value_or(0),
            .scale = 1 / std::sqrt(static_cast<float>(q.size(2))),
            .out = data<float>(out),
            .logsumexp = logsumexp.defined() ? data<float>(logsumexp) : nullptr};
}
Attention fp32Forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& segments,
                      std::optional<std::int64_t> window, bool forBackward) {
    Attention result{at::empty(q.sizes(), q.options()), {}};
    at::Tensor logsumexp;
    if (forBackward) result.saved = {logsumexp = at::empty({q.size(1), q.size(0)}, q.options())};
    checkLaunch("attention",
                cudaTable().attentionFp32(fp32Arguments(q, k, v, segments, window, result.out, logsumexp),
                                          streamOf(q)));
    return result;
}
AttentionGradient fp32Backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                               const at::Tensor& v, const Attention& forward, const Segments& segments,
                               std::optional<std::int64_t> window) {
    const auto perHead = [&] { return at::empty(q.sizes(), q.options()); };
    const at::Tensor dq = perHead(), dk = perHead(), dv = perHead(), sums = at::empty_like(forward.saved[0]),
                     d = ownTakes(dout) ? dout : dout.contiguous();
    checkLaunch("attentionBackward",
                cudaTable().attentionFp32Backward(
                    {.forward = fp32Arguments(q, k, v, segments, window, forward.out, forward.saved[0]),
                     .dout = data<float>(d),
                     .doutStride = d.stride(0),
                     .sums = data<float>(sums),
                     .dq = data<float>(dq),
                     .dk = data<float>(dk),
                     .dv = data<float>(dv)},
                    streamOf(q)));
    return {dq, folded(dk, k.size(1)), folded(dv, v.size(1))};
}

// [T, kv heads, size] -> [1, T, heads, size]: the memory-efficient kernel wants as many key heads as query
// heads
at::Tensor repeated(const at::Tensor& x, std::int64_t heads) {
    const at::Tensor all = x.size(1) == heads ? x : x.repeat_interleave(heads / x.size(1), 1);
    return all.unsqueeze(0);
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
    if (fp32Takes(q, k, v, segments)) return fp32Forward(q, k, v, segments, window, forBackward);
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
    if (forward.saved.size() == kFp32Saved) return fp32Backward(dout, q, k, v, forward, segments, window);
    auto [dq, dk, dv, bias] = at::_efficient_attention_backward(
        dout.unsqueeze(0), q.unsqueeze(0), repeated(k, q.size(1)), repeated(v, q.size(1)), std::nullopt,
        forward.out.unsqueeze(0), segments.cumulative, segments.cumulative, segments.longest,
        segments.longest, forward.saved[0], 0.0, forward.saved[1], forward.saved[2], kCausalFromTopLeft,
        false, std::nullopt, 1, window);
    return {dq.squeeze(0), folded(dk.squeeze(0), k.size(1)), folded(dv.squeeze(0), v.size(1))};
}

}  // namespace caravan::engine::ops
