// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/model_folder.h"
#include "engine/ops/parallel.h"
#include "engine/upcycle/step_zero.h"
#include "tests/support/engine_fixture.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;

Recipe recipeFor(const std::string& model, Quantization quantization) {
    Recipe recipe;
    recipe.model = {.path = model, .quantization = quantization};
    recipe.upcycle = {.experts = 4, .topK = 2, .adapterSize = 16, .scaling = 0.25};
    return recipe;
}

class Upcycle : public ::testing::TestWithParam<Quantization> {};

TEST_P(Upcycle, KeepsTheDenseFunctionToTheLastBit) {
    TemporaryFolder temporary;
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    Recipe recipe = recipeFor(storiesModel(), GetParam());
    recipe.upcycle.layers = "1-2,4";
    const auto out = temporary / "sparse";
    std::vector<std::string> stages;
    const auto done = engine->upcycle(
        recipe, "/", out.string(), [&](const Progress& progress) { stages.push_back(progress.stage); }, {});
    ASSERT_TRUE(succeeded(done));
    EXPECT_EQ(done->proof.maxAbsLogitDifference, 0);
    EXPECT_EQ(done->proof.firstDifferingLayer, -1);
    EXPECT_GE(done->proof.tokens, 64);
    EXPECT_EQ(done->proof.logits, done->proof.tokens * 512 * 5)
        << "the router's choice and each of 4 experts";
    EXPECT_NE(std::find(stages.begin(), stages.end(), "proving step 0"), stages.end());
    const std::int64_t tuned = 3 * 4 * (2 * 16 * 64 + 64);
    EXPECT_EQ(done->counts.parametersTrainable, tuned);
    EXPECT_EQ(done->counts.parametersTotal, done->counts.parametersDense + tuned);

    const auto inspection = inspectModel(out);
    ASSERT_TRUE(succeeded(inspection));
    EXPECT_EQ(inspection->kind, "moe");
    EXPECT_EQ(inspection->config.moe->layers, (std::vector<std::int64_t>{1, 2, 4}));
    EXPECT_EQ(inspection->quantization, GetParam() == Quantization::Nf4 ? "nf4" : "none");
    EXPECT_TRUE(fs::exists(out / "tokenizer.model"));
    EXPECT_FALSE(fs::exists(out.string() + ".tmp"));

    GenerateOptions options{.maxTokens = 40, .temperature = 0, .raw = true};
    const auto dense = engine->generate({.path = storiesModel(), .quantization = GetParam()}, {{"user", ""}},
                                        options, {}, {}, {});
    const auto sparse = engine->generate({.path = out.string()}, {{"user", ""}}, options, {}, {}, {});
    ASSERT_TRUE(succeeded(dense));
    ASSERT_TRUE(succeeded(sparse));
    EXPECT_EQ(dense->text, sparse->text);

    const auto again = engine->upcycle(recipe, "/", out.string(), {}, {});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::AlreadyExists);
    recipe.model.path = out.string();
    const auto twice = engine->upcycle(recipe, "/", (temporary / "twice").string(), {}, {});
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, ErrorCode::Unsupported);
    EXPECT_FALSE(fs::exists(temporary / "twice.tmp"));
}

INSTANTIATE_TEST_SUITE_P(Weights, Upcycle, ::testing::Values(Quantization::None, Quantization::Nf4),
                         [](const auto& info) { return info.param == Quantization::Nf4 ? "Nf4" : "Dense"; });

TEST(StepZeroProof, FindsTheLayerThatDiffers) {
    ops::setThreads(1);
    const auto model = model::loadModel(storiesModel(), {});
    const auto tokenizer = unwrap(loadTokenizer(storiesModel()));
    const auto dense = upcycle::denseReference(*model, upcycle::proofIds(tokenizer.get(), model->config()));
    model->attachPesc({.experts = 3, .topK = 1, .adapterSize = 4, .layers = {0, 1, 2, 3, 4}});
    EXPECT_EQ(upcycle::proveStepZero(*model, dense, {}, {}).maxAbsLogitDifference, 0);
    const auto* up = model->trainable().find(adapterKey(AdapterKeyStyle::Camelidae, 3, 2, true));
    ASSERT_NE(up, nullptr);
    model->trainable().value(*up)[5][1] = 0.5f;
    model->trainable().refresh();
    const auto proof = upcycle::proveStepZero(*model, dense, {}, {});
    EXPECT_GT(proof.maxAbsLogitDifference, 1e-6)
        << "expert 2 is forced once even if no token would choose it";
}

TEST(StepZeroProof, RunsInMemoryAndStopsWhenAsked) {
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    const auto proof = engine->proveStepZero(recipeFor(storiesModel(), Quantization::Nf4), "/", {}, {});
    ASSERT_TRUE(succeeded(proof));
    EXPECT_EQ(proof->maxAbsLogitDifference, 0);
    std::stop_source stop;
    stop.request_stop();
    const auto stopped =
        engine->proveStepZero(recipeFor(storiesModel(), Quantization::None), "/", {}, stop.get_token());
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::Interrupted);
}

}  // namespace
}  // namespace caravan::engine
