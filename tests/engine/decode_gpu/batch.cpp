// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <c10/core/InferenceMode.h>

#include "engine/generate/batch_generator.h"
#include "engine/generate/generator.h"
#include "engine/generate/prompt.h"
#include "tests/engine/ops_gpu/device.h"

// Sequences that a GPU decodes together against each alone.
namespace caravan::engine::generate {
namespace {

constexpr const char* kModel = CARAVAN_SOURCE_DIR "/resources/demo/base-16m";

class BatchOnGpu : public ops::GpuTest {
  protected:
    void load(Compute compute, Quantization quantization) {
        model::LoadOptions options;
        options.device = at::Device(at::kCUDA, 0);
        options.compute = compute;
        options.quantization = quantization;
        m_model = model::loadModel(kModel, options);
        m_model->attachPesc(
            {.experts = 8, .topK = 2, .adapterSize = 64, .layers = {0, 1, 2, 4, 7}, .seed = 1});
        m_model->attachLora(
            {.rank = 16, .alpha = 16, .targets = {"q_proj", "o_proj", "down_proj"}, .seed = 1});
        at::Tensor& values = m_model->trainable().values();
        values.add_(ops::uniformHost(values.sizes(), 0.02, {.seed = 9}).to(values.device()));
        m_model->trainable().refresh();
        m_tokenizer = unwrap(loadTokenizer(kModel));
    }
    [[nodiscard]] std::vector<BatchSequence> sequences() const {
        std::vector<BatchSequence> all;
        for (const std::string text :
             {"What is 2 and 3?", "", "Write a long story about a dog and its ball.", "Why?", "def f(x):"}) {
            BatchSequence made{rawPrompt(*m_tokenizer, text + " "), {}};
            made.options.raw = true;
            made.options.temperature = 0;
            made.options.maxTokens = 10 + 15 * std::ssize(all);
            all.push_back(made);
        }
        return all;
    }
    // Tokens before the first that differs, over all sequences, and all tokens alone.
    std::pair<std::int64_t, std::int64_t> agreement(double tolerance) {
        const auto all = sequences();
        std::vector<std::vector<TokenEvent>> said(all.size());
        const BatchOutcome outcome = BatchGenerator(*m_model, *m_tokenizer)
                                         .run(all,
                                              [&](std::int64_t i, const TokenEvent& e) {
                                                  said[static_cast<std::size_t>(i)].push_back(e);
                                              },
                                              {}, {}, {.togetherOnGpu = true});
        EXPECT_EQ(outcome.together, std::ssize(all));
        std::int64_t same = 0, count = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            std::vector<TokenEvent> alone;
            Generator(*m_model, *m_tokenizer)
                .run(all[i].prompt, all[i].options, [&](const TokenEvent& e) { alone.push_back(e); }, {});
            count += std::ssize(alone);
            for (std::size_t t = 0; t < std::min(alone.size(), said[i].size()); ++t, ++same) {
                if (said[i][t].id != alone[t].id) break;
                EXPECT_NEAR(said[i][t].logprob, alone[t].logprob, tolerance) << i << " " << t;
                EXPECT_EQ(said[i][t].layers, alone[t].layers);
            }
        }
        return {same, count};
    }
    std::unique_ptr<model::Model> m_model;
    std::unique_ptr<Tokenizer> m_tokenizer;
};

TEST_F(BatchOnGpu, SaysInFp32WhatEachSaysAlone) {
    c10::InferenceMode guard;
    for (const Quantization quantization : {Quantization::None, Quantization::Nf4}) {
        load(Compute::Fp32, quantization);
        const auto [same, count] = agreement(2e-4);
        EXPECT_EQ(same, count);
    }
}

// Another order of rounding: the texts may part where two tokens are nearly as probable.
TEST_F(BatchOnGpu, SaysInBf16NearlyWhatEachSaysAlone) {
    c10::InferenceMode guard;
    load(Compute::Bf16, Quantization::Nf4);
    const auto [same, count] = agreement(0.15);
    EXPECT_GE(same, count / 4);
}

}  // namespace
}  // namespace caravan::engine::generate
