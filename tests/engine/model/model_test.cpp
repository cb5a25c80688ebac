// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include <fstream>

#include "engine/model/layer.h"
#include "tests/support/golden.h"

namespace caravan::engine {
namespace {

nlohmann::json storiesReference() {
    return nlohmann::json::parse(
        std::ifstream(dataFolder() / "reference" / "stories260K_forward_float64.json"));
}

// A real trained model against its float64 forward: logits within 1e-4 (relative, L2).
TEST(Stories, LogitsAndLossesOfTheFloat64Forward) {
    const nlohmann::json reference = storiesReference();
    const auto model = model::loadModel(dataFolder() / "models" / "stories260k", {});
    const std::vector<std::int32_t> ids = reference["token_ids_with_bos"];
    const at::Tensor logits = model->logits(model->forward(model::packTokens(ids, at::kCPU)));
    const auto rows = reference["logits_first4"].get<std::vector<std::vector<double>>>();
    for (std::size_t i = 0; i < rows.size(); ++i)
        EXPECT_LT(relativeError(logits[static_cast<std::int64_t>(i)], at::tensor(rows[i], at::kDouble)),
                  1e-4);
    const at::Tensor logprobs = at::log_softmax(logits.to(at::kDouble), 1);
    const auto losses = reference["nll_float64"].get<std::vector<double>>();
    const auto next = reference["argmax_next"].get<std::vector<std::int64_t>>();
    for (std::size_t i = 0; i < losses.size(); ++i) {
        const auto row = static_cast<std::int64_t>(i);
        EXPECT_NEAR(-logprobs[row][ids[i + 1]].item<double>(), losses[i], 1e-4);
        EXPECT_EQ(logits[row].argmax().item<std::int64_t>(), next[i]) << "position " << i;
    }
}

// Upcycling and a fresh LoRA change nothing, bit by bit.
TEST(StepZero, FreshExpertsAndLoraLeaveTheModelAsItIs) {
    const auto model = model::loadModel(dataFolder() / "models" / "stories260k", {});
    const std::vector<std::int32_t> ids = storiesReference()["token_ids_with_bos"];
    const model::Tokens tokens = model::packTokens(ids, at::kCPU);
    const at::Tensor dense = model->logits(model->forward(tokens));
    model->attachPesc(
        {.experts = 4, .topK = 2, .adapterSize = 8, .scaling = 1, .layers = {0, 2, 4}, .seed = 3});
    model->attachLora({.rank = 4, .alpha = 8, .targets = {"q_proj", "up_proj", "down_proj"}, .seed = 3});
    std::vector<moe::LayerRouting> routing;
    const at::Tensor sparse = model->logits(model->forward(tokens, {.routing = &routing}));
    EXPECT_TRUE(at::equal(dense, sparse));
    ASSERT_EQ(routing.size(), 3U);
    EXPECT_EQ(routing[1].layer, 2);
    EXPECT_EQ(routing[1].routing.chosen.size(1), 2);
    EXPECT_EQ(model->trainable().count(model::ParameterGroup::Router), 3 * 4 * 64);
    EXPECT_EQ(model->trainable().count(model::ParameterGroup::Adapter), 3 * 4 * 2 * 8 * 64);
    EXPECT_EQ(model->loraInfo().size(), 15U);
}

// Of a prompt the last token alone: the same state, the last layer's routing of one token, the same cache.
TEST(Decode, LastAloneIsTheLastRow) {
    const auto model = model::loadModel(dataFolder() / "models" / "stories260k", {});
    const std::vector<std::int32_t> ids = storiesReference()["token_ids_with_bos"];
    model->attachPesc(
        {.experts = 4, .topK = 2, .adapterSize = 8, .scaling = 1, .layers = {0, 2, 4}, .seed = 3});
    at::Tensor& values = model->trainable().values();
    values.add_(ops::uniformHost(values.sizes(), 0.05, {.seed = 9}));
    model->trainable().refresh();
    std::vector<moe::LayerRouting> all, some;
    model::KvCache cache = model->makeCache(), other = model->makeCache();
    const at::Tensor hidden = model->decode(ids, cache, {.routing = &all}),
                     last = model->decode(ids, other, {.routing = &some, .lastAlone = true}),
                     wanted = hidden.narrow(0, hidden.size(0) - 1, 1);
    ASSERT_EQ(last.sizes(), wanted.sizes());
    EXPECT_LT((last - wanted).abs().max().item<float>(), 1e-4F);
    EXPECT_GT((last - hidden.narrow(0, 0, 1)).abs().max().item<float>(), 1e-2F);
    EXPECT_EQ(other.length(), cache.length());
    for (const std::int64_t layer : {0, 4}) {
        EXPECT_TRUE(at::equal(other.keys(layer), cache.keys(layer)));
        EXPECT_TRUE(at::equal(other.values(layer), cache.values(layer)));
    }
    ASSERT_EQ(some.size(), all.size());
    EXPECT_TRUE(at::equal(some[1].routing.chosen, all[1].routing.chosen));
    const std::int64_t tokens = all[2].routing.chosen.size(0);
    EXPECT_EQ(some[2].routing.chosen.size(0), all[2].layer == model->config().layers - 1 ? 1 : tokens);
    EXPECT_TRUE(at::equal(some[2].routing.chosen.narrow(0, some[2].routing.chosen.size(0) - 1, 1),
                          all[2].routing.chosen.narrow(0, tokens - 1, 1)));
}

TEST(Attach, InitialValuesFollowTheSeedAndTheirBounds) {
    auto valueOf = [](std::uint64_t seed, const char* key) {
        const auto model = model::loadModel(dataFolder() / "models" / "stories260k", {});
        model->attachPesc(
            {.experts = 2, .topK = 1, .adapterSize = 8, .scaling = 1, .layers = {1}, .seed = seed});
        return model->trainable().value(*model->trainable().find(key)).clone();
    };
    const char* down = "model.layers.1.mlp.moe_adapter.experts.expert_1.adapter_down.weight";
    const at::Tensor value = valueOf(1, down);
    EXPECT_TRUE(at::equal(value, valueOf(1, down)));
    EXPECT_FALSE(at::equal(value, valueOf(2, down)));
    EXPECT_FALSE(
        at::equal(value, valueOf(1, "model.layers.1.mlp.moe_adapter.experts.expert_0.adapter_down.weight")));
    EXPECT_LE(value.abs().max().item<float>(), 0.125F);  // 1 / sqrt(64)
    EXPECT_GT(value.abs().max().item<float>(), 0.11F);
    EXPECT_EQ(valueOf(1, "model.layers.1.mlp.moe_adapter.experts.expert_1.adapter_up.weight")
                  .abs()
                  .max()
                  .item<float>(),
              0.0F);
}

// NF4 while loading: every linear is its own round trip, nothing else changes, and step 0 holds on the
// quantised base too.
TEST(Nf4, LinearsAreQuantisedOneByOne) {
    const auto folder = dataFolder() / "hf" / "llama_gqa_tied";
    const auto dense = model::loadModel(folder, {});
    const auto model = model::loadModel(folder, {.quantization = Quantization::Nf4});
    EXPECT_TRUE(model->quantized());
    EXPECT_FALSE(dense->quantized());
    EXPECT_LT(model->weightBytes(), dense->weightBytes());
    for (std::size_t layer = 0; layer < dense->layers().size(); ++layer) {
        const model::FrozenLinear& from = dense->layers()[layer].qkv.frozen;
        const at::Tensor whole = from.weight(dense->workspace(), at::kFloat);
        const at::Tensor got = model->layers()[layer].qkv.frozen.weight(model->workspace(), at::kFloat);
        for (std::size_t part = 0; part < from.parts(); ++part) {
            const at::Tensor rows = whole.narrow(0, from.offsetOf(part), from.outOf(part)).contiguous();
            at::Tensor wanted = at::empty_like(rows);
            ops::dequantizeNf4(ops::quantizeNf4(rows, true), at::kFloat, wanted);
            EXPECT_TRUE(at::equal(got.narrow(0, from.offsetOf(part), from.outOf(part)), wanted))
                << from.nameOf(part);
        }
    }
    const Golden golden(folder / "golden.safetensors");
    const model::Tokens tokens = packRows(golden["input_ids"]);
    const at::Tensor before = model->logits(model->forward(tokens));
    EXPECT_GT(relativeError(before, golden["logits"].flatten(0, 1)), 1e-3);
    model->attachPesc({.experts = 3, .topK = 2, .adapterSize = 4, .scaling = 1, .layers = {0, 1}, .seed = 1});
    EXPECT_TRUE(at::equal(before, model->logits(model->forward(tokens))));
}

TEST(Steering, MuteForceAndBias) {
    const auto model = model::loadModel(dataFolder() / "hf" / "camelidae_8e_top2", {});
    const Golden golden(dataFolder() / "hf" / "camelidae_8e_top2" / "golden.safetensors");
    const model::Tokens tokens = packRows(golden["input_ids"]);
    auto chosenWith = [&](const moe::Steering& steering) {
        std::vector<moe::LayerRouting> routing;
        (void)model->forward(tokens, {.steering = &steering, .routing = &routing});
        return routing[1].routing;
    };
    const auto muted = chosenWith({.experts = {{.layer = 1, .expert = 3, .use = SteerExpert::Use::Mute}}});
    EXPECT_EQ((muted.chosen == 3).sum().item<std::int64_t>(), 0);
    const auto forced = chosenWith({.experts = {{.layer = -1, .expert = 5, .use = SteerExpert::Use::Force}}});
    EXPECT_EQ((forced.chosen == 5).sum().item<std::int64_t>(), tokens.count());
    EXPECT_LT(relativeError(forced.weights.sum(1), at::ones({tokens.count()})), 1e-6);
    const auto wide = chosenWith({.activeExperts = 4});
    EXPECT_EQ(wide.chosen.size(1), 4);
    const auto biased = chosenWith({.experts = {{.layer = 1, .expert = 2, .bias = 50}}});
    EXPECT_EQ((biased.chosen.select(1, 0) == 2).sum().item<std::int64_t>(), tokens.count());
}

}  // namespace
}  // namespace caravan::engine
