// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/formats/model_folder.h"
#include "engine/model/step_state.h"
#include "engine/moe/balance.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/golden.h"

namespace caravan::engine {
namespace {

// The whole loss of a step in fp64: two micro-batches, dropout on, balance terms on. Masks are functions of
// their keys, and choices do not move within the step size, so that differences measure exactly what the
// backward claims.
class WholeStep {
  public:
    explicit WholeStep(const char* name, BalanceScope scope) {
        const auto folder = dataFolder() / "hf" / name;
        const Golden golden(folder / "golden.safetensors");
        m_model = model::loadModel(std::filesystem::exists(folder / "adapter") ? folder / "adapter" : folder,
                                   {.type = at::kDouble});
        const MoeConfig& moe = *m_model->config().moe;
        m_balance = std::make_unique<moe::SwitchBalance>(0.5, scope, moe.layers.size(), moe.experts, moe.topK,
                                                         at::kCPU, at::kDouble);
        const at::Tensor ids = golden["input_ids"], labels = golden["labels"];
        for (const std::int64_t b : {0, 1}) {
            const std::int64_t length = b == 0 ? 24 : 17;
            m_tokens.push_back(packRows(ids.narrow(0, b, 1).narrow(1, 0, length)));
            m_targets.push_back(shiftedTargets(labels.narrow(0, b, 1).narrow(1, 0, length)));
        }
        m_model->trainable().prepareTuning();
    }

    double loss(bool withGradient) {
        model::Tuning tuning{
            .seed = 7, .step = 3, .loraDropout = 0.1, .adapterDropout = 0.1, .balance = m_balance.get()};
        double answers = 0, sum = 0;
        for (const train::Targets& targets : m_targets)
            answers += static_cast<double>(targets.labels.numel());
        m_balance->beginStep(m_tokens[0].count() + m_tokens[1].count());
        for (std::size_t i = 0; i < m_tokens.size(); ++i) {
            m_balance->beginMicroBatch(m_tokens[i].count());
            model::StepState state;
            const at::Tensor hidden = m_model->forwardForTuning(m_tokens[i], tuning, state);
            const train::AnswerLoss loss =
                train::answerLoss(hidden, m_model->head(), m_targets[i], 1.0 / answers, withGradient);
            sum += loss.sum.item<double>() / answers;
            if (withGradient) m_model->backward(loss.dHidden, m_tokens[i], tuning, state);
            tuning.rowOffset += m_tokens[i].count();
        }
        return sum + m_balance->alpha() * m_balance->values().sum().item<double>();
    }
    model::Model& model() { return *m_model; }

