// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/model_folder.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/golden.h"
#include "tests/support/reference_run_fixture.h"

namespace caravan::engine {
namespace {

class ReferenceRunFolder : public testing::Test {
  protected:
    std::filesystem::path golden() const { return dataFolder() / "hf/lora_camelidae"; }
    model::LoadOptions options() const { return {.reference = {fixture.topK, fixture.scaling}}; }
    Error refusal(const model::LoadOptions& load) {
        try {
            (void)model::loadModel(fixture.run, load);
        } catch (const EngineException& exception) {
            return exception.error();
        }
        return {ErrorCode::Internal, {{"detail", "it was loaded"}}};
    }
    TemporaryFolder folder;
    test::ReferenceRunFixture fixture = test::makeReferenceRun(golden(), folder.path());
};

TEST_F(ReferenceRunFolder, GivesTheLogitsOfTheMixtureItHolds) {
    const Golden wanted(golden() / "golden.safetensors");
    const auto model = model::loadModel(fixture.run, options());
    EXPECT_TRUE(model->hasLora());
    EXPECT_EQ(model->config().moe->experts, 8);
    EXPECT_EQ(model->config().moe->adapterSize, 12);
    const at::Tensor logits = model->logits(model->forward(packRows(wanted["input_ids"])));
    EXPECT_LT(relativeError(logits, wanted["logits"].view({-1, logits.size(1)})), 2e-6);
    // Another number of active experts is another model.
    const auto other = model::loadModel(fixture.run, {.reference = {1, fixture.scaling}});
    EXPECT_GT(relativeError(other->logits(other->forward(packRows(wanted["input_ids"]))), logits), 1e-5);
}

TEST_F(ReferenceRunFolder, ImportedItIsACamelidaeFolder) {
    const Golden wanted(golden() / "golden.safetensors");
    const auto engine = makeEngine({.device = "cpu", .threads = 1});
    ModelSource source{.path = fixture.run.string()};
    source.topK = fixture.topK;
    source.scaling = fixture.scaling;
    const auto out = engine->exportModel(source, {"camelidae", (folder / "out").string()}, {}, {});
    ASSERT_TRUE(succeeded(out));
    EXPECT_LT(out->maxAbsLogitDifference, 1e-5);  // W + B A once instead of in each product
    const auto model = model::loadModel(folder / "out", {});
    EXPECT_FALSE(model->hasLora());
    const at::Tensor logits = model->logits(model->forward(packRows(wanted["input_ids"])));
    EXPECT_LT(relativeError(logits, wanted["logits"].view({-1, logits.size(1)})), 5e-6);
}

TEST_F(ReferenceRunFolder, WhatDoesNotFitIsNamed) {
    EXPECT_EQ(refusal({.reference = {9, 1}}).parameter("key"), "--top-k");
    model::LoadOptions other = options();
    other.base = (dataFolder() / "hf/yi_like").string();
    EXPECT_EQ(refusal(other).code, ErrorCode::FileBad);
    other.base = (dataFolder() / "hf/camelidae_8e_top2").string();
    EXPECT_EQ(refusal(other).code, ErrorCode::Unsupported);

    const auto stored = [&](std::vector<test::BinTensor> tensors) {
        std::ofstream(fixture.run / "moe_model.bin", std::ios::binary) << test::stateDict(tensors);
    };
    const std::string zeros(8 * 64 * 4, '\0');
    stored({{routerKey(0), {8, 64}, zeros}});
    EXPECT_NE(refusal(options()).parameter("place").find("adapter_down"), std::string::npos);
    stored({{"model.layers.0.mlp.up_proj.weight", {8, 64}, zeros}});
    EXPECT_NE(refusal(options()).parameter("detail").find("router"), std::string::npos);

    std::filesystem::remove_all(fixture.base);
    EXPECT_EQ(refusal(options()).code, ErrorCode::MissingOption);
}

}  // namespace
}  // namespace caravan::engine
