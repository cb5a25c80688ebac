// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/analysis.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>

#include <cmath>

#include "engine/model/layer.h"
#include "engine/ops/parallel.h"
#include "engine/routing/statistics.h"
#include "tests/support/engine_fixture.h"

namespace caravan::engine::routing {
namespace {

// A small mixture with weights that stand for tuned ones, and rows of two domains.
class Analysis : public ::testing::Test {
  protected:
    void SetUp() override {
        ops::setThreads(1);
        model = mixture(0.37);
        tokenizer = unwrap(loadTokenizer(storiesModel()));
        writeRows(folder / "cats.jsonl", 12, "a cat");
        writeRows(folder / "dogs.jsonl", 8, "a dog");
        request.files = {{(folder / "cats.jsonl").string(), "cats"},
                         {(folder / "dogs.jsonl").string(), "dogs"}};
        probe = loadProbeRows({request.files, nullptr, {}, 256}, *tokenizer, ChatTemplate::pesc(), {}, {});
    }
    static std::unique_ptr<model::Model> mixture(double wave) {
        auto made = model::loadModel(storiesModel(), {});
        made->attachPesc({.experts = 4, .topK = 2, .adapterSize = 8, .layers = {1, 3}});
        for (const model::Parameter& parameter : made->trainable().parameters())
            made->trainable().value(parameter).copy_(
                (at::arange(parameter.elements(), at::kFloat) * wave + parameter.offset)
                    .sin()
                    .reshape(parameter.shape) *
                0.25);
        made->trainable().refresh();
        return made;
    }
    // In layer 1 all experts get the same logit: of a tie the lowest indices are chosen, 0 and 1.
    void tieExperts() {
        const model::Parameter* router =
            model->trainable().find("model.layers.1.mlp.moe_adapter.router.weight");
        ASSERT_NE(router, nullptr);
        at::Tensor weight = model->trainable().value(*router);
        for (std::int64_t expert = 1; expert < 4; ++expert)
            weight[expert].copy_(weight[0]);
        model->trainable().refresh();
    }
    Analysed run() { return analyse(*model, *tokenizer, probe, request, {}, {}); }

