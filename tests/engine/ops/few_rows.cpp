// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/few_rows.h"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include "engine/ops/parallel.h"

// Passes of few tokens: near the plain formula, and each token's bits those that it has alone.
namespace caravan::engine::ops {
namespace {

at::Tensor drawn(at::IntArrayRef shape, std::uint64_t seed) {
    return uniformHost(shape, 1, {.seed = seed});
}

void expectNear(const at::Tensor& got, const at::Tensor& expected, double tolerance) {
    EXPECT_LE((got - expected).abs().max().item<double>(), tolerance);
}

// f(x) row by row has the bits of f(x).
template <class F>
void expectRowsAlone(const at::Tensor& x, F&& f) {
    const at::Tensor together = f(x);
    for (std::int64_t row = 0; row < x.size(0); ++row)
        EXPECT_TRUE(at::equal(together.narrow(0, row, 1), f(x.narrow(0, row, 1))))
            << row << " of " << x.size(0);
}

TEST(FewRows, LinearWithLoraOfEachRowIsAsAlone) {
    setThreads(2);
    const at::Tensor weight = drawn({300, 70}, 1);
    LoraGroup group;
    group.parts.push_back({.a = drawn({5, 70}, 2), .b = drawn({100, 5}, 3), .begin = 0, .scale = 0.5});
    group.parts.push_back({.a = drawn({8, 70}, 4), .b = drawn({60, 8}, 5), .begin = 200, .scale = 2});
    for (const std::int64_t rows : {1, 2, 3, 4, 7, 16}) {
        const at::Tensor x = drawn({rows, 70}, 6);
        ASSERT_TRUE(suitsFewRows(x, weight, group));
        std::vector<at::Tensor> h;
        const at::Tensor y = fewRowsLinear(x, weight, group, h);
        at::Tensor expected = at::mm(x, weight.t());
        for (std::size_t i = 0; i < 2; ++i) {
            const LoraPart& part = group.parts[i];
            expectNear(h[i], at::mm(x, part.a.t()), 1e-5);
            expected.narrow(1, part.begin, part.b.size(0))
                .add_(at::mm(at::mm(x, part.a.t()), part.b.t()), part.scale);
        }
        expectNear(y, expected, 5e-5);
        expectRowsAlone(x, [&](const at::Tensor& some) {
            std::vector<at::Tensor> unused;
            return fewRowsLinear(some, weight, group, unused);
        });
    }
    EXPECT_FALSE(suitsFewRows(drawn({17, 70}, 6), weight));
    group.dropout = 0.1;
    EXPECT_FALSE(suitsFewRows(drawn({2, 70}, 6), weight, group));
}

TEST(FewRows, AdaptersOfEachTokenAreAsAlone) {
    setThreads(2);
    constexpr std::int64_t kExperts = 5, kWidth = 40, kSize = 12;
    const at::Tensor down = drawn({kExperts, kSize, kWidth}, 1), up = drawn({kExperts, kWidth, kSize}, 2);
    for (const std::int64_t rows : {1, 3, 16}) {
        const at::Tensor u = drawn({rows, kWidth}, 3), logits = drawn({rows, kExperts}, 4);
        const Routing routing = route(logits, 2);
        const at::Tensor y = fewRowsAdapters(u, routing, down, up, 0.5).y;
        for (std::int64_t row = 0; row < rows; ++row) {
            at::Tensor expected = u[row].clone();
            for (std::int64_t k = 0; k < 2; ++k) {
                const auto e = routing.chosen[row][k].item<std::int64_t>();
                expected.add_(at::mv(up[e], at::gelu(at::mv(down[e], u[row]))) * routing.weights[row][k],
                              0.5);
            }
            expectNear(y[row], expected, 2e-5);
            const at::Tensor one =
                fewRowsAdapters(u.narrow(0, row, 1).contiguous(),
                                route(logits.narrow(0, row, 1).contiguous(), 2), down, up, 0.5)
                    .y;
            EXPECT_TRUE(at::equal(one[0], y[row])) << row;
        }
    }
}

TEST(FewRows, EverySequenceLooksAtItsOwnCache) {
    setThreads(2);
    constexpr std::int64_t kHeads = 4, kKeyHeads = 2, kSize = 8;
    const std::vector<std::int64_t> held{0, 31, 5, 64};
    const auto rows = static_cast<std::int64_t>(held.size());
    for (const std::optional<std::int64_t> window : {std::optional<std::int64_t>(), {7}}) {
        // Heads as a joined product leaves them: rows further apart than they are long.
        const at::Tensor joined = drawn({rows, (kHeads + 2 * kKeyHeads) * kSize}, 1);
        const Heads tokens = splitHeads(joined, kHeads, kKeyHeads, kSize);
        std::vector<SequenceCache> caches;
        for (std::size_t b = 0; b < held.size(); ++b)
            caches.push_back(
                {drawn({1, held[b] + 1 + static_cast<std::int64_t>(b), kKeyHeads, kSize}, 10 + b),
                 drawn({1, held[b] + 1 + static_cast<std::int64_t>(b), kKeyHeads, kSize}, 20 + b), held[b]});
        const at::Tensor out = attentionDecode(tokens, caches, window);
        for (std::int64_t b = 0; b < rows; ++b) {
            const SequenceCache& cache = caches[static_cast<std::size_t>(b)];
            EXPECT_TRUE(at::equal(cache.keys[0][cache.length], tokens.key[b]));
            EXPECT_TRUE(at::equal(cache.values[0][cache.length], tokens.value[b]));
            const at::Tensor lengths = at::full({1}, cache.length + 1, at::kInt);
            const at::Tensor alone = attentionDecode(tokens.query.narrow(0, b, 1).contiguous(), cache.keys,
                                                     cache.values, lengths, cache.length + 1, window);
            EXPECT_TRUE(at::equal(alone[0], out[b])) << b;
        }
    }
}

}  // namespace
}  // namespace caravan::engine::ops
