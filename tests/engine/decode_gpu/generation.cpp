// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <c10/core/InferenceMode.h>

#include "engine/generate/token_source.h"
#include "engine/ops/dispatch.h"
#include "tests/engine/ops_gpu/device.h"

// Whole answers of the device decoder against one pass at a time with the choice on the host.
namespace caravan::engine::generate {
namespace {

const at::Device kGpu(at::kCUDA, 0);

class DecodeOnGpu : public ops::GpuTest {};

struct Set {
    Compute compute;
    Quantization quantization;
    double temperature = 0;
    bool steered = false;
    double penalty = 1.1;
};

std::unique_ptr<model::Model> makeModel(const Set& set) {
    model::LoadOptions options;
    options.device = kGpu;
    options.compute = set.compute;
    options.quantization = set.quantization;
    auto model = model::loadModel(CARAVAN_SOURCE_DIR "/resources/demo/base-16m", options);
    // Layer 3 stays dense.
    model->attachPesc({.experts = 8,
                       .topK = 2,
                       .adapterSize = 64,
                       .scaling = 0.25,
                       .layers = {0, 1, 2, 4, 5, 6, 7},
                       .seed = 1});
    model->attachLora(
        {.rank = 16,
         .alpha = 16,
         .targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
         .seed = 1});
    // Neither adapters nor LoRA are at their start: both change the text.
    at::Tensor& values = model->trainable().values();
    values.add_(ops::uniformHost(values.sizes(), 0.02, {.seed = 9}).to(kGpu));
    model->trainable().refresh();
    return model;
}

struct Answer {
    std::vector<SampledToken> tokens;
    std::vector<TokenEvent> events;
    std::int64_t held = 0;
};

// forced: tokens that are read in place of those that were chosen (then the source is a host one).
class Writer {
  public:
    Writer(model::Model& model, const Set& set) : m_model(model), m_cache(model.makeCache(400)) {
        if (set.steered) {
            m_steering.experts = {{.layer = 2, .expert = 3, .use = SteerExpert::Use::Force},
                                  {.layer = -1, .expert = 0, .use = SteerExpert::Use::Mute},
                                  {.layer = 5, .expert = 4, .bias = 0.5}};
            m_steering.activeExperts = 3;
        }
        m_forward = {
            .steering = set.steered ? &m_steering : nullptr, .routing = &m_routing, .lastAlone = true};
        m_sampler = {.temperature = set.temperature,
                     .topP = 0.95,
                     .repetitionPenalty = set.penalty,
                     .alternatives = 5};
    }
    Answer write(bool device, std::int64_t count) {
        std::vector<TokenId> cached = m_prompt;
        m_cache.truncate(0);
        m_routing.clear();
        const at::Tensor hidden = m_model.decode(m_prompt, m_cache, m_forward);
        Sampler sampler(m_sampler, static_cast<std::size_t>(m_model.config().vocabulary));
        sampler.saw(m_prompt);
        const AnswerContext context{m_model, m_cache, cached, m_forward, m_sampler, 11};
        HostTokens host(context, sampler, m_model.logits(hidden.narrow(0, hidden.size(0) - 1, 1)), m_routing);
        Answer answer;
        if (device && !m_decoder) m_decoder = std::make_unique<DeviceDecoder>(m_model);
        std::unique_ptr<DeviceTokens> beside;
        if (device) beside = std::make_unique<DeviceTokens>(context, host, *m_decoder, m_prompt, count);
        TokenSource& source = device ? static_cast<TokenSource&>(*beside) : host;
        for (std::int64_t i = 0; i < count; ++i) {
            answer.tokens.push_back(source.next());
            source.describe(answer.events.emplace_back());
        }
        answer.held = m_cache.length();
        EXPECT_EQ(static_cast<std::int64_t>(cached.size()), answer.held);
        return answer;
    }

