// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/ops_gpu/device.h"

namespace caravan::engine::ops {
namespace {

class AttentionOnGpu : public GpuTest {};

struct Case {
    std::vector<std::int64_t> offsets;
    std::int64_t heads, kvHeads, size;
    std::optional<std::int64_t> window;
};
const Case kCases[] = {{{0, 1}, 4, 4, 64, std::nullopt},         {{0, 5, 6, 141}, 4, 4, 64, std::nullopt},
                       {{0, 256, 512}, 6, 2, 64, std::nullopt},  {{0, 33, 300, 301}, 8, 2, 128, std::nullopt},
                       {{0, 33, 300}, 8, 8, 8, std::nullopt},    {{0, 130, 200}, 4, 2, 64, 17},
                       {{0, 256, 512}, 4, 4, 128, std::nullopt}, {{0, 300, 600, 900}, 3, 3, 64, std::nullopt},
                       {{0, 1000}, 2, 2, 128, std::nullopt}};

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
