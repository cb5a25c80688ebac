// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "engine/ops/ops.h"

// Cross entropy and kept panels on the CPU, against plain formulas in float64.
namespace caravan::engine::ops {
namespace {

at::Tensor randomRows(std::int64_t rows, std::int64_t columns, double scale, at::ScalarType type) {
    return (at::randn({rows, columns}, at::kDouble) * scale).to(type);
}

// Relative, L2
double difference(const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor wanted = b.to(at::kDouble);
    return ((a.to(at::kDouble) - wanted).norm() / wanted.norm().clamp_min(1e-30)).item<double>();
}

struct Expected {
    at::Tensor perRow, dHidden;
};
Expected plainLoss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels, double scale) {
    const at::Tensor logits = at::mm(hidden.to(at::kDouble), head.to(at::kDouble).t());
    const at::Tensor column = labels.unsqueeze(1);
    at::Tensor d = at::softmax(logits, 1);
    const at::Tensor perRow = at::logsumexp(logits, 1) - logits.gather(1, column).squeeze(1);
    d.scatter_add_(1, column, -at::ones({labels.size(0), 1}, at::kDouble));
    return {perRow, at::mm(d * scale, head.to(at::kDouble))};
}

TEST(CrossEntropyOnTheCpu, IsThePlainFormulaOverChunksOfTheVocabulary) {
    at::manual_seed(3);
    for (const at::ScalarType type : {at::kFloat, at::kDouble})
        for (const std::int64_t vocabulary : {2, 17, 383, 384, 385, 769, 1000})
            for (const std::int64_t rows : {4, 97, 205}) {
                const at::Tensor hidden = randomRows(rows, 40, 1, type),
                                 head = randomRows(vocabulary, 40, 0.5, type);
                at::Tensor labels = at::randint(0, vocabulary, {rows}, at::kLong);
                labels[0] = 0;  // the borders of the first and the last chunk
                labels[1] = vocabulary - 1;
                labels[2] = std::min<std::int64_t>(383, vocabulary - 1);
                labels[3] = std::min<std::int64_t>(384, vocabulary - 1);
                const CrossEntropy result = crossEntropy(hidden, head, labels, 0.25, true);
                const Expected expected = plainLoss(hidden, head, labels, 0.25);
                const double allowed = type == at::kFloat ? 2e-6 : 1e-13;
                const std::string what = std::to_string(vocabulary) + " x " + std::to_string(rows);
                EXPECT_LT(difference(result.perRow, expected.perRow), allowed) << what;
                EXPECT_LT(difference(result.dHidden, expected.dHidden), allowed) << what;
                EXPECT_FALSE(crossEntropy(hidden, head, labels, 0.25, false).dHidden.defined());
                EXPECT_TRUE(at::equal(crossEntropy(hidden, head, labels, 0.25, false).perRow, result.perRow));
            }
}

// The largest logit moves from chunk to chunk, and the sums before it vanish or count.
TEST(CrossEntropyOnTheCpu, RescalesWhatWasSummedBeforeALargerLogit) {
    const std::int64_t vocabulary = 1200;
    for (const double slope : {-0.2, -0.01, 0.01, 0.2}) {
        const at::Tensor head = at::zeros({vocabulary, 16}, at::kFloat);
        head.select(1, 0).copy_(at::arange(vocabulary, at::kFloat) * slope);
        head.select(1, 1).copy_(at::randn({vocabulary}, at::kFloat));
        at::Tensor hidden = at::zeros({5, 16}, at::kFloat);
        hidden.select(1, 0).fill_(1);
        hidden.select(1, 1).fill_(0.1);
        const at::Tensor labels = at::tensor({0, 383, 384, 767, 1199}, at::kLong);
        const CrossEntropy result = crossEntropy(hidden, head, labels, 1, true);
        const Expected expected = plainLoss(hidden, head, labels, 1);
        EXPECT_LT(difference(result.perRow, expected.perRow), 2e-6) << slope;
        EXPECT_LT(difference(result.dHidden, expected.dHidden), 1e-5) << slope;
    }
}

// A label that is nearly certain: the loss and its gradient keep their digits, where 1 - p has lost them.
TEST(CrossEntropyOnTheCpu, KeepsTheDigitsOfACertainLabel) {
    at::Tensor head = at::zeros({500, 16}, at::kFloat);
    head[7][0] = 18;
    head[400][1] = 1;
    at::Tensor hidden = at::zeros({4, 16}, at::kFloat);
    hidden.select(1, 0).fill_(1);
    const at::Tensor labels = at::full({4}, 7, at::kLong);
    const CrossEntropy result = crossEntropy(hidden, head, labels, 1, true);
    const Expected expected = plainLoss(hidden, head, labels, 1);
    EXPECT_GT(expected.perRow[0].item<double>(), 1e-6);
    EXPECT_LT(expected.perRow[0].item<double>(), 1e-5);
    const at::Tensor others = at::full({4}, 499 * std::exp(-18.0), at::kDouble);
    EXPECT_LT(difference(result.perRow, at::log1p(others)), 1e-6);
    EXPECT_LT(difference(result.dHidden, expected.dHidden), 1e-6);
}

TEST(CrossEntropyOnTheCpu, OfARowIsTheSameWhereverItLies) {
    at::manual_seed(4);
    const at::Tensor hidden = randomRows(300, 48, 1, at::kFloat), head = randomRows(700, 48, 1, at::kFloat);
    const at::Tensor labels = at::randint(0, 700, {300}, at::kLong);
    const CrossEntropy all = crossEntropy(hidden, head, labels, 1, true);
    const CrossEntropy some = crossEntropy(hidden.narrow(0, 131, 60).contiguous(), head,
                                           labels.narrow(0, 131, 60).contiguous(), 1, true);
    EXPECT_TRUE(at::equal(some.perRow, all.perRow.narrow(0, 131, 60)));
    EXPECT_TRUE(at::equal(some.dHidden, all.dHidden.narrow(0, 131, 60)));
}

TEST(FrozenPanelsOnTheCpu, ChangeNoBit) {
    at::manual_seed(5);
    for (const at::ScalarType type : {at::kFloat, at::kDouble})
        for (const std::int64_t out : {32, 150}) {
            const at::Tensor x = randomRows(61, 40, 1, type), weight = randomRows(out, 40, 1, type),
                             dy = randomRows(61, out, 1, type);
            LoraGroup group{.parts = {}, .dropout = 0.25, .key = {1, Purpose::LoraDropout, 2, 3, 0, 0}};
            for (const std::int64_t begin : {0L, 21L})  // the second part begins inside a panel
                group.parts.push_back({.a = randomRows(6, 40, 1, type),
                                       .b = randomRows(11, 6, 1, type),
                                       .begin = begin,
                                       .scale = 0.5,
                                       .site = static_cast<std::int32_t>(begin),
                                       .da = {},
                                       .db = {},
                                       .kept = {}});
            const FrozenPanels panels = packFrozen(weight);
            std::vector<at::Tensor> h, kept, dh, keptDh;
            const at::Tensor y = linear(x, weight, {}, group, h), dx = linearBackward(dy, weight, group, dh);
            LoraGroup with = group;
            with.panels = &panels;
            EXPECT_TRUE(at::equal(linear(x, weight, {}, with, kept), y));
            EXPECT_TRUE(at::equal(linearBackward(dy, weight, with, keptDh), dx));
            EXPECT_TRUE(at::equal(kept.at(1), h.at(1)));

            const at::Tensor labels = at::randint(0, out, {61}, at::kLong);
            const CrossEntropy plain = crossEntropy(x, weight, labels, 1, true),
                               packed = crossEntropy(x, weight, labels, 1, true, &panels);
            EXPECT_TRUE(at::equal(plain.perRow, packed.perRow));
            EXPECT_TRUE(at::equal(plain.dHidden, packed.dHidden));
        }
}

}  // namespace
}  // namespace caravan::engine::ops