  private:
    model::Model& m_model;
    model::KvCache m_cache;
    moe::Steering m_steering;
    std::vector<moe::LayerRouting> m_routing;
    model::ForwardOptions m_forward;
    SamplerOptions m_sampler;
    std::vector<TokenId> m_prompt{1, 300, 45, 2000, 17, 401, 77};
    std::unique_ptr<DeviceDecoder> m_decoder;
};

// Up to the first token that differs; returns how many agree.
std::size_t compare(const Answer& got, const Answer& expected, double tolerance) {
    for (std::size_t i = 0; i < expected.tokens.size(); ++i) {
        const SampledToken &a = got.tokens[i], &b = expected.tokens[i];
        if (a.id != b.id) return i;
        EXPECT_NEAR(a.logprob, b.logprob, tolerance) << i;
        EXPECT_NEAR(a.entropy, b.entropy, tolerance) << i;
        EXPECT_EQ(a.alternatives.size(), b.alternatives.size());
        const TokenEvent &x = got.events[i], &y = expected.events[i];
        EXPECT_EQ(x.layers, y.layers);
        EXPECT_EQ(x.experts.size(), y.experts.size());
        for (std::size_t layer = 0; layer < x.experts.size(); ++layer) {
            double sum = 0;
            for (const float weight : x.weights[layer])
                sum += static_cast<double>(weight);
            EXPECT_NEAR(sum, 1, 1e-5);
            EXPECT_EQ(x.probabilities[layer].size(), 8u);
            for (std::size_t e = 0; e < 8; ++e)
                EXPECT_NEAR(x.probabilities[layer][e], y.probabilities[layer][e], tolerance);
        }
    }
    return expected.tokens.size();
}

constexpr std::int64_t kTokens = 150;

TEST_F(DecodeOnGpu, WritesTheSameInFp32) {
    c10::InferenceMode guard;
    for (const Set& set :
         {Set{Compute::Fp32, Quantization::None}, Set{Compute::Fp32, Quantization::Nf4},
          Set{Compute::Fp32, Quantization::None, 0.8}, Set{Compute::Fp32, Quantization::None, 0, true}}) {
        SCOPED_TRACE(testing::Message() << "nf4 " << (set.quantization == Quantization::Nf4)
                                        << " temperature " << set.temperature << " steered " << set.steered);
        const auto model = makeModel(set);
        Writer writer(*model, set);
        const Answer expected = writer.write(false, kTokens), got = writer.write(true, kTokens);
        EXPECT_EQ(compare(got, expected, 2e-4), static_cast<std::size_t>(kTokens));
        EXPECT_EQ(got.held, expected.held);
        for (std::size_t i = 0; i < got.events.size(); ++i)
            EXPECT_EQ(got.events[i].experts, expected.events[i].experts) << i;
    }
}

// The first token and layer up to the given token in which two answers went to different experts: how far
// apart the probabilities of an expert that only one of them took and of one that only the other took were.
// Negative: the same experts everywhere.
float firstTurn(const Answer& got, const Answer& expected, std::size_t token) {
    for (std::size_t i = 0; i <= token; ++i) {
        const TokenEvent &x = got.events[i], &y = expected.events[i];
        for (std::size_t layer = 0; layer < x.experts.size(); ++layer)
            for (const std::int32_t mine : x.experts[layer]) {
                if (std::ranges::find(y.experts[layer], mine) != y.experts[layer].end()) continue;
                for (const std::int32_t other : y.experts[layer])
                    if (std::ranges::find(x.experts[layer], other) == x.experts[layer].end())
                        return std::abs(x.probabilities[layer][static_cast<std::size_t>(mine)] -
                                        x.probabilities[layer][static_cast<std::size_t>(other)]);
            }
    }
    return -1;
}

// bf16: another order of rounding. The texts may part where two tokens are nearly as probable, or after a
// layer whose router found two experts nearly as good and took one here and the other there.
TEST_F(DecodeOnGpu, WritesNearlyTheSameInBf16) {
    c10::InferenceMode guard;
    // No penalty: log-probabilities do not know it, so that they would not tell two tokens that come close.
    for (const Set& set : {Set{.compute = Compute::Bf16, .quantization = Quantization::Nf4, .penalty = 1},
                           Set{.compute = Compute::Bf16, .quantization = Quantization::None, .penalty = 1}}) {
        SCOPED_TRACE(testing::Message() << "nf4 " << (set.quantization == Quantization::Nf4));
        const auto model = makeModel(set);
        Writer writer(*model, set);
        const Answer expected = writer.write(false, kTokens), got = writer.write(true, kTokens);
        const std::size_t same = compare(got, expected, 0.15);
        if (same == static_cast<std::size_t>(kTokens)) continue;
        // The other answer's token is one of the best here, and nearly as good.
        const auto& alternatives = got.tokens[same].alternatives;
        const auto other = std::find_if(alternatives.begin(), alternatives.end(),
                                        [&](const Candidate& c) { return c.id == expected.tokens[same].id; });
        ASSERT_NE(other, alternatives.end()) << "at token " << same;
        const float turn = firstTurn(got, expected, same);
        const double apart = std::abs(other->logprob - got.tokens[same].logprob);
        if (turn < 0)
            EXPECT_LT(apart, 0.3) << "at token " << same;
        else
            EXPECT_LT(turn, 0.02) << "at token " << same << ", which is " << apart << " apart";
    }
}

TEST_F(DecodeOnGpu, RepeatsBitForBitAndGoesOnAfterAnotherCache) {
    c10::InferenceMode guard;
    const Set set{Compute::Bf16, Quantization::Nf4};
    const auto model = makeModel(set);
    Writer writer(*model, set), another(*model, set);
    const Answer first = writer.write(true, 60);
    (void)another.write(true, 5);
    const Answer again = writer.write(true, 60);
    for (std::size_t i = 0; i < first.tokens.size(); ++i) {
        EXPECT_EQ(first.tokens[i].id, again.tokens[i].id);
        EXPECT_EQ(first.tokens[i].logprob, again.tokens[i].logprob);
    }
}

}  // namespace
}  // namespace caravan::engine::generate