    c10::InferenceMode guard;
    TemporaryFolder folder;
    std::unique_ptr<model::Model> model;
    std::unique_ptr<Tokenizer> tokenizer;
    RoutingAnalysisRequest request;
    ProbeRows probe;
};

TEST_F(Analysis, CountsWhatTheProbeRoutingCounts) {
    const auto set = evaluate::loadProbeSet(request.files, *tokenizer, ChatTemplate::pesc(), 256, {}, {});
    const RoutingStatistics plain = probeRouting(*model, set, {}, {});
    const Analysed analysed = run();
    const RoutingStatistics& own = analysed.result.statistics;
    EXPECT_EQ(own.record.domains, plain.record.domains);
    for (std::size_t i = 0; i < plain.record.values.size(); ++i)
        EXPECT_NEAR(own.record.values[i], plain.record.values[i], 0.02 + 2e-3 * plain.record.values[i]);
    EXPECT_EQ(analysed.result.tokens, probe.tokens());
    // The choices say the same as the sums on the device.
    for (std::size_t layer = 0; layer < 2; ++layer) {
        const auto pairs = pairCounts(analysed.choices, layer);
        const auto load = counts(own.record, layer, Choice::All);
        for (std::size_t e = 0; e < 4; ++e)
            EXPECT_EQ(pairs[e * 4 + e], load[e]);
    }
}

TEST_F(Analysis, KnowsExpertsTokensAndContexts) {
    request.contexts = 3;
    const Analysed analysed = run();
    ASSERT_EQ(analysed.result.layers.size(), 2u);
    for (const LayerAnalysis& layer : analysed.result.layers) {
        EXPECT_TRUE(layer.layer == 1 || layer.layer == 3);
        ASSERT_EQ(layer.cosine.size(), 16u);
        ASSERT_EQ(layer.cka.size(), 16u);
        for (std::size_t e = 0; e < 4; ++e) {
            EXPECT_EQ(layer.cosine[e * 5], 1);
            EXPECT_EQ(layer.cka[e * 5], 1);
            EXPECT_TRUE(layer.toDense[e] >= -1 && layer.toDense[e] <= 1.000001);
            EXPECT_LE(layer.contexts[e].size(), 3u);
            double last = 1;
            for (const TokenInContext& c : layer.contexts[e]) {
                EXPECT_LE(c.gate, last);
                last = c.gate;
                EXPECT_FALSE(c.token.empty());
            }
        }
        EXPECT_GT(layer.vocabulary, 0.25);
        EXPECT_GE(layer.information, 0);
        EXPECT_TRUE(std::isnan(layer.saturation)) << "nothing to compare with";
    }
    bool seen = false;
    for (const auto& list : analysed.result.layers[0].contexts)
        for (const TokenInContext& c : list)
            seen = seen || (c.before + c.token + c.after).find("ime there") != std::string::npos ||
                   (c.before + c.token + c.after).find("Tell") != std::string::npos;
    EXPECT_TRUE(seen) << "contexts are text of the rows";
}

TEST_F(Analysis, SaturationWithItselfIsOneAndWithAnotherBelow) {
    Analysed analysed = run();
    compareWith(analysed, *model, probe, request, {}, {});
    for (const LayerAnalysis& layer : analysed.result.layers) {
        EXPECT_EQ(layer.saturation, 1);
        EXPECT_EQ(layer.referenceLoad,
                  shares(counts(analysed.result.statistics.record, layer.layer == 1 ? 0 : 1, Choice::All)));
    }
    compareWith(analysed, *mixture(0.11), probe, request, {}, {});
    for (const LayerAnalysis& layer : analysed.result.layers)
        EXPECT_LT(layer.saturation, 0.95);
    auto other = model::loadModel(storiesModel(), {});
    other->attachPesc({.experts = 2, .topK = 2, .adapterSize = 8, .layers = {1, 3}});
    EXPECT_THROW(compareWith(analysed, *other, probe, request, {}, {}), EngineException);
}

TEST_F(Analysis, MutingAnExpertThatNobodyChoosesChangesNothing) {
    tieExperts();
    request.mute = {1};
    const RoutingAnalysis result = run().result;
    ASSERT_EQ(result.muted.size(), 4u);
    ASSERT_EQ(result.loss.size(), 2u);
    EXPECT_GT(result.loss[0], 0);
    EXPECT_EQ(counts(result.statistics.record, 0, Choice::All)[3], 0);
    for (const std::size_t unused : {2u, 3u})
        EXPECT_EQ(result.muted[unused].change, (std::vector<double>{0, 0})) << unused;
    EXPECT_NE(result.muted[0].mean, 0) << "a chosen one matters";
    EXPECT_NEAR(result.muted[0].mean, (result.muted[0].change[0] + result.muted[0].change[1]) / 2, 1e-12);
}

TEST_F(Analysis, MutesInAllLayersAndRefusesDenseOnes) {
    request.mute = {-1};
    request.muteTokens = 200;
    const RoutingAnalysis result = run().result;
    EXPECT_EQ(result.muted.size(), 4u);
    EXPECT_EQ(result.muted[2].layer, -1);
    EXPECT_LT(result.muteTokens, probe.tokens());
    request.mute = {2};
    EXPECT_THROW(static_cast<void>(run()), EngineException);
}

TEST_F(Analysis, LeavesTheModelAsItWas) {
    static_cast<void>(run());
    for (const model::Layer& layer : model->layers())
        if (layer.sparse) {
            EXPECT_NE(dynamic_cast<const moe::SerialAdapters*>(layer.sparse->body.get()), nullptr);
        }
}

TEST_F(Analysis, LimitsTokensEvenlyOverDomains) {
    request.maxTokens = 300;
    const Analysed analysed = run();
    EXPECT_GE(analysed.result.tokens, 300);
    EXPECT_LT(analysed.result.tokens, 500);
    std::int64_t cats = 0;
    for (const std::int32_t domain : analysed.choices.domains)
        cats += domain == 0;
    EXPECT_NEAR(static_cast<double>(cats) / static_cast<double>(analysed.result.tokens), 0.5, 0.15);
}

TEST_F(Analysis, FileReadsBackAndKeepsWhatALaterOneDidNotAsk) {
    request.mute = {1};
    RoutingAnalysis result = run().result;
    result.step = 30;
    saveAnalysis(result, folder.path());
    const std::string path = (folder / analysisFile(30)).string();
    EXPECT_EQ(analysisStep("analysis-000030.json"), 30);
    EXPECT_EQ(analysisStep("analysis-000030.json.new"), std::nullopt);
    const auto read = readAnalysis(path);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->layers[0].contexts, result.layers[0].contexts);
    EXPECT_EQ(read->layers[1].tokens, result.layers[1].tokens);
    EXPECT_NEAR(read->layers[0].together[1], result.layers[0].together[1], 1e-4);
    EXPECT_TRUE(std::isnan(read->layers[0].together[0]));
    EXPECT_EQ(read->muted.size(), 4u);
    request.mute = {3};
    RoutingAnalysis later = run().result;
    later.step = 30;
    saveAnalysis(later, folder.path());
    EXPECT_EQ(readAnalysis(path)->muted.size(), 8u);
    auto broken = nlohmann::json::parse(textOf(path));
    broken["layers"][0]["cka"].erase(0);
    std::ofstream(path) << broken.dump();
    EXPECT_FALSE(readAnalysis(path));
}

}  // namespace
}  // namespace caravan::engine::routing
