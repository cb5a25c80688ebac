// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/model/model.h"
#include "engine/model/step_state.h"
#include "engine/moe/balance.h"
#include "engine/train/step_graphs.h"
#include "engine/train/token_batch.h"

namespace caravan::engine::train {

struct StepperOptions {
    std::uint64_t seed = 0;
    double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0;
    OptimizerKind optimizer = OptimizerKind::AdamW;
    double maxGradientNorm = 0.3;  // 0 = no clipping
    double loraDropout = 0.1, adapterDropout = 0.1;
    Recompute recompute = Recompute::None;
    double balance = 1e-2;
    BalanceScope balanceScope = BalanceScope::Micro;
    std::int64_t domains = 1;
    StepGraph graph = StepGraph::Off;  // Auto: on a GPU short micro-batches are padded and launched as graphs
    bool record = true;                // false: padded, but launched operation by operation; for tests
};
[[nodiscard]] StepperOptions stepperOptions(const Recipe& recipe, std::int64_t domains);

// What a step computed, on the host. Sums of routing are of this step alone.
struct StepReport {
    StepIndex step = 0;
    double lossSum = 0;       // nats over the answer tokens
    double gradientNorm = 0;  // before clipping
    bool finite = true;       // false: the weights were left alone
    double learningRate = 0, balanceAlpha = 0;
    std::int64_t tokens = 0, answerTokens = 0;
    std::vector<double> balance;  // per sparse layer: E sum f p
    std::vector<float> perLayer;  // [layers][5]: sums of top probability, margin, entropy, logsumexp, tokens
    std::vector<float> load;      // [layers][E][domains][2 first|all][2 prompt|answer][2 count|gate]
    Bytes memoryBytes = 0;        // peak while the step was laid out
    std::chrono::steady_clock::time_point finished;
};

// The optimizer step: forward, hand-written backward, clipping, AdamW over all micro-batches. Enqueues work
// and copies its figures asynchronously; nothing in run() waits for the device.
class Stepper {
  public:
    Stepper(model::Model& model, const StepperOptions& options);  // makes gradients and moments

    void setBalance(double alpha);
    [[nodiscard]] double balance() const { return m_options.balance; }

    void run(StepIndex step, std::span<const TokenBatch> batches, double learningRate);
    [[nodiscard]] std::size_t pending() const { return m_pending.size(); }
    [[nodiscard]] StepReport take();  // the oldest; waits until its step is done

    // Loss and gradients of a step without an update; for probes and tests. Gradients are added.
    [[nodiscard]] at::Tensor accumulate(StepIndex step, std::span<const TokenBatch> batches);

    // Shapes of micro-batches that are launched as graphs now.
    [[nodiscard]] std::size_t recordedShapes() const { return m_graphs ? m_graphs->recorded() : 0; }
    // Why graphs are off from now on, once; empty: nothing to tell.
    [[nodiscard]] std::string takeNotice() { return std::exchange(m_notice, {}); }

  private:
    struct Pending {
        StepReport report;
        at::Tensor figures;  // host
        std::unique_ptr<c10::Event> copied;
    };
    void clearRouting();
    void countRouting(const model::StepState& state, const at::Tensor& domain, const at::Tensor& role);
    void update(StepIndex step, double learningRate, const at::Tensor& scale, const at::Tensor& finite);
    [[nodiscard]] at::Tensor gradientsOf(StepIndex step, std::span<const TokenBatch> batches);
    void runMicroBatch(const TokenBatch& batch, const model::Tuning& tuning, double scale, at::Tensor& loss);
    void runPadded(const StepBucket& bucket, const TokenBatch& batch, const model::Tuning& tuning,
                   double scale, at::Tensor& loss);
    [[nodiscard]] kernels::StepWords wordsOf(const TokenBatch& batch, const model::Tuning& tuning) const;
    [[nodiscard]] at::Tensor figures(const at::Tensor& loss, const at::Tensor& norm,
                                     const at::Tensor& finite) const;
    void enqueue(StepReport report, const at::Tensor& figures);

    model::Model& m_model;
    StepperOptions m_options;
    std::unique_ptr<moe::SwitchBalance> m_balance;  // null when dense
    std::int64_t m_sparse = 0, m_experts = 0;
    at::Tensor m_load, m_perLayer, m_probability;  // [layers, ...]
    std::unique_ptr<StepGraphs> m_graphs;          // null: off, or not on a GPU
    Bytes m_mostMemory = 0;                        // of any step: a launched graph takes none that is counted
    std::string m_notice;
    std::deque<Pending> m_pending;
    std::chrono::steady_clock::time_point m_lastFinished;
};

}  // namespace caravan::engine::train
