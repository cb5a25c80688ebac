// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "engine/generate/answer_reader.h"
#include "engine/generate/generator.h"
#include "engine/generate/prompt.h"
#include "engine/ops/parallel.h"

namespace caravan::engine::generate {
namespace {

namespace fs = std::filesystem;
const fs::path kData = CARAVAN_TEST_DATA;
using Use = SteerExpert::Use;

// A small mixture whose experts differ, so that steering changes what is said.
class Steered : public ::testing::Test {
  protected:
    void SetUp() override {
        ops::setThreads(1);
        model = model::loadModel(kData / "models/stories260k", {});
        tokenizer = unwrap(loadTokenizer(kData / "models/stories260k"));
        model->attachPesc({.experts = 4, .topK = 2, .adapterSize = 8, .layers = {1, 3}});
        // Fresh experts add nothing; these values stand for tuned ones.
        for (const model::Parameter& parameter : model->trainable().parameters())
            model->trainable().value(parameter).copy_(
                (at::arange(parameter.elements(), at::kFloat) * 0.37 + parameter.offset)
                    .sin()
                    .reshape(parameter.shape) *
                0.25);
        model->trainable().refresh();
        prompt = rawPrompt(*tokenizer, "Once upon a time");
        options.raw = true;
        options.temperature = 0.8;
        options.seed = 7;
        options.maxTokens = 40;
    }
    std::vector<TokenEvent> write() {
        std::vector<TokenEvent> events;
        Generator generator(*model, *tokenizer);
        generator.run(prompt, options, [&](const TokenEvent& event) { events.push_back(event); }, {});
        return events;
    }
    static void expectSame(const std::vector<TokenEvent>& a, const std::vector<TokenEvent>& b) {
        ASSERT_EQ(a.size(), b.size());
        for (std::size_t i = 0; i < a.size(); ++i) {
            EXPECT_EQ(a[i].id, b[i].id);
            EXPECT_EQ(a[i].logprob, b[i].logprob);  // bitwise
            EXPECT_EQ(a[i].experts, b[i].experts);
            EXPECT_EQ(a[i].weights, b[i].weights);
        }
    }
    static int times(const std::vector<TokenEvent>& events, std::size_t row, std::int32_t expert) {
        int count = 0;
        for (const auto& event : events)
            count +=
                static_cast<int>(std::count(event.experts[row].begin(), event.experts[row].end(), expert));
        return count;
    }
    std::string refusal(const std::function<void()>& what) {
        try {
            what();
        } catch (const EngineException& exception) {
            EXPECT_EQ(exception.error().code, ErrorCode::BadOption);
            std::string text;
            for (const auto& [key, value] : exception.error().parameters)
                text += key + "=" + value + " ";
            return text;
        }
        ADD_FAILURE() << "was taken";
        return {};
    }
    c10::InferenceMode guard;
    std::unique_ptr<model::Model> model;
    std::unique_ptr<Tokenizer> tokenizer;
    std::vector<TokenId> prompt;
    GenerateOptions options;
};

TEST_F(Steered, AMutedExpertIsNeverChosenAndAForcedOneAlways) {
    const auto plain = write();
    int used = 0;
    std::int32_t busiest = 0;
    for (std::int32_t e = 0; e < 4; ++e)
        if (times(plain, 0, e) > used) used = times(plain, 0, busiest = e);
    ASSERT_GT(used, 0);
    options.steer = {{.layer = 1, .expert = busiest, .use = Use::Mute}};
    const auto muted = write();
    EXPECT_EQ(times(muted, 0, busiest), 0);
    for (const auto& event : muted)
        EXPECT_NEAR(event.weights[0][0] + event.weights[0][1], 1, 1e-5);
    options.steer = {{.layer = -1, .expert = 2, .use = Use::Force}};
    const auto forced = write();
    for (std::size_t row = 0; row < 2; ++row)
        EXPECT_EQ(times(forced, row, 2), static_cast<int>(forced.size()));
}

TEST_F(Steered, BiasMovesTheLogitByItsValue) {
    options.maxTokens = 1;
    options.temperature = 0;
    const auto plain = write();
    options.steer = {{.layer = 3, .expert = 1, .bias = 2}};
    const auto biased = write();
    // Layer 1 is untouched, so layer 3 sees the same input: its odds against expert 0 rise by e^2.
    EXPECT_EQ(plain[0].probabilities[0], biased[0].probabilities[0]);
    const auto odds = [](const TokenEvent& e) {
        return std::log(e.probabilities[1][1] / e.probabilities[1][0]);
    };
    EXPECT_NEAR(odds(biased[0]) - odds(plain[0]), 2, 1e-4);
    options.steer[0].bias = 30;
    options.maxTokens = 30;
    const auto strong = write();
    EXPECT_EQ(times(strong, 1, 1), static_cast<int>(strong.size()));
}

TEST_F(Steered, KChangesHowManyExpertsWork) {
    for (const std::int64_t k : {1, 2, 3, 4}) {
        options.activeExperts = k;
        for (const auto& event : write())
            for (std::size_t row = 0; row < 2; ++row) {
                std::vector<std::int32_t> chosen = event.experts[row];
                std::sort(chosen.begin(), chosen.end());
                EXPECT_EQ(static_cast<std::int64_t>(chosen.size()), k);
                EXPECT_TRUE(std::adjacent_find(chosen.begin(), chosen.end()) == chosen.end());
            }
    }
    options.activeExperts.reset();
    const auto plain = write();
    options.activeExperts = 2;  // as the model has it; the steered step takes its softmax on its own
    const auto again = write();
    ASSERT_EQ(again.size(), plain.size());
    for (std::size_t i = 0; i < plain.size(); ++i) {
        EXPECT_EQ(again[i].id, plain[i].id);
        EXPECT_EQ(again[i].experts, plain[i].experts);
        EXPECT_NEAR(again[i].logprob, plain[i].logprob, 1e-4);
    }
}

TEST_F(Steered, TheSameSeedGivesTheSameAnswerAndNoSteeringLeavesNoTrace) {
    const auto plain = write();
    Generator generator(*model, *tokenizer);
    std::vector<TokenEvent> events;
    const auto keep = [&](const TokenEvent& event) { events.push_back(event); };
    options.steer = {{.layer = -1, .expert = 0, .use = Use::Mute}, {.layer = 3, .expert = 1, .bias = -1}};
    const auto once = write(), again = write();
    expectSame(once, again);
    bool differs = once.size() != plain.size();
    for (std::size_t i = 0; i < std::min(once.size(), plain.size()); ++i)
        differs = differs || once[i].logprob != plain[i].logprob;
    EXPECT_TRUE(differs) << "muting must matter in this model";
    // The same generator before and behind a steered answer: nothing of it stays in the cache.
    generator.run(prompt, options, keep, {});
    events.clear();
    options.steer.clear();
    generator.run(prompt, options, keep, {});
    expectSame(events, plain);
}

TEST_F(Steered, WhatCannotBeIsRefusedWithWhatCan) {
    options.steer = {{.layer = 1, .expert = 0, .use = Use::Mute},
                     {.layer = -1, .expert = 1, .use = Use::Mute},
                     {.layer = 1, .expert = 2, .use = Use::Mute}};
    const std::string muted = refusal([&] { write(); });
    EXPECT_NE(muted.find("3 of 4 experts in layer 1"), std::string::npos) << muted;
    EXPECT_NE(muted.find("at most 2 while 2 are active"), std::string::npos) << muted;
    options.activeExperts = 1;
    EXPECT_FALSE(write().empty());
    for (auto& steer : options.steer)
        steer.use = Use::Force;
    const std::string forced = refusal([&] { write(); });
    EXPECT_NE(forced.find("3 experts in layer 1"), std::string::npos) << forced;
    options.steer.clear();
    options.activeExperts = 5;
    refusal([&] { write(); });
    options.activeExperts.reset();
    options.steer = {{.layer = 9, .expert = 0}};
    refusal([&] { write(); });
}

TEST_F(Steered, AnAnswerIsReadAgainUnderOtherRouters) {
    const auto plain = write();
    ScoreRequest request{.raw = true};
    for (const auto& event : plain)
        request.answer.push_back(event.id);
    RouterChange mute{.steer = {{.layer = -1, .expert = 1, .use = Use::Mute}}};
    request.changes = {{}, mute, {.activeExperts = 4}};
    std::vector<std::int64_t> done;
    const AnswerScore score =
        readAnswer(*model, prompt, request, [&](const Progress& p) { done.push_back(p.done); }, {});
    ASSERT_EQ(score.logprobs.size(), 3u);
    EXPECT_EQ(done, (std::vector<std::int64_t>{1, 2, 3}));
    for (std::size_t i = 0; i < plain.size(); ++i)
        EXPECT_NEAR(score.logprobs[0][i], plain[i].logprob, 1e-4) << i;  // one pass against one by one, fp32
    EXPECT_NE(score.logprobs[1], score.logprobs[0]);
    EXPECT_NE(score.logprobs[2], score.logprobs[0]);
    // The first token of a steered answer is as probable as the reading says.
    options.steer = mute.steer;
    const auto steered = write();
    request.answer = {steered[0].id};
    request.changes = {mute};
    EXPECT_NEAR(readAnswer(*model, prompt, request, {}, {}).logprobs[0][0], steered[0].logprob, 1e-4);
}

TEST_F(Steered, ReadingRefusesWhatTheModelDoesNotHave) {
    ScoreRequest request{.raw = true, .answer = {5}, .changes = {{}}};
    const auto read = [&] { static_cast<void>(readAnswer(*model, prompt, request, {}, {})); };
    read();
    request.answer = {-1};
    refusal(read);
    request.answer = {static_cast<std::int32_t>(model->config().vocabulary)};
    refusal(read);
    request.answer.assign(static_cast<std::size_t>(model->config().maxPositions), 5);
    refusal(read);
    request.answer = {5};
    request.changes = {{.activeExperts = 9}};
    refusal(read);
    request.changes = {{}};
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW(static_cast<void>(readAnswer(*model, prompt, request, {}, stop.get_token())),
                 EngineException);
}

}  // namespace
}  // namespace caravan::engine::generate
