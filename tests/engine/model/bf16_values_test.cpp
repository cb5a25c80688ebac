// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/bench/random_batch.h"
#include "engine/model/layer.h"
#include "engine/train/stepper.h"
#include "tests/support/golden.h"

namespace caravan::engine {
namespace {

using model::Trainable;

std::unique_ptr<model::Model> makeModel(bool early) {
    auto model = model::loadModel(dataFolder() / "models" / "stories260k", {});
    if (early) model->trainable().keepAs(TrainedValues::Bf16);
    model->attachPesc(
        {.experts = 4, .topK = 2, .adapterSize = 8, .scaling = 1, .layers = {0, 2, 4}, .seed = 3});
    model->attachLora({.rank = 4, .alpha = 8, .targets = {"q_proj", "v_proj", "down_proj"}, .seed = 3});
    return model;
}

// Values that gradients do not vanish at; the same in both models.
void setValues(Trainable& trainable) {
    const at::Tensor drawn =
        ops::uniformHost({trainable.values().numel()}, 0.1, {.seed = 11}).to(at::kBFloat16);
    trainable.values().copy_(drawn);
    trainable.refresh();
}

at::Tensor gradientsOf(model::Model& model, std::span<const train::TokenBatch> batches) {
    train::Stepper stepper(model, {.seed = 5, .loraDropout = 0.1, .adapterDropout = 0.1, .domains = 2});
    setValues(model.trainable());
    model.trainable().zeroGradients();
    (void)stepper.accumulate(1, batches);
    return model.trainable().gradients().clone();
}

// The values' own parts: the padding between blocks belongs to nobody.
TEST(Bf16Values, GradientsAreTheFp32OnesRounded) {
    const auto wide = makeModel(false), narrow = makeModel(true);
    const std::vector<train::TokenBatch> batches{randomBatch(2, 40, 512, 1), randomBatch(1, 33, 512, 2)};
    const std::span<const train::TokenBatch> one(batches.data(), 1);
    const at::Tensor expected = gradientsOf(*wide, one), got = gradientsOf(*narrow, one);
    EXPECT_EQ(got.scalar_type(), at::kBFloat16);
    EXPECT_TRUE(at::equal(got, expected.to(at::kBFloat16))) << "one micro-batch: to the nearest";
    EXPECT_GT(expected.abs().max().item<double>(), 0.0);

    wide->trainable().releaseTuning();
    narrow->trainable().releaseTuning();
    const at::Tensor both = gradientsOf(*wide, batches), sums = gradientsOf(*narrow, batches).to(at::kFloat);
    // Two roundings: at most half a last place (2^-8) of the first sum, less than a whole one of the second.
    const at::Tensor first = expected.abs() / 256, bound = first + (both.abs() + first) / 128;
    EXPECT_EQ(((sums - both).abs() > bound).sum().item<std::int64_t>(), 0);
    EXPECT_LT((sums - both).norm().item<double>(), 0.006 * both.norm().item<double>());
    EXPECT_FALSE(at::equal(sums, both.to(at::kBFloat16).to(at::kFloat))) << "nothing was drawn";
}

TEST(Bf16Values, KeptFromTheStartOrLaterTheyAreTheSame) {
    const auto early = makeModel(true), late = makeModel(false);
    const at::Tensor before = late->trainable().values().clone();
    late->trainable().keepAs(TrainedValues::Bf16);
    EXPECT_TRUE(at::equal(early->trainable().values(), late->trainable().values()));
    EXPECT_TRUE(at::equal(late->trainable().values(), before.to(at::kBFloat16)));
    // What is computed with are those values.
    EXPECT_EQ(late->trainable().working(0).scalar_type(), at::kFloat);
    const auto& parameter = late->trainable().parameters().front();
    EXPECT_TRUE(at::equal(late->trainable().value(parameter).to(at::kFloat).flatten(),
                          late->trainable().working(0).flatten()));
    // And back: no value changes.
    late->trainable().keepAs(TrainedValues::Fp32);
    EXPECT_EQ(late->trainable().values().scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(late->trainable().values(), early->trainable().values().to(at::kFloat)));
}

TEST(Bf16Values, TakeHalfOfTheBytesAndTheLargestLayersSums) {
    const auto wide = makeModel(false), narrow = makeModel(true);
    wide->trainable().prepareTuning(OptimizerKind::AdamW8bit);
    narrow->trainable().prepareTuning(OptimizerKind::AdamW8bit);
    const std::int64_t elements = wide->trainable().values().numel();
    // On the CPU: values 4 + gradients 4 against values 2 + copy in fp32 4 + gradients 2 + the stage. Layer 0
    // has a router of 4 x 64, adapters of 2 x 4 x 8 x 64, LoRA A 3 and B of its three linears, padded to 256.
    const std::int64_t stage = narrow->trainable().bytes() - wide->trainable().bytes();
    EXPECT_EQ(stage % 1024, 0);
    EXPECT_GE(stage, 4 * (4 * 64 + 2 * 4 * 8 * 64));
    EXPECT_LT(stage, 4 * elements / 3);
}

// The stage places what touches in the flat buffer so that it touches there.
TEST(GradientStage, LayersTakeTurnsInOneBuffer) {
    model::GradientStage stage;
    EXPECT_EQ(stage.place(0, 0, 256), 0);
    EXPECT_EQ(stage.place(0, 256, 512), 256);
    EXPECT_EQ(stage.place(1, 768, 256), 0);
    EXPECT_EQ(stage.place(0, 1024, 256), 768);
    stage.allocate(at::kCPU);
    EXPECT_EQ(stage.sums().numel(), 1024);
    EXPECT_EQ(stage.bytes(), 4096);
    at::Tensor gradients = at::zeros({1280}, at::kBFloat16);
    stage.sums().copy_(at::arange(1, 1025, at::kFloat).remainder_(97));
    const at::Tensor sums = stage.sums().clone().to(at::kBFloat16);
    stage.fold(0, gradients, {});
    EXPECT_TRUE(at::equal(gradients.narrow(0, 0, 768), sums.narrow(0, 0, 768)));
    EXPECT_TRUE(at::equal(gradients.narrow(0, 1024, 256), sums.narrow(0, 768, 256)));
    EXPECT_EQ(gradients.narrow(0, 768, 256).abs().max().item<float>(), 0.0F) << "another layer's";
    EXPECT_EQ(stage.sums().abs().max().item<float>(), 0.0F);
}

}  // namespace
}  // namespace caravan::engine
