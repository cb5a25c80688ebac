// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/generate/generator.h"
#include "engine/generate/prompt.h"
#include "engine/ops/parallel.h"

namespace caravan::engine::generate {
namespace {

namespace fs = std::filesystem;
const fs::path kData = CARAVAN_TEST_DATA;

class Stories : public ::testing::Test {
  protected:
    void SetUp() override {
        ops::setThreads(1);
        model = model::loadModel(kData / "models/stories260k", {});
        tokenizer = unwrap(loadTokenizer(kData / "models/stories260k"));
        options.raw = true;
        options.temperature = 0;
        options.maxTokens = 200;
    }
    GenerateSummary run(const std::string& text) {
        Generator generator(*model, *tokenizer);
        return generator.run(
            rawPrompt(*tokenizer, text), options, [&](const TokenEvent& event) { events.push_back(event); },
            stop.get_token());
    }
    c10::InferenceMode guard;
    std::unique_ptr<model::Model> model;
    std::unique_ptr<Tokenizer> tokenizer;
    GenerateOptions options;
    std::vector<TokenEvent> events;
    std::stop_source stop;
};

std::string fileText(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(Stories, WritesTheReferenceTextGreedily) {
    const auto summary = run("");
    EXPECT_EQ(summary.text + "\n", fileText(kData / "stories260K_greedy_n200.txt"));
    EXPECT_EQ(summary.promptTokens, 1);
    EXPECT_EQ(summary.finish, "length");
    EXPECT_EQ(summary.tokens, 200);
    EXPECT_GT(summary.tokensPerSecond, 0);
    std::string streamed;
    for (const auto& event : events)
        streamed += event.text;
    EXPECT_EQ(streamed, summary.text);
    EXPECT_EQ(events.size(), 200u);
    for (const auto& event : events) {
        EXPECT_EQ(event.rank, 1);
        EXPECT_LE(event.logprob, 0);
        ASSERT_EQ(event.alternatives.size(), 5u);
        EXPECT_EQ(event.alternatives[0].id, event.id);
        EXPECT_TRUE(event.experts.empty());
    }
}

TEST_F(Stories, TheSameSeedGivesTheSameTextAndAnotherAnother) {
    options.temperature = 1.0;
    options.topP = 0.9;
    options.maxTokens = 60;
    options.seed = 3;
    const auto first = run("Once upon a time").text;
    EXPECT_EQ(run("Once upon a time").text, first);
    options.seed = 4;
    EXPECT_NE(run("Once upon a time").text, first);
}

TEST_F(Stories, ACachedTurnGivesWhatAFreshOneGives) {
    options.maxTokens = 40;
    Generator generator(*model, *tokenizer);
    auto prompt = rawPrompt(*tokenizer, "Once upon a time");
    const auto first =
        generator.run(prompt, options, [&](const TokenEvent& event) { prompt.push_back(event.id); }, {});
    ASSERT_EQ(first.tokens, 40);
    const auto cached = generator.run(prompt, options, {}, {});
    Generator fresh(*model, *tokenizer);
    EXPECT_EQ(fresh.run(prompt, options, {}, {}).text, cached.text);
}

TEST_F(Stories, StopsAtAStopStringAndWhenAsked) {
    options.stop = {"girl named"};
    const auto summary = run("");
    EXPECT_EQ(summary.finish, "stop");
    EXPECT_EQ(summary.text, fileText(kData / "stories260K_greedy_n200.txt").substr(0, summary.text.size()));
    EXPECT_TRUE(fileText(kData / "stories260K_greedy_n200.txt")
                    .substr(summary.text.size())
                    .starts_with("girl named"));
    options.stop.clear();
    Generator generator(*model, *tokenizer);
    const auto cancelled = generator.run(
        rawPrompt(*tokenizer, ""), options, [&](const TokenEvent&) { stop.request_stop(); },
        stop.get_token());
    EXPECT_EQ(cancelled.finish, "cancelled");
    EXPECT_EQ(cancelled.tokens, 1);
}

TEST_F(Stories, EndsAtTheContextLimit) {
    options.maxTokens = 100000;
    const auto summary = run("");
    EXPECT_TRUE(summary.finish == "eos" ||
                summary.promptTokens + summary.tokens == model->config().maxPositions + 1)
        << summary.tokens;
    std::vector<TokenId> tooLong(static_cast<std::size_t>(model->config().maxPositions), 5);
    Generator generator(*model, *tokenizer);
    try {
        generator.run(tooLong, options, {}, {});
        FAIL();
    } catch (const EngineException& exception) {
        EXPECT_EQ(exception.error().code, ErrorCode::BadOption);
    }
}

TEST_F(Stories, SteeringNeedsExperts) {
    options.steer = {{.layer = -1, .expert = 0, .use = SteerExpert::Use::Mute}};
    EXPECT_THROW(run(""), EngineException);
}

TEST(GenerateRouting, EveryTokenTellsItsExperts) {
    c10::InferenceMode guard;
    ops::setThreads(1);
    const auto model = model::loadModel(kData / "models/stories260k", {});
    const auto tokenizer = unwrap(loadTokenizer(kData / "models/stories260k"));
    model->attachPesc({.experts = 4, .topK = 2, .adapterSize = 8, .layers = {1, 3}});
    Generator generator(*model, *tokenizer);
    GenerateOptions options{.maxTokens = 20, .temperature = 0, .raw = true};
    std::vector<TokenEvent> events;
    const auto keep = [&](const TokenEvent& event) { events.push_back(event); };
    const auto text = generator.run(rawPrompt(*tokenizer, ""), options, keep, {}).text;
    EXPECT_EQ(text, fileText(kData / "stories260K_greedy_n200.txt").substr(0, text.size()))
        << "fresh experts change nothing";
    for (const auto& event : events) {
        EXPECT_EQ(event.layers, (std::vector<std::int64_t>{1, 3}));
        ASSERT_EQ(event.experts.size(), 2u);
        ASSERT_EQ(event.probabilities.size(), 2u);
        for (std::size_t layer = 0; layer < 2; ++layer) {
            EXPECT_NEAR(event.weights[layer][0] + event.weights[layer][1], 1, 1e-5);
            EXPECT_GE(event.weights[layer][0], event.weights[layer][1]);
            const auto& probability = event.probabilities[layer];
            EXPECT_EQ(*std::max_element(probability.begin(), probability.end()),
                      probability[static_cast<std::size_t>(event.experts[layer][0])]);
        }
    }
    events.clear();
    options.steer = {{.layer = 3, .expert = 2, .use = SteerExpert::Use::Force},
                     {.layer = 1, .expert = 0, .use = SteerExpert::Use::Mute}};
    generator.run(rawPrompt(*tokenizer, ""), options, keep, {});
    for (const auto& event : events) {
        EXPECT_EQ(std::count(event.experts[1].begin(), event.experts[1].end(), 2), 1);
        EXPECT_EQ(std::count(event.experts[0].begin(), event.experts[0].end(), 0), 0);
    }
}

}  // namespace
}  // namespace caravan::engine::generate
