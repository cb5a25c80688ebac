// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/moe/balance.h"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

namespace caravan::engine::moe {
namespace {

ops::Routing routed(const at::Tensor& logits, std::int64_t k) {
    return ops::route(logits, k);
}

at::Tensor randomLogits(std::uint64_t seed, std::int64_t tokens, std::int64_t experts) {
    return ops::uniformHost({tokens, experts}, 2.0, {seed, ops::Purpose::Perturb});
}

// The formula in plain tensor algebra.
double switchLoss(const at::Tensor& logits, std::int64_t k) {
    const at::Tensor chosen = std::get<1>(logits.topk(k, 1));
    const at::Tensor f =
        at::one_hot(chosen, logits.size(1)).sum(1).to(at::kDouble).mean(0) / static_cast<double>(k);
    return (f * at::softmax(logits.to(at::kDouble), 1).mean(0)).sum().item<double>() *
           static_cast<double>(logits.size(1));
}

TEST(SwitchBalance, MicroScopeIsTheMeanOverMicroBatchesByTokens) {
    SwitchBalance balance(1e-2, BalanceScope::Micro, 2, 8, 2, at::kCPU);
    const at::Tensor a = randomLogits(1, 30, 8), b = randomLogits(2, 10, 8);
    balance.beginStep(40);
    balance.beginMicroBatch(30);
    balance.observe(1, routed(a, 2));
    balance.beginMicroBatch(10);
    balance.observe(1, routed(b, 2));
    EXPECT_NEAR(balance.values()[1].item<double>(), 0.75 * switchLoss(a, 2) + 0.25 * switchLoss(b, 2), 1e-6);
    EXPECT_EQ(balance.values()[0].item<double>(), 0.0);
    EXPECT_DOUBLE_EQ(balance.gradient(1).coefficient, 1e-2 * 8 / 40);
}

TEST(SwitchBalance, BatchScopeTakesTheChoicesSoFar) {
    SwitchBalance balance(1e-2, BalanceScope::Batch, 1, 4, 1, at::kCPU);
    const at::Tensor a = randomLogits(3, 12, 4), b = randomLogits(4, 20, 4);
    balance.beginStep(32);
    balance.beginMicroBatch(12);
    balance.observe(0, routed(a, 1));
    balance.beginMicroBatch(20);
    balance.observe(0, routed(b, 1));
    const at::Tensor counts = (routed(a, 1).counts + routed(b, 1).counts).to(at::kDouble);
    EXPECT_LT((balance.gradient(0).f.to(at::kDouble) - counts / 32).abs().max().item<double>(), 1e-7);
}

TEST(SwitchBalance, OneAtUniformAndExpertsOverChosenAtCollapse) {
    SwitchBalance balance(1e-2, BalanceScope::Micro, 1, 8, 2, at::kCPU);
    at::Tensor logits = at::zeros({64, 8});
    logits.narrow(1, 3, 2).fill_(100);
    balance.beginStep(64);
    balance.beginMicroBatch(64);
    balance.observe(0, routed(logits, 2));
    EXPECT_NEAR(balance.values()[0].item<double>(), 4.0, 1e-5);  // E / k
}

}  // namespace
}  // namespace caravan::engine::moe
