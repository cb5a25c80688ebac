// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/upcycle/step_zero.h"

#include <ATen/Functions.h>

#include <chrono>

#include "engine/model/step_state.h"

namespace caravan::engine::upcycle {
namespace {

constexpr const char* kText =
    "A caravan crosses the desert in single file, and no two of its animals carry the same load. The guide "
    "knows which of them "
    "is sure of foot on loose stones, which one finds water, and which will not be hurried past a shadow at "
    "noon. When the path "
    "divides he asks only the two or three whose judgement fits the ground ahead; the others walk on and "
    "keep their strength. "
    "In 1889 a surveyor counted 214 camels, 37 drivers and 6 dogs between the wells, and noted that the "
    "whole line moved at "
    "3.8 km/h, although its slowest member alone made barely 3.\n\n"
    "def route(scores, k):\n    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))\n    "
    "return order[:k]\n\n"
    "If each of 8 guides is asked for 2 of every 12 questions, how many questions does one guide answer? 12 "
    "x 2 / 8 = 3.";

// What enters each layer and the final norm, on the host.
std::vector<at::Tensor> layerInputsOf(model::Model& model, std::span<const std::int32_t> ids) {
    const auto tokens = model::packTokens(ids, model.device());
    const model::Tuning plain;
    model::StepState state;
    static_cast<void>(model.forwardForTuning(tokens, plain, state));
    std::vector<at::Tensor> inputs;
    for (const auto& layer : state.layers)
        inputs.push_back(layer.x.to(at::kCPU));
    inputs.push_back(state.last.to(at::kCPU));
    return inputs;
}

}  // namespace

std::vector<std::int32_t> proofIds(const Tokenizer* tokenizer, const ModelConfig& config) {
    std::vector<std::int32_t> ids;
    if (tokenizer) {
        ids = tokenizer->encode(kText);
        if (const auto bos = tokenizer->bosId()) ids.insert(ids.begin(), *bos);
        std::erase_if(ids, [&](std::int32_t id) { return id < 0 || id >= config.vocabulary; });
    }
    for (std::int64_t i = 0; ids.size() < 64; ++i)
        ids.push_back(static_cast<std::int32_t>((i * 7919 + 13) % config.vocabulary));
    ids.resize(static_cast<std::size_t>(
        std::min<std::int64_t>({static_cast<std::int64_t>(ids.size()), 256, config.maxPositions})));
    return ids;
}

at::Tensor logitsOf(model::Model& model, std::span<const std::int32_t> ids,
                    const model::ForwardOptions& options) {
    return model.logits(model.forward(model::packTokens(ids, model.device()), options)).to(at::kCPU);
}

DenseReference denseReference(model::Model& base, std::vector<std::int32_t> ids) {
    DenseReference reference{.ids = std::move(ids)};
    reference.logits = logitsOf(base, reference.ids);
    reference.layerInputs = layerInputsOf(base, reference.ids);
    return reference;
}

StepZeroProof proveStepZero(model::Model& sparse, const DenseReference& dense,
                            const ProgressFunction& progress, std::stop_token stop) {
    const auto start = std::chrono::steady_clock::now();
    const std::int64_t experts = sparse.config().moe ? sparse.config().moe->experts : 0;
    StepZeroProof proof{.tokens = static_cast<std::int64_t>(dense.ids.size())};
    Progress state{.stage = "proving step 0", .total = experts + 1};
    for (std::int64_t forced = -1; forced < experts; ++forced) {
        if (stop.stop_requested())
            throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        moe::Steering steering;
        if (forced >= 0) {
            steering.experts.push_back({.layer = -1, .expert = forced, .use = SteerExpert::Use::Force});
            steering.activeExperts = 1;
        }
        const at::Tensor logits =
            logitsOf(sparse, dense.ids, {.steering = steering.none() ? nullptr : &steering});
        const double difference = (logits - dense.logits).abs().max().item<double>();
        // A NaN is a difference too.
        if (!(difference <= proof.maxAbsLogitDifference)) proof.maxAbsLogitDifference = difference;
        proof.logits += logits.numel();
        ++state.done;
        if (progress) progress(state);
    }
    if (proof.maxAbsLogitDifference != 0) {
        const auto inputs = layerInputsOf(sparse, dense.ids);
        for (std::size_t i = 1; i < inputs.size() && proof.firstDifferingLayer < 0; ++i)
            if (!at::equal(inputs[i], dense.layerInputs[i]))
                proof.firstDifferingLayer = static_cast<std::int64_t>(i) - 1;
    }
    proof.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return proof;
}

}  // namespace caravan::engine::upcycle
