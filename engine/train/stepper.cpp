// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/stepper.h"

#include <ATen/Functions.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

#include "engine/ops/dispatch.h"
#include "engine/train/memory.h"

namespace caravan::engine::train {

StepperOptions stepperOptions(const Recipe& recipe, std::int64_t domains) {
    const Recipe::Tune& tune = recipe.tune;
    return {.seed = recipe.seed,
            .beta1 = tune.beta1,
            .beta2 = tune.beta2,
            .eps = tune.eps,
            .weightDecay = tune.weightDecay,
            .optimizer = tune.optimizer,
            .maxGradientNorm = tune.maxGradientNorm,
            .loraDropout = tune.loraDropout,
            .adapterDropout = tune.adapterDropout,
            .recompute = tune.recompute,
            .balance = tune.balance,
            .balanceScope = tune.balanceScope,
            .domains = domains,
            .graph = tune.graph};
}

namespace {
// Older cards' grouped product of bf16 asks the device for its groups.
bool recordable(const model::Model& model) {
    return model.sparseLayers().empty() || model.compute() == at::kFloat || ops::hopperPaths();
}
}  // namespace

Stepper::Stepper(model::Model& model, const StepperOptions& options) : m_model(model), m_options(options) {
    m_model.trainable().prepareTuning(options.optimizer);
    m_model.keepPanels();
    if (options.graph == StepGraph::Auto && !model.device().is_cpu())
        m_graphs = std::make_unique<StepGraphs>(model, options.record && recordable(model));
    if (m_model.sparseLayers().empty()) return;
    const MoeConfig& moe = *m_model.config().moe;
    m_sparse = static_cast<std::int64_t>(m_model.sparseLayers().size());
    m_experts = moe.experts;
    m_balance = std::make_unique<moe::SwitchBalance>(options.balance, options.balanceScope, m_sparse,
                                                     m_experts, moe.topK, model.device());
    const auto type = at::TensorOptions().device(model.device()).dtype(at::kFloat);
    m_load = at::zeros({m_sparse, m_experts, options.domains, 2, 2, 2}, type);
    m_perLayer = at::zeros({m_sparse, 5}, type);
    m_probability = at::zeros({m_sparse, m_experts}, type);
}

void Stepper::setBalance(double alpha) {
    m_options.balance = alpha;
    if (m_balance) m_balance->setAlpha(alpha);
}

void Stepper::clearRouting() {
    if (!m_balance) return;
    m_load.zero_();
    m_perLayer.zero_();
    m_probability.zero_();
}

void Stepper::countRouting(const model::StepState& state, const at::Tensor& domain, const at::Tensor& role) {
    std::int64_t slot = 0;
    for (const std::int64_t layer : m_model.sparseLayers()) {
        ops::RoutingStatistic statistic{m_load[slot], m_perLayer[slot], m_probability[slot]};
        ops::accumulateRouting(state.layers[static_cast<std::size_t>(layer)].routing, domain, role,
                               statistic);
        ++slot;
    }
}

at::Tensor Stepper::accumulate(StepIndex step, std::span<const TokenBatch> batches) {
    std::int64_t tokens = 0, answers = 0;
    for (const TokenBatch& batch : batches) {
        tokens += batch.count();
        answers += batch.answers();
    }
    const double scale = answers > 0 ? 1.0 / static_cast<double>(answers) : 0.0;
    model::Tuning tuning{.seed = m_options.seed,
                         .step = step,
                         .loraDropout = m_options.loraDropout,
                         .adapterDropout = m_options.adapterDropout,
                         .recompute = m_options.recompute,
                         .balance = m_balance.get()};
    if (m_balance) m_balance->beginStep(tokens);
    const at::ScalarType real = m_model.compute() == at::kDouble ? at::kDouble : at::kFloat;
    at::Tensor loss = at::zeros({1}, at::TensorOptions().device(m_model.device()).dtype(real));
    for (const TokenBatch& batch : batches) {
        if (m_balance) m_balance->beginMicroBatch(batch.count());
        const auto bucket = m_graphs ? bucketOf(batch.tokens.segments.offsets) : std::nullopt;
        if (bucket)
            runPadded(*bucket, batch, tuning, scale, loss);
        else
            runMicroBatch(toDevice(batch, m_model.device()), tuning, scale, loss);
        tuning.rowOffset += batch.count();
    }
    return loss;
}

void Stepper::runMicroBatch(const TokenBatch& batch, const model::Tuning& tuning, double scale,
                            at::Tensor& loss) {
    if (m_graphs) m_graphs->release();  // a long one needs the memory
    model::StepState state;
    const at::Tensor hidden = m_model.forwardForTuning(batch.tokens, tuning, state);
    const AnswerLoss answer =
        answerLoss(hidden, m_model.head(), batch.targets, scale, true, m_model.headPanels());
    loss.add_(answer.sum);
    if (m_balance && hidden.scalar_type() != at::kDouble) countRouting(state, batch.domain, batch.role);
    m_model.backward(answer.dHidden, batch.tokens, tuning, state);
}

kernels::StepWords Stepper::wordsOf(const TokenBatch& batch, const model::Tuning& tuning) const {
    kernels::StepWords words{.step = static_cast<std::uint32_t>(tuning.step),
                             .tokens = static_cast<std::int32_t>(batch.count()),
                             .rowOffset = tuning.rowOffset};
    if (!m_balance) return words;
    const moe::SwitchBalance::Scalars scalars = m_balance->scalars();
    words.counted = scalars.counted;
    words.valueShare = scalars.valueShare;
    words.coefficient = scalars.coefficient;
    return words;
}

void Stepper::runPadded(const StepBucket& bucket, const TokenBatch& batch, const model::Tuning& tuning,
                        double scale, at::Tensor& loss) {
    const auto toGpu = [&](const at::Tensor& host) {
        return host.pin_memory().to(loss.device(), host.scalar_type(), /*non_blocking=*/true);
    };
    const Targets targets{toGpu(batch.targets.rows), toGpu(batch.targets.labels)};
    m_graphs->run(bucket, batch,
                  {.tuning = tuning,
                   .words = wordsOf(batch, tuning),
                   .count =
                       [&](const model::StepState& state, const PaddedBatch& padded) {
                           if (m_balance) countRouting(state, padded.domain(), padded.role());
                       },
                   .loss =
                       [&](const at::Tensor& hidden) {
                           const AnswerLoss answer = answerLoss(hidden, m_model.head(), targets, scale, true);
                           loss.add_(answer.sum);
                           return answer.dHidden;
                       }});
}

// Whatever goes wrong while graphs are at work, the step is done once more without: padded alike, so that its
// bits are the same.
at::Tensor Stepper::gradientsOf(StepIndex step, std::span<const TokenBatch> batches) {
    const auto whole = [&] {
        m_model.trainable().zeroGradients();
        clearRouting();
        return accumulate(step, batches);
    };
    if (!m_graphs || !m_graphs->recording()) return whole();
    try {
        return whole();
    } catch (const std::exception& exception) {
        m_notice = exception.what();
        m_graphs->giveUp();
    }
    return whole();
}

void Stepper::update(StepIndex step, double learningRate, const at::Tensor& scale, const at::Tensor& finite) {
    model::Trainable& trainable = m_model.trainable();
    ops::AdamW adam{learningRate,  m_options.beta1,       m_options.beta2,
                    m_options.eps, m_options.weightDecay, step};
    if (trainable.keptAs() == TrainedValues::Bf16)
        adam.rounding = {.seed = m_options.seed, .purpose = ops::Purpose::RoundValues, .step = step};
    if (trainable.eightBit()) {
        ops::adamW8bit(trainable.values(), trainable.gradients(), trainable.state8(), adam, scale, finite);
        trainable.refresh();
    } else if (adam.rounding) {
        ops::adamW(trainable.values(), trainable.gradients(), trainable.firstMoments(),
                   trainable.secondMoments(), adam, scale, finite);
        trainable.refresh();
    } else {
        ops::adamW(trainable.values(), trainable.gradients(), trainable.firstMoments(),
                   trainable.secondMoments(), adam, scale, finite, trainable.workingCopy());
    }
}

void Stepper::run(StepIndex step, std::span<const TokenBatch> batches, double learningRate) {
    model::Trainable& trainable = m_model.trainable();
    (void)takePeakMemory(m_model.device());
    const at::Tensor loss = gradientsOf(step, batches);
    const at::Tensor norm = ops::gradientNorm({trainable.gradients()});
    const at::Tensor finite = at::isfinite(norm).logical_and(at::isfinite(loss[0])).to(at::kFloat);
    at::Tensor scale = at::ones_like(norm);
    if (m_options.maxGradientNorm > 0) scale = at::clamp_max(m_options.maxGradientNorm / (norm + 1e-6), 1.0);
    update(step, learningRate, scale, finite);
    StepReport report{.step = step, .learningRate = learningRate, .balanceAlpha = m_options.balance};
    report.memoryBytes = takePeakMemory(m_model.device());
    if (m_graphs) report.memoryBytes = m_mostMemory = std::max(m_mostMemory, report.memoryBytes);
    for (const TokenBatch& batch : batches) {
        report.tokens += batch.count();
        report.answerTokens += batch.answers();
    }
    enqueue(std::move(report), figures(loss, norm, finite));
}

at::Tensor Stepper::figures(const at::Tensor& loss, const at::Tensor& norm, const at::Tensor& finite) const {
    std::vector<at::Tensor> parts{loss.to(at::kFloat), norm.view({1}).to(at::kFloat), finite.view({1})};
    if (m_balance) {
        parts.push_back(m_balance->values());
        parts.push_back(m_perLayer.flatten());
        parts.push_back(m_load.flatten());
    }
    return at::cat(parts);
}

void Stepper::enqueue(StepReport report, const at::Tensor& figures) {
    Pending pending{.report = std::move(report), .figures = figures, .copied = nullptr};
    const at::Device device = figures.device();
    if (!device.is_cpu()) {
        pending.figures =
            at::empty(figures.sizes(), at::TensorOptions().dtype(at::kFloat).pinned_memory(true));
        pending.figures.copy_(figures, /*non_blocking=*/true);
        const c10::impl::VirtualGuardImpl guard(device.type());
        pending.copied = std::make_unique<c10::Event>(device.type());
        pending.copied->record(guard.getStream(device));
    }
    pending.report.finished = std::chrono::steady_clock::now();
    m_pending.push_back(std::move(pending));
}

StepReport Stepper::take() {
    Pending pending = std::move(m_pending.front());
    m_pending.pop_front();
    StepReport report = std::move(pending.report);
    if (pending.copied) {
        // Over already: the host is the slower side, and the step ended about when it was laid out.
        if (!pending.copied->query()) {
            pending.copied->synchronize();
            report.finished = std::chrono::steady_clock::now();
        }
        // Laid out while the one before was still at work, and over since then.
        if (report.finished <= m_lastFinished) report.finished = std::chrono::steady_clock::now();
    }
    m_lastFinished = report.finished;
    const auto* value = pending.figures.const_data_ptr<float>();
    report.lossSum = *value++;
    report.gradientNorm = *value++;
    report.finite = *value++ != 0;
    if (m_balance) {
        report.balance.assign(value, value + m_sparse);
        value += m_sparse;
        report.perLayer.assign(value, value + m_sparse * 5);
        value += m_sparse * 5;
        report.load.assign(value, value + m_load.numel());
    }
    return report;
}

}  // namespace caravan::engine::train
