// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/golden.h"
#include "engine/formats/bounded_json.h"
#include "engine/model/layer.h"
#include "engine/model/step_state.h"

namespace caravan::engine {
namespace {

using model::loadModel;

class HuggingFaceFolder : public testing::TestWithParam<const char*> {};

std::filesystem::path folderOf(const std::string& name) {
    const auto folder = dataFolder() / "hf" / name;
    return std::filesystem::exists(folder / "adapter") ? folder / "adapter" : folder;
}

// fp32 against fp32 of another implementation: sums in another order, two layers deep.
TEST_P(HuggingFaceFolder, LogitsAreThoseOfTransformers) {
    const Golden golden(dataFolder() / "hf" / GetParam() / "golden.safetensors");
    const auto model = loadModel(folderOf(GetParam()), {});
    std::vector<moe::LayerRouting> routing;
    model::ForwardOptions options;
    options.routing = &routing;
    const at::Tensor logits = model->logits(model->forward(packRows(golden["input_ids"]), options));
    const at::Tensor wanted = golden["logits"].view({-1, logits.size(1)});
    EXPECT_LT(relativeError(logits, wanted), 2e-6);
    EXPECT_LT((logits - wanted).abs().max().item<float>(), 1e-4F);
    if (!golden.has("router_logits")) return;
    const at::Tensor router = golden["router_logits"];
    ASSERT_EQ(static_cast<std::int64_t>(routing.size()), router.size(0));
    for (std::size_t i = 0; i < routing.size(); ++i)
        EXPECT_LT(relativeError(routing[i].routing.logits, router[static_cast<std::int64_t>(i)]), 5e-6);
}

// A prompt at once and then token by token gives what one pass gives.
TEST_P(HuggingFaceFolder, DecodingContinuesThePrompt) {
    const Golden golden(dataFolder() / "hf" / GetParam() / "golden.safetensors");
    const auto model = loadModel(folderOf(GetParam()), {});
    const at::Tensor ids = golden["input_ids"][0].to(at::kInt);
    const std::span all(ids.const_data_ptr<std::int32_t>(), static_cast<std::size_t>(ids.numel()));
    model::KvCache cache = model->makeCache(16);
    const at::Tensor first = model->decode(all.subspan(0, 40), cache);
    const at::Tensor rest = model->decode(all.subspan(40), cache);
    EXPECT_EQ(cache.length(), ids.numel());
    const at::Tensor logits = model->logits(at::cat({first, rest}, 0));
    EXPECT_LT(relativeError(logits, golden["logits"][0]), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Families, HuggingFaceFolder,
                         testing::Values("llama2", "llama31_scaled", "llama_gqa_tied", "llama_linear_scaled",
                                         "mistral_sw", "qwen2_bias", "qwen3_qknorm", "yi_like",
                                         "camelidae_8e_top2", "camelidae_6e_top3", "sparsetral_8e_top2",
                                         "lora_dense", "lora_camelidae"),
                         [](const auto& info) { return std::string(info.param); });

class TrainedFolder : public testing::TestWithParam<const char*> {};

double gradientsAgainstGolden(const char* name, Recompute recompute) {
    const Golden golden(dataFolder() / "hf" / name / "golden.safetensors");
    const auto model = loadModel(folderOf(name), {});
    model->trainable().prepareTuning();
    const model::Tokens tokens = packRows(golden["input_ids"]);
    const train::Targets targets = shiftedTargets(golden["labels"]);
    model::StepState state;
    model::Tuning tuning;
    tuning.recompute = recompute;
    const at::Tensor hidden = model->forwardForTuning(tokens, tuning, state);
    const auto count = static_cast<double>(targets.labels.numel());
    const train::AnswerLoss loss = train::answerLoss(hidden, model->head(), targets, 1.0 / count, true);
    EXPECT_NEAR(loss.sum.item<double>() / count, golden["loss"].item<double>(), 2e-6);
    model->backward(loss.dHidden, tokens, tuning, state);
    double worst = 0;
    std::size_t compared = 0;
    for (const std::string& key : golden.names()) {
        if (!key.starts_with("grad.")) continue;
        const model::Parameter* parameter = model->trainable().find(key.substr(5));
        if (!parameter) {
            ADD_FAILURE() << "no trainable tensor " << key;
            continue;
        }
        worst = std::max(worst, relativeError(model->trainable().gradient(*parameter), golden[key]));
        ++compared;
    }
    EXPECT_EQ(compared, model->trainable().parameters().size());
    return worst;
}

TEST_P(TrainedFolder, GradientsAreThoseOfAutograd) {
    for (const Recompute recompute : {Recompute::None, Recompute::Rows, Recompute::GateUp, Recompute::All})
        EXPECT_LT(gradientsAgainstGolden(GetParam(), recompute), 2e-5);
}

INSTANTIATE_TEST_SUITE_P(Sparse, TrainedFolder,
                         testing::Values("camelidae_8e_top2", "camelidae_6e_top3", "sparsetral_8e_top2",
                                         "lora_dense", "lora_camelidae"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace caravan::engine