  private:
    std::unique_ptr<model::Model> m_model;
    std::unique_ptr<moe::SwitchBalance> m_balance;
    std::vector<model::Tokens> m_tokens;
    std::vector<train::Targets> m_targets;
};

void checkAllParameters(WholeStep& step) {
    model::Trainable& trainable = step.model().trainable();
    step.loss(true);
    std::uint64_t seed = 1;
    for (const model::Parameter& parameter : trainable.parameters()) {
        const ops::RandomKey key{seed++, ops::Purpose::Perturb};
        const at::Tensor direction = ops::uniformHost(parameter.shape, 1.0, key).to(at::kDouble);
        const double claimed = (trainable.gradient(parameter) * direction).sum().item<double>();
        const double size = 1e-6;
        trainable.value(parameter).add_(direction, size);
        const double above = step.loss(false);
        trainable.value(parameter).add_(direction, -2 * size);
        const double below = step.loss(false);
        trainable.value(parameter).add_(direction, size);
        const double measured = (above - below) / (2 * size);
        // Rounding of the loss: about 1e-15 x 5 / 1e-6.
        EXPECT_NEAR(claimed, measured, 1e-7 + 1e-6 * std::abs(measured)) << parameter.key;
    }
}

TEST(FiniteDifferences, EveryTrainableTensorWithLora) {
    WholeStep step("lora_camelidae", BalanceScope::Micro);
    checkAllParameters(step);
}

TEST(FiniteDifferences, EveryTrainableTensorOfAnotherShape) {
    WholeStep step("camelidae_6e_top3", BalanceScope::Micro);
    checkAllParameters(step);
}

// The Qwen3 fixture with one key head: the first one's rows of k_proj and v_proj.
void writeOneKeyHead(const std::filesystem::path& folder) {
    const ModelFolder source = unwrap(openModelFolder(dataFolder() / "hf/qwen3_qknorm"));
    nlohmann::json config = source.configJson;
    config["num_key_value_heads"] = 1;
    std::ofstream(folder / "config.json") << config.dump();
    const ModelConfig one = unwrap(parseModelConfig(config, nullptr, "config.json"));
    std::vector<TensorSpec> specs = expectedTensors(one);
    for (TensorSpec& spec : specs)
        spec.dtype = DType::F32;
    auto writer = unwrap(SafetensorsWriter::create(folder / "model.safetensors", specs));
    for (const TensorSpec& spec : specs) {
        std::size_t bytes = sizeof(float);
        for (const std::int64_t size : spec.shape)
            bytes *= static_cast<std::size_t>(size);
        unwrap(writer.write(spec.name, source.files.bytes(spec.name).first(bytes)));
    }
    unwrap(writer.finish(SafetensorsWriter::Sync::No));
}

// The gradient of a single head is no tensor of its own but a part of all heads' joined one.
TEST(FiniteDifferences, QueryAndKeyNormsWithASingleKeyHead) {
    const TemporaryFolder folder;
    writeOneKeyHead(folder.path());
    const auto model = model::loadModel(folder.path(), {.type = at::kDouble});
    ASSERT_EQ(model->config().kvHeads, 1);
    std::uint64_t seed = 1;
    const auto some = [&](std::int64_t rows, std::int64_t columns) {
        return ops::uniformHost({rows, columns}, 0.2, {seed++, ops::Purpose::Perturb});
    };
    for (const std::int64_t layer : {0, 1})
        for (const char* linear : {"self_attn.q_proj", "self_attn.k_proj"}) {
            const std::int64_t out =
                linear[10] == 'q' ? model->config().queryWidth() : model->config().keyWidth();
            model->addLora(layer, linear, 2.0, some(3, model->config().hidden), some(out, 3));
        }
    model->finishAttach();
    model::Trainable& trainable = model->trainable();
    trainable.prepareTuning();
    const Golden golden(dataFolder() / "hf/qwen3_qknorm/golden.safetensors");
    const at::Tensor ids = golden["input_ids"].narrow(0, 0, 1).narrow(1, 0, 12);
    const model::Tokens tokens = packRows(ids);
    const train::Targets targets = shiftedTargets(ids);
    const auto loss = [&](bool withGradient) {
        const model::Tuning tuning{.seed = 7, .step = 3};
        model::StepState state;
        const at::Tensor hidden = model->forwardForTuning(tokens, tuning, state);
        const train::AnswerLoss answer = train::answerLoss(hidden, model->head(), targets, 1.0, withGradient);
        if (withGradient) model->backward(answer.dHidden, tokens, tuning, state);
        return answer.sum.item<double>();
    };
    loss(true);
    for (const model::Parameter& parameter : trainable.parameters()) {
        const at::Tensor direction =
            ops::uniformHost(parameter.shape, 1.0, {seed++, ops::Purpose::Perturb}).to(at::kDouble);
        const double claimed = (trainable.gradient(parameter) * direction).sum().item<double>();
        trainable.value(parameter).add_(direction, 1e-6);
        const double above = loss(false);
        trainable.value(parameter).add_(direction, -2e-6);
        const double measured = (above - loss(false)) / 2e-6;
        trainable.value(parameter).add_(direction, 1e-6);
        EXPECT_NEAR(claimed, measured, 1e-6 + 1e-6 * std::abs(measured)) << parameter.key;
    }
}

// A wrong gradient is seen.
TEST(FiniteDifferences, CanFail) {
    WholeStep step("camelidae_8e_top2", BalanceScope::Micro);
    step.loss(true);
    model::Trainable& trainable = step.model().trainable();
    const model::Parameter& parameter = trainable.parameters().front();
    const at::Tensor direction =
        ops::uniformHost(parameter.shape, 1.0, {1, ops::Purpose::Perturb}).to(at::kDouble);
    const double claimed = 1.001 * (trainable.gradient(parameter) * direction).sum().item<double>();
    trainable.value(parameter).add_(direction, 1e-6);
    const double above = step.loss(false);
    trainable.value(parameter).add_(direction, -2e-6);
    const double measured = (above - step.loss(false)) / 2e-6;
    EXPECT_GT(std::abs(claimed - measured), 1e-7 + 1e-6 * std::abs(measured));
}

}  // namespace
}  // namespace caravan::engine
