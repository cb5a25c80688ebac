// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/warm_up.h"

#include <ATen/Functions.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <exception>

#include "engine/ops/ops.h"
#include "engine/train/memory.h"

namespace caravan::engine::train {
namespace {

constexpr std::int64_t kTokens = 1024,  // fewer take other kernels
    kLongest = 544;

MicroBatch madeUp(std::int64_t vocabulary, std::int64_t sequenceLength, std::int64_t mostTokens) {
    const std::int64_t length = std::clamp<std::int64_t>(std::min(sequenceLength, mostTokens), 2, kLongest),
                       rows = std::clamp<std::int64_t>((kTokens + length - 1) / length, 1,
                                                       std::max<std::int64_t>(1, mostTokens / length));
    MicroBatch batch;
    for (std::int64_t row = 0; row < rows; ++row) {
        batch.offsets.push_back(static_cast<std::int32_t>(row * length));
        batch.domains.push_back(0);
        batch.rows.push_back(row);
        for (std::int64_t i = 0; i < length; ++i) {
            const bool answer = i >= length / 2;
            const auto id = static_cast<TokenId>((row * length + i) * 7919 % vocabulary);
            batch.ids.push_back(id);
            batch.labels.push_back(answer ? id : -100);
            batch.positions.push_back(static_cast<std::int32_t>(i));
            batch.roles.push_back(static_cast<std::uint8_t>(answer ? TokenRole::Answer : TokenRole::Prompt));
            batch.answerTokens += answer ? 1 : 0;
        }
    }
    batch.tokens = rows * length;
    batch.offsets.push_back(static_cast<std::int32_t>(batch.tokens));
    return batch;
}

}  // namespace

void warmUp(model::Model& model, const StepperOptions& options, std::int64_t sequenceLength,
            std::int64_t microBatchTokens) {
    if (model.device().is_cpu()) return;
    try {
        const at::AutoDispatchBelowADInplaceOrView guard;
        const c10::OptionalDeviceGuard device(model.device());
        StepperOptions plain = options;
        plain.graph = StepGraph::Off;
        plain.domains = 1;
        const TokenBatch batch =
            makeTokenBatch(madeUp(model.config().vocabulary, sequenceLength, microBatchTokens));
        Stepper stepper(model, plain);
        const at::Tensor loss = stepper.accumulate(1, std::span(&batch, 1)),
                         norm = ops::gradientNorm({model.trainable().gradients()});
        static_cast<void>(at::isfinite(norm).logical_and(at::isfinite(loss[0])).item<bool>());
    } catch (const std::exception&) {
    }
    // The run's own shapes shall find memory as it was.
    releaseCachedMemory(model.device());
}

}  // namespace caravan::engine::train
