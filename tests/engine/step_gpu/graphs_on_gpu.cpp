// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Functions.h>

#include <functional>
#include <numeric>

#include "engine/ops/dispatch.h"
#include "engine/ops/live_step.h"
#include "tests/engine/step_gpu/step_fixture.h"

// Steps whose micro-batches are padded and launched as CUDA graphs, against the same steps operation by
// operation and against steps without padding.
namespace caravan::engine {
namespace {

// Rows of these lengths: random ids, every position but a row's last trained, prompts at their begin.
train::TokenBatch unevenBatch(const std::vector<std::int64_t>& lengths, std::uint64_t seed) {
    const std::int64_t count = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
    train::TokenBatch batch = randomBatch(1, count, kVocabulary, seed);
    const auto* drawn = batch.tokens.ids.const_data_ptr<std::int64_t>();
    const std::vector<std::int32_t> ids(drawn, drawn + count);
    batch.tokens = model::packTokens(ids, lengths, at::kCPU);
    std::vector<std::int64_t> rows, labels;
    std::int64_t begin = 0;
    for (const std::int64_t length : lengths) {
        for (std::int64_t i = begin + length / 4; i + 1 < begin + length; ++i) {
            rows.push_back(i);
            labels.push_back(ids[static_cast<std::size_t>(i + 1)]);
        }
        begin += length;
    }
    batch.targets = {at::tensor(rows, at::kLong), at::tensor(labels, at::kLong)};
    return batch;
}

// Two micro-batches a step of two shapes, each of another true length in every step.
std::vector<train::TokenBatch> batchesOf(StepIndex step) {
    const auto seed = static_cast<std::uint64_t>(step);
    return {unevenBatch({100 + step, 37, 150 - 2 * step}, seed), unevenBatch({60 - step}, 50 + seed)};
}

struct Setting {
    Compute compute = Compute::Bf16;
    Quantization quantization = Quantization::Nf4;
    Recompute recompute = Recompute::None;
    bool cache = false;
    BalanceScope scope = BalanceScope::Micro;
    TrainedValues trained = TrainedValues::Fp32;
};
enum class Way { Plain, Padded, Recorded };

using Between = std::function<void(model::Model&, train::Stepper&, StepIndex)>;

train::StepperOptions optionsOf(const Setting& setting, Way way) {
    return {.seed = 5,
            .recompute = setting.recompute,
            .balanceScope = setting.scope,
            .domains = 2,
            .graph = way == Way::Plain ? StepGraph::Off : StepGraph::Auto,
            .record = way == Way::Recorded};
}

Outcome tune(const Setting& setting, Way way, const Between& between = {}) {
    const auto model = makeModel(kGpu, setting.compute, setting.quantization);
    model->keepDequantised(setting.cache);
    model->trainable().keepAs(setting.trained);
    train::Stepper stepper(*model, optionsOf(setting, way));
    Outcome outcome;
    for (StepIndex step = 1; step <= 6; ++step) {
        if (step == 5) stepper.setBalance(0.5);
        stepper.run(step, batchesOf(step), 1e-3);
        outcome.reports.push_back(stepper.take());
        if (between) between(*model, stepper, step);
    }
    EXPECT_EQ(stepper.takeNotice(), "");
    EXPECT_EQ(stepper.recordedShapes(), way == Way::Recorded ? 2U : 0U);
    outcome.values = model->trainable().values().cpu().clone();
    return outcome;
}

void expectSameBits(const Outcome& a, const Outcome& b) {
    ASSERT_EQ(a.reports.size(), b.reports.size());
    for (std::size_t i = 0; i < a.reports.size(); ++i) {
        SCOPED_TRACE(testing::Message() << "step " << i + 1);
        EXPECT_EQ(a.reports[i].lossSum, b.reports[i].lossSum);
        EXPECT_EQ(a.reports[i].gradientNorm, b.reports[i].gradientNorm);
        EXPECT_EQ(a.reports[i].balance, b.reports[i].balance);
        EXPECT_EQ(a.reports[i].load, b.reports[i].load);
        EXPECT_EQ(a.reports[i].perLayer, b.reports[i].perLayer);
    }
    EXPECT_TRUE(sameBits(a.values, b.values));
}

class GraphsOnGpu : public StepOnGpu {
    void SetUp() override {
        StepOnGpu::SetUp();
        if (!IsSkipped() && !ops::hopperPaths()) GTEST_SKIP() << "older cards record no bf16 experts";
    }
};

TEST_F(GraphsOnGpu, GiveTheBitsOfTheirOperations) {
    const Setting settings[] = {{},
                                {.compute = Compute::Fp32, .quantization = Quantization::None},
                                {.cache = true},
                                {.recompute = Recompute::All},
                                {.recompute = Recompute::GateUp, .scope = BalanceScope::Batch},
                                {.recompute = Recompute::All, .trained = TrainedValues::Bf16},
                                {.compute = Compute::Fp32, .trained = TrainedValues::Bf16}};
    for (const Setting& setting : settings) {
        SCOPED_TRACE(testing::Message() << "setting " << (&setting - settings));
        expectSameBits(tune(setting, Way::Recorded), tune(setting, Way::Padded));
    }
}

// fp32: rounding alone. bf16: near ties of the router may fall the other way.
TEST_F(GraphsOnGpu, PaddingTrainsNothing) {
    for (const BalanceScope scope : {BalanceScope::Micro, BalanceScope::Batch}) {
        const Setting setting{.compute = Compute::Fp32, .quantization = Quantization::None, .scope = scope};
        const Outcome padded = tune(setting, Way::Padded), plain = tune(setting, Way::Plain);
        compare(padded, plain, {1e-5, 1e-3, 3e-3});
        for (std::size_t i = 0; i < plain.reports.size(); ++i)
            for (std::size_t layer = 0; layer < plain.reports[i].balance.size(); ++layer) {
                EXPECT_NEAR(padded.reports[i].balance[layer], plain.reports[i].balance[layer], 1e-3);
                EXPECT_EQ(padded.reports[i].perLayer[layer * 5 + 4], plain.reports[i].perLayer[layer * 5 + 4])
                    << "tokens counted";
            }
    }
    const Setting bf16{.quantization = Quantization::None};
    compare(tune(bf16, Way::Padded), tune(bf16, Way::Plain), {5e-3, 0.1, 0.05});
}

TEST_F(GraphsOnGpu, GiveTheSameBitsAfterAResumeAndAmongOtherWork) {
    const Outcome whole = tune({}, Way::Recorded);
    // Evaluation with rows that ask for a longer table of rotations.
    const auto evaluate = [](model::Model& model, train::Stepper&, StepIndex step) {
        const auto tokens = train::toDevice(randomBatch(1, 900 * step, kVocabulary, 9), kGpu).tokens;
        (void)model.logits(model.forward(tokens)).sum().item<float>();
    };
    expectSameBits(tune({}, Way::Recorded, evaluate), whole);

    const auto model = makeModel(kGpu, Compute::Bf16, Quantization::Nf4);
    Outcome resumed;
    for (const StepIndex first : {1, 5}) {
        train::Stepper stepper(*model, optionsOf({}, Way::Recorded));
        for (StepIndex step = first; step < first + 4 && step <= 6; ++step) {
            if (step >= 5) stepper.setBalance(0.5);
            stepper.run(step, batchesOf(step), 1e-3);
            resumed.reports.push_back(stepper.take());
        }
    }
    resumed.values = model->trainable().values().cpu().clone();
    expectSameBits(resumed, whole);
}

at::Tensor wordsOnGpu(const kernels::StepWords& words) {
    at::Tensor host = at::empty({static_cast<std::int64_t>(sizeof words)}, at::kByte);
    std::memcpy(host.data_ptr(), &words, sizeof words);
    return host.to(kGpu);
}

// The router's sums and gradients over 57 tokens, and over the same with 13 of padding behind them.
TEST_F(GraphsOnGpu, TheRoutersSumsLeavePaddingOut) {
    constexpr std::int64_t kTokens = 57, kAll = 70, kExperts = 8, kDomains = 3;
    const auto real = at::TensorOptions().device(kGpu).dtype(at::kFloat);
    const at::Tensor logits = ops::uniformHost({kAll, kExperts}, 3, {.seed = 1}).to(kGpu),
                     dWeights = ops::uniformHost({kAll, 2}, 1, {.seed = 2}).to(kGpu),
                     domain = at::arange(kAll, at::kInt).remainder(kDomains).to(kGpu),
                     role = at::arange(kAll, at::kInt).remainder(2).to(kGpu);
    const auto statistic = [&] {
        return ops::RoutingStatistic{at::zeros({kExperts, kDomains, 2, 2, 2}, real), at::zeros({5}, real),
                                     at::zeros({kExperts}, real)};
    };
    const ops::Routing plain = ops::route(logits.narrow(0, 0, kTokens), 2), all = ops::route(logits, 2);
    const kernels::StepWords words{
        .tokens = kTokens, .counted = 2.0 * kTokens, .valueShare = 8, .coefficient = 0.25};
    const at::Tensor onGpu = wordsOnGpu(words);
    const at::Tensor f = plain.counts.to(at::kFloat).div(2.0 * kTokens);
    ops::RoutingStatistic expected = statistic(), got = statistic();
    ops::accumulateRouting(plain, domain.narrow(0, 0, kTokens), role.narrow(0, 0, kTokens), expected);
    const at::Tensor dLogits = ops::routeBackward(plain, dWeights.narrow(0, 0, kTokens), f, 0.25);
    ops::BalanceSums sums{at::zeros({kExperts}, real), at::zeros({kExperts}, real), at::zeros({1}, real)};
    at::Tensor padded;
    {
        const ops::LiveStep live(static_cast<const kernels::StepWords*>(onGpu.data_ptr()));
        ops::accumulateRouting(all, domain, role, got);
        ops::observeBalance(all, sums);
        padded = ops::routeBackward(all, dWeights, sums.share, 7.0);
    }
    const auto same = [](const at::Tensor& a, const at::Tensor& b) { return sameBits(a.cpu(), b.cpu()); };
    EXPECT_TRUE(same(got.load, expected.load));
    EXPECT_TRUE(same(got.perLayer, expected.perLayer));
    EXPECT_TRUE(same(got.probability, expected.probability));
    EXPECT_TRUE(same(sums.counts, plain.counts.to(at::kFloat)));
    EXPECT_LT((sums.share - f).abs().max().item<float>(), 1e-7);
    const at::Tensor value = f.mul(at::softmax(plain.logits, 1).mean(0)).sum().mul(8);
    EXPECT_NEAR(sums.value.item<float>(), value.item<float>(), 1e-5);
    EXPECT_LT((padded.narrow(0, 0, kTokens) - dLogits).abs().max().item<float>(), 1e-7);
    EXPECT_EQ(padded.narrow(0, kTokens, kAll - kTokens).abs().max().item<float>(), 0);
    EXPECT_GT(dLogits.abs().max().item<float>(), 0.01);
}

// Two micro-batches of one step, the second one's rows counted behind the first one's, with masks.
TEST_F(GraphsOnGpu, MasksFollowStepAndRows) {
    const at::Tensor x = at::ones({40, 24}, at::TensorOptions().device(kGpu).dtype(at::kFloat));
    const auto masked = [&](std::int64_t step, std::int64_t rows) {
        return ops::dropout(x, 0.3, {.seed = 4, .step = step, .layer = 2, .site = 1, .rowOffset = rows})
            .cpu();
    };
    const at::Tensor first = masked(7, 0), second = masked(8, 33);
    EXPECT_FALSE(sameBits(first, second));
    const at::Tensor words = wordsOnGpu({.step = 8, .rowOffset = 33});
    const ops::LiveStep live(static_cast<const kernels::StepWords*>(words.data_ptr()));
    EXPECT_TRUE(sameBits(masked(7, 0), second));
}

TEST_F(GraphsOnGpu, GiveTheirMemoryToALongMicroBatch) {
    const auto model = makeModel(kGpu, Compute::Bf16, Quantization::None);
    train::Stepper stepper(*model, optionsOf({}, Way::Recorded));
    StepIndex step = 0;
    const auto run = [&](const std::vector<train::TokenBatch>& batches) {
        stepper.run(++step, batches, 1e-3);
        return stepper.take();
    };
    for (int i = 0; i < 3; ++i)
        (void)run(batchesOf(i + 1));
    EXPECT_EQ(stepper.recordedShapes(), 2U);
    EXPECT_TRUE(run({randomBatch(20, 450, kVocabulary, 3)}).finite);
    EXPECT_EQ(stepper.recordedShapes(), 0U);
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(run(batchesOf(i + 1)).finite);
    EXPECT_EQ(stepper.recordedShapes(), 2U);
    EXPECT_EQ(stepper.takeNotice(), "");
}

// Asks the device for a value, which nothing that is recorded may do.
class AskingRouter final : public moe::Router {
  public:
    AskingRouter(std::unique_ptr<moe::Router> inner, bool backward)
        : m_inner(std::move(inner)), m_backward(backward) {}
    ops::Routing forward(const at::Tensor& x, model::Trainable& parameters, std::int64_t layer,
                         const moe::Steering* steering) const override {
        if (!m_backward) (void)x.sum().item<float>();
        return m_inner->forward(x, parameters, layer, steering);
    }
    at::Tensor backward(const ops::Routing& routing, const at::Tensor& dWeights,
                        const moe::BalanceGradient& balance, const at::Tensor& x,
                        model::Trainable& parameters) const override {
        if (m_backward) (void)x.sum().item<float>();
        return m_inner->backward(routing, dWeights, balance, x, parameters);
    }
    void addInputGradient(const at::Tensor& dLogits, model::Trainable& parameters,
                          at::Tensor& dx) const override {
        m_inner->addInputGradient(dLogits, parameters, dx);
    }

