// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "engine/ops/dispatch.h"
#include "tests/engine/ops_gpu/device.h"

namespace caravan::engine::ops {
namespace {

class AttentionOnGpu : public GpuTest {};

struct Case {
    std::vector<std::int64_t> offsets;
    std::int64_t heads, kvHeads, size;
    std::optional<std::int64_t> window;
};
const Case kCases[] = {
    {{0, 1}, 4, 4, 64, std::nullopt},         {{0, 5, 6, 141}, 4, 4, 64, std::nullopt},
    {{0, 256, 512}, 6, 2, 64, std::nullopt},  {{0, 33, 300, 301}, 8, 2, 128, std::nullopt},
    {{0, 33, 300}, 8, 8, 8, std::nullopt},    {{0, 130, 200}, 4, 2, 64, 17},
    {{0, 256, 512}, 4, 4, 128, std::nullopt}, {{0, 300, 600, 900}, 3, 3, 64, std::nullopt},
    {{0, 1000}, 2, 2, 128, std::nullopt},     {{0, 257, 514, 771}, 3, 3, 128, std::nullopt},
    {{0, 384, 768}, 3, 3, 64, std::nullopt},  {{0, 2048}, 1, 1, 128, std::nullopt}};

Segments segmentsOf(const Case& c) {
    Segments s;
    s.offsets = c.offsets;
    std::vector<int> ends(c.offsets.begin(), c.offsets.end());
    s.cumulative = gpu(at::tensor(ends, at::kInt));
    for (std::size_t i = 0; i + 1 < c.offsets.size(); ++i)
        s.longest = std::max(s.longest, c.offsets[i + 1] - c.offsets[i]);
    return s;
}

TEST_F(AttentionOnGpu, ForwardAndBackward) {
    for (const Case& c : kCases)
        for (const auto type : kTypes) {
            SCOPED_TRACE(testing::Message() << c.offsets.back() << " tokens, heads " << c.heads << "/"
                                            << c.kvHeads << " of " << c.size << ", " << type);
            const std::int64_t tokens = c.offsets.back();
            const at::Tensor q = rounded(values({tokens, c.heads, c.size}, 1, 2), type),
                             k = rounded(values({tokens, c.kvHeads, c.size}, 2, 2), type),
                             v = rounded(values({tokens, c.kvHeads, c.size}, 3), type),
                             g = rounded(values({tokens, c.heads, c.size}, 4), type);
            const Segments segments = segmentsOf(c);
            const Attention expected = attention(q, k, v, segments, c.window, true);
            const auto put = [&](const at::Tensor& x) { return onGpu(x, type); };
            const Attention got = attention(put(q), put(k), put(v), segments, c.window, true);
            EXPECT_LT(relativeError(got.out, expected.out), tolerance(type));
            const auto d = attentionBackward(g, q, k, v, expected, segments, c.window);
            const auto e = attentionBackward(put(g), put(q), put(k), put(v), got, segments, c.window);
            if (tokens > 1) {  // one token: softmax over one value, q and k have no gradient
                EXPECT_LT(relativeError(e.q, d.q), 2 * tolerance(type));
                EXPECT_LT(relativeError(e.k, d.k), 2 * tolerance(type));
            }
            EXPECT_LT(relativeError(e.v, d.v), 2 * tolerance(type));
            const auto again = attentionBackward(put(g), put(q), put(k), put(v), got, segments, c.window);
            EXPECT_TRUE(sameBits(e.q, again.q) && sameBits(e.k, again.k) && sameBits(e.v, again.v))
                << "not the same bits twice";
        }
}

// The kernels behind it alone: heads as views of one product, gradients between guard bands in one matrix.
TEST_F(AttentionOnGpu, OwnBackward) {
    constexpr auto type = at::kBFloat16;
    for (const std::int64_t size : {128, 64})
        for (const std::int64_t length : {256, 257, 384, 1000}) {
            const std::int64_t rows = length == 1000 ? 1 : 3, heads = length == 384 ? 1 : 3,
                               tokens = rows * length, width = 3 * heads * size;
            SCOPED_TRACE(testing::Message() << rows << " x " << length << ", heads of " << size);
            const std::int64_t bytes =
                hopperPaths() ? cudaTable().attentionBackwardScratch(rows, length, heads, size) : 0;
            if (bytes == 0) GTEST_SKIP() << "another card's backward is flash attention's";
            Case c{{}, heads, heads, size, std::nullopt};
            for (std::int64_t i = 0; i <= rows; ++i)
                c.offsets.push_back(i * length);
            const Segments segments = segmentsOf(c);
            const at::Tensor joined = rounded(values({tokens, width}, 1, 2), type),
                             g = rounded(values({tokens, heads, size}, 4), type);
            const Heads host = splitHeads(joined, heads, heads, size);
            const Attention forward = attention(host.query, host.key, host.value, segments, c.window, true);
            const auto expected =
                attentionBackward(g, host.query, host.key, host.value, forward, segments, c.window);

            const at::Tensor joinedGpu = onGpu(joined, type), dout = onGpu(g, type);
            const Heads view = splitHeads(joinedGpu, heads, heads, size);
            const Attention got = attention(view.query, view.key, view.value, segments, c.window, true);
            const at::Tensor angle = values({length + 5, size / 2}, 3, 3.0),
                             positions = at::arange(tokens, at::kInt).remainder(length).add(2);
            const RopeTable table{angle.cos(), angle.sin()}, tableGpu{gpu(table.cos), gpu(table.sin)};
            const at::Tensor positionsGpu = gpu(positions);
            const auto run = [&](const Guarded& gradient, const Guarded& scratch, bool turned = false) {
                Heads d = splitHeads(gradient.inner, heads, heads, size);
                kernels::cuda::AttentionBackward arguments{.q = view.query.data_ptr(),
                                                           .k = view.key.data_ptr(),
                                                           .v = view.value.data_ptr(),
                                                           .out = got.out.data_ptr(),
                                                           .dout = dout.data_ptr(),
                                                           .qStride = width,
                                                           .kStride = width,
                                                           .vStride = width,
                                                           .outStride = heads * size,
                                                           .doutStride = heads * size,
                                                           .logsumexp = got.saved[0].data_ptr<float>(),
                                                           .dq = d.query.data_ptr(),
                                                           .dk = d.key.data_ptr(),
                                                           .dv = d.value.data_ptr(),
                                                           .dqStride = width,
                                                           .dkStride = width,
                                                           .dvStride = width,
                                                           .rows = rows,
                                                           .length = length,
                                                           .heads = heads,
                                                           .size = size,
                                                           .scale = 1 / std::sqrt(static_cast<float>(size)),
                                                           .scratch = scratch.inner.data_ptr()};
                if (turned) {
                    arguments.positions = positionsGpu.data_ptr<std::int32_t>();
                    arguments.cos = tableGpu.cos.data_ptr<float>();
                    arguments.sin = tableGpu.sin.data_ptr<float>();
                }
                EXPECT_EQ(cudaTable().attentionBackward(arguments, streamOf(joinedGpu)), 0);
                return d;
            };
            const Guarded gradient({tokens, width}, type), again({tokens, width}, type),
                broken({tokens, width}, type), scratch({bytes}, at::kByte), other({bytes}, at::kByte);
            const Heads d = run(gradient, scratch);
            EXPECT_LT(relativeError(d.query, expected.q), 2 * tolerance(type));
            EXPECT_LT(relativeError(d.key, expected.k), 2 * tolerance(type));
            EXPECT_LT(relativeError(d.value, expected.v), 2 * tolerance(type));
            EXPECT_TRUE(gradient.intact() && scratch.intact());
            other.inner.fill_(255);  // NaN where a sum of scores would read what it did not write
            run(again, other);
            EXPECT_TRUE(sameBits(gradient.inner, again.inner)) << "not the same bits twice";
            const Guarded turned({tokens, width}, type), turnedAgain({tokens, width}, type);
            run(turned, scratch, true);
            run(turnedAgain, other, true);
            Heads before{expected.q.clone(), expected.k.clone(), expected.v.clone()};
            const at::Tensor back = joinHeads(before, positions, table);
            EXPECT_LT(relativeError(turned.inner, back), 2 * tolerance(type)) << "turned back and joined";
            EXPECT_GT(relativeError(gradient.inner, back), 0.1) << "an angle that is left out must show";
            EXPECT_TRUE(turned.intact() && sameBits(turned.inner, turnedAgain.inner));
            joinedGpu[tokens / 2].mul_(-1);
            EXPECT_GT(relativeError(run(broken, scratch).query, expected.q), 4 * tolerance(type))
                << "an error must show";
        }
}

// Heads in parts, as the scratch's limit has it, give the bits of fewer heads in one part.
TEST_F(AttentionOnGpu, OwnBackwardInParts) {
    const std::int64_t length = 2048, heads = 40, size = 128, half = heads / 2;
    const auto bytesOf = [&](std::int64_t n) {
        return hopperPaths() ? cudaTable().attentionBackwardScratch(1, length, n, size) : 0;
    };
    if (bytesOf(heads) == 0) GTEST_SKIP() << "another card's backward is flash attention's";
    EXPECT_LT(bytesOf(heads), 3 * bytesOf(half) / 2) << "one part";
    const auto made = [&](int site) { return onGpu(values({length, heads, size}, site, 2), at::kBFloat16); };
    const at::Tensor q = made(1), k = made(2), v = made(3), dout = made(4);
    const Segments segments = segmentsOf({{0, length}, heads, heads, size, std::nullopt});
    const Attention forward = attention(q, k, v, segments, std::nullopt, true);
    const auto whole = attentionBackward(dout, q, k, v, forward, segments, std::nullopt);
    for (const std::int64_t first : {std::int64_t{0}, half}) {
        const auto part = [&](const at::Tensor& x) { return x.narrow(1, first, half); };
        Attention some{part(forward.out), forward.saved};
        some.saved[0] = part(forward.saved[0]).contiguous();
        const auto d = attentionBackward(part(dout), part(q), part(k), part(v), some, segments, std::nullopt);
        EXPECT_TRUE(sameBits(d.q, part(whole.q))) << "queries of heads from " << first;
        EXPECT_TRUE(sameBits(d.k, part(whole.k))) << "keys of heads from " << first;
        EXPECT_TRUE(sameBits(d.v, part(whole.v))) << "values of heads from " << first;
    }
}

// fp32: heads as views of one product, results between guard bands, against fp64; an injected error shows.
TEST_F(AttentionOnGpu, Fp32) {
    if (!cudaTable().attentionFp32Takes(64, 1)) GTEST_SKIP() << "this card's kernels are the library's";
    for (const Case& c : kCases) {
        const std::int64_t tokens = c.offsets.back(), width = (c.heads + 2 * c.kvHeads) * c.size,
                           rows = static_cast<std::int64_t>(c.offsets.size()) - 1;
        if (!cudaTable().attentionFp32Takes(c.size, rows)) continue;
        SCOPED_TRACE(testing::Message()
                     << tokens << " tokens, heads " << c.heads << "/" << c.kvHeads << " of " << c.size);
        const at::Tensor joined = values({tokens, width}, 1, 2), g = values({tokens, c.heads, c.size}, 4);
        const auto exact = [](const at::Tensor& x) { return x.to(at::kDouble); };
        const Heads host = splitHeads(exact(joined), c.heads, c.kvHeads, c.size);
        const Segments segments = segmentsOf(c);
        const Attention expected = attention(host.query, host.key, host.value, segments, c.window, true);
        const auto d =
            attentionBackward(exact(g), host.query, host.key, host.value, expected, segments, c.window);

        const at::Tensor onDevice = gpu(joined), dout = gpu(g);
        const Heads view = splitHeads(onDevice, c.heads, c.kvHeads, c.size);
        const Guarded out({tokens, c.heads, c.size}, at::kFloat), sums({c.heads, tokens}, at::kFloat),
            logsumexp({c.heads, tokens}, at::kFloat), dq({tokens, c.heads, c.size}, at::kFloat),
            dk({tokens, c.heads, c.size}, at::kFloat), dv({tokens, c.heads, c.size}, at::kFloat);
        const auto run = [&] {
            for (const Guarded* made : {&out, &sums, &logsumexp, &dq, &dk, &dv})
                made->inner.fill_(std::nan(""));
            const kernels::cuda::AttentionFp32 arguments{
                .q = view.query.data_ptr<float>(),
                .k = view.key.data_ptr<float>(),
                .v = view.value.data_ptr<float>(),
                .qStride = width,
                .kStride = width,
                .vStride = width,
                .cumulative = segments.cumulative.data_ptr<std::int32_t>(),
                .tokens = tokens,
                .rows = rows,
                .longest = segments.longest,
                .heads = c.heads,
                .kvHeads = c.kvHeads,
                .size = c.size,
                .window = c.window.value_or(0),
                .scale = 1 / std::sqrt(static_cast<float>(c.size)),
                .out = out.inner.data_ptr<float>(),
                .logsumexp = logsumexp.inner.data_ptr<float>()};
            EXPECT_EQ(cudaTable().attentionFp32(arguments, streamOf(onDevice)), 0);
            EXPECT_EQ(cudaTable().attentionFp32Backward({.forward = arguments,
                                                         .dout = dout.data_ptr<float>(),
                                                         .doutStride = c.heads * c.size,
                                                         .sums = sums.inner.data_ptr<float>(),
                                                         .dq = dq.inner.data_ptr<float>(),
                                                         .dk = dk.inner.data_ptr<float>(),
                                                         .dv = dv.inner.data_ptr<float>()},
                                                        streamOf(onDevice)),
                      0);
        };
        const auto ofKeyHeads = [&](const Guarded& x) {
            return x.inner.unflatten(1, {c.kvHeads, c.heads / c.kvHeads}).sum(2);
        };
        run();
        EXPECT_LT(relativeError(out.inner, expected.out), 1e-6);
        EXPECT_LT(relativeError(ofKeyHeads(dv), d.v), 1e-6);
        if (tokens > 1) {
            EXPECT_LT(relativeError(dq.inner, d.q), 1.5e-6);
            EXPECT_LT(relativeError(ofKeyHeads(dk), d.k), 1.5e-6);
        }
        for (const Guarded* made : {&out, &sums, &logsumexp, &dq, &dk, &dv})
            EXPECT_TRUE(made->intact());
        onDevice[tokens / 2].mul_(1.0001);
        run();
        EXPECT_GT(relativeError(out.inner, expected.out), 1e-6) << "an error must show";
        EXPECT_GT(relativeError(ofKeyHeads(dv), d.v) + relativeError(dq.inner, d.q), tokens > 1 ? 3e-6 : 0)
            << "an error must show";
    }
}

// Heads as views of one product, rotated in place; the gradient joined and rotated back in one pass.
TEST_F(AttentionOnGpu, HeadsOfOneProduct) {
    for (const auto type : kTypes)
        for (const std::int64_t size : {64, 24}) {
            const std::int64_t tokens = 37, heads = 4, kvHeads = 2, width = (heads + 2 * kvHeads) * size;
            const at::Tensor angle = values({50, size / 2}, 3, 3.0), positions = at::arange(37, at::kInt);
            const RopeTable table{angle.cos(), angle.sin()}, onDevice{gpu(table.cos), gpu(table.sin)};
            const at::Tensor joined = rounded(values({tokens, width}, 1), type);
            const at::Tensor joinedGpu = onGpu(joined, type);
            Heads expected = splitHeads(joined.clone(), heads, kvHeads, size),
                  got = splitHeads(joinedGpu, heads, kvHeads, size);
            EXPECT_EQ(got.key.storage().data(), joinedGpu.storage().data()) << "a copy";
            ropeHeads(expected, positions, table);
            ropeHeads(got, gpu(positions), onDevice);
            EXPECT_LT(relativeError(got.query, expected.query), tolerance(type));
            EXPECT_LT(relativeError(got.key, expected.key), tolerance(type));
            EXPECT_TRUE(sameBits(got.value.to(at::kFloat), expected.value));
            const at::Tensor another = onGpu(joined, type);
            const Guarded keys({tokens, kvHeads, size}, type), kept({tokens, kvHeads, size}, type);
            Heads cached = splitHeads(another, heads, kvHeads, size);
            ropeHeads(cached, gpu(positions), onDevice, keys.inner, kept.inner);
            EXPECT_TRUE(sameBits(cached.query, got.query) && sameBits(keys.inner, got.key) &&
                        sameBits(kept.inner, got.value))
                << "rotated into a cache";
            EXPECT_TRUE(cached.key.is_same(keys.inner) && keys.intact() && kept.intact());
            const at::Tensor back = joinHeads(got, gpu(positions), onDevice);
            EXPECT_LT(relativeError(back, joined), 2 * tolerance(type)) << "there and back";
        }
}

TEST_F(AttentionOnGpu, DecodeAgainstTheCache) {
    for (const auto type : kTypes)
        for (const std::int64_t window : {0, 9}) {
            const std::int64_t rows = 3, capacity = 70, heads = 6, kvHeads = 2;
            const at::Tensor lengths = at::tensor({1, 37, 70}, at::kInt);
            const std::optional<std::int64_t> limit = window > 0 ? std::optional(window) : std::nullopt;
            for (const std::int64_t size : {64, 128, 24}) {
                const at::Tensor q = rounded(values({rows, heads, size}, 1, 2), type),
                                 keys = rounded(values({rows, capacity, kvHeads, size}, 2, 2), type),
                                 cache = rounded(values({rows, capacity, kvHeads, size}, 3), type);
                EXPECT_LT(relativeError(attentionDecode(onGpu(q, type), onGpu(keys, type), onGpu(cache, type),
                                                        gpu(lengths), 70, limit),
                                        attentionDecode(q, keys, cache, lengths, 70, limit)),
                          tolerance(type));
            }
        }
}

}  // namespace
}  // namespace caravan::engine::ops
