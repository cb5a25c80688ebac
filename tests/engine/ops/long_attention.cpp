// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/ops.h"

// Attention over several blocks of queries and keys against the plain definition and its derivatives, written
// with whole score matrices.
namespace caravan::engine::ops {
namespace {

at::Tensor values(at::IntArrayRef shape, int site, at::ScalarType type) {
    return uniformHost(shape, 1, {.seed = 5, .site = site}).to(type);
}

struct Plain {
    at::Tensor out, dq, dk, dv;
};

// One row of tokens, one query head; all [n, head size].
Plain plain(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& g,
            std::optional<std::int64_t> window) {
    const std::int64_t n = q.size(0);
    const double scale = 1 / std::sqrt(static_cast<double>(q.size(1)));
    at::Tensor seen = at::ones({n, n}, at::kBool).tril();
    if (window) seen = seen.logical_and(at::ones({n, n}, at::kBool).triu(1 - *window));
    const at::Tensor scores =
        (at::mm(q, k.t()) * scale).masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity());
    const at::Tensor p = at::softmax(scores, 1), dp = at::mm(g, v.t());
    const at::Tensor ds = p * (dp - (dp * p).sum(1, true)) * scale;
    return {at::mm(p, v), at::mm(ds, k), at::mm(ds.t(), q), at::mm(p.t(), g)};
}

double difference(const at::Tensor& a, const at::Tensor& b) {
    return (a.to(at::kDouble) - b).abs().max().item<double>();
}

struct Case {
    std::vector<std::int64_t> offsets;
    std::int64_t heads, kvHeads, size;
    std::optional<std::int64_t> window;
};

void check(const Case& c, at::ScalarType type, double tolerance) {
    const std::int64_t tokens = c.offsets.back(), group = c.heads / c.kvHeads;
    const at::Tensor q = values({tokens, c.heads, c.size}, 1, type),
                     k = values({tokens, c.kvHeads, c.size}, 2, type),
                     v = values({tokens, c.kvHeads, c.size}, 3, type),
                     g = values({tokens, c.heads, c.size}, 4, type);
    Segments segments;
    segments.offsets = c.offsets;
    const Attention forward = attention(q, k, v, segments, c.window, true);
    const AttentionGradient d = attentionBackward(g, q, k, v, forward, segments, c.window);
    for (std::size_t row = 0; row + 1 < c.offsets.size(); ++row)
        for (std::int64_t kv = 0; kv < c.kvHeads; ++kv) {
            const auto part = [&](const at::Tensor& x, std::int64_t head) {
                return x.slice(0, c.offsets[row], c.offsets[row + 1]).select(1, head).to(at::kDouble);
            };
            at::Tensor dk = at::zeros_like(part(k, kv)), dv = at::zeros_like(dk);
            for (std::int64_t head = kv * group; head < (kv + 1) * group; ++head) {
                const Plain expected =
                    plain(part(q, head), part(k, kv), part(v, kv), part(g, head), c.window);
                EXPECT_LT(difference(part(forward.out, head), expected.out), tolerance);
                EXPECT_LT(difference(part(d.q, head), expected.dq), tolerance);
                dk += expected.dk;
                dv += expected.dv;
            }
            EXPECT_LT(difference(part(d.k, kv), dk), tolerance);
            EXPECT_LT(difference(part(d.v, kv), dv), tolerance);
        }
}

// Tolerances: sums of up to 300 products of numbers below 1.
TEST(LongAttention, PackedRowsOfSeveralBlocks) {
    check({{0, 130, 131, 300}, 6, 2, 64, std::nullopt}, at::kDouble, 1e-12);
    check({{0, 130, 131, 300}, 6, 2, 64, std::nullopt}, at::kFloat, 2e-5);
}
TEST(LongAttention, Window) {
    check({{0, 97, 244}, 4, 4, 24, 37}, at::kDouble, 1e-12);
    check({{0, 97, 244}, 4, 4, 24, 37}, at::kFloat, 2e-5);
    check({{0, 150}, 2, 1, 8, 1}, at::kFloat, 2e-5);
}

}  // namespace
}  // namespace caravan::engine::ops