  private:
    std::unique_ptr<moe::Router> m_inner;
    bool m_backward;
};

TEST_F(GraphsOnGpu, GoOnOperationByOperationWhereAStepCannotBeRecorded) {
    const Outcome expected = tune({}, Way::Padded);
    for (const bool backward : {false, true}) {
        SCOPED_TRACE(backward ? "in the backward, behind a forward that was recorded and ran"
                              : "in the forward");
        const auto model = makeModel(kGpu, Compute::Bf16, Quantization::Nf4);
        auto& router = model->layers()[3].sparse->router;
        router = std::make_unique<AskingRouter>(std::move(router), backward);
        train::Stepper stepper(*model, optionsOf({}, Way::Recorded));
        Outcome got;
        for (StepIndex step = 1; step <= 6; ++step) {
            if (step == 5) stepper.setBalance(0.5);
            stepper.run(step, batchesOf(step), 1e-3);
            got.reports.push_back(stepper.take());
            const bool told = !stepper.takeNotice().empty();
            EXPECT_EQ(told, step == 2) << "step " << step;
        }
        EXPECT_EQ(stepper.recordedShapes(), 0U);
        got.values = model->trainable().values().cpu().clone();
        expectSameBits(got, expected);
    }
}

TEST_F(GraphsOnGpu, LeaveNothingBehindWhenTheyCannotBeRecorded) {
    const train::GraphPool pool(kGpu);
    at::Tensor sum = at::zeros({4}, at::TensorOptions().device(kGpu).dtype(at::kFloat));
    EXPECT_ANY_THROW(train::Graph(pool, [&] {
        sum.add_(1);
        (void)sum[0].item<float>();  // waits for the device
    }));
    sum.add_(2);
    EXPECT_EQ(sum.sum().item<float>(), 8);
    const train::Graph graph(pool, [&] { sum.add_(at::full_like(sum, 3)); });
    EXPECT_EQ(sum.sum().item<float>(), 8) << "recording runs nothing";
    graph.launch();
    graph.launch();
    EXPECT_EQ(sum.sum().item<float>(), 32);
}

}  // namespace
}  // namespace caravan::engine
