// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "engine/data/batch_source.h"
#include "engine/model/tokens.h"
#include "engine/train/answer_loss.h"

namespace caravan::engine::train {

// A micro-batch as tensors, on the host until toDevice(). Padding is left out: it would only be masked.
struct TokenBatch {
    model::Tokens tokens;
    Targets targets;
    at::Tensor domain;  // [T] int32
    at::Tensor role;    // [T] int32: 0 prompt, 1 answer
    std::vector<std::int32_t> segmentDomains;
    [[nodiscard]] std::int64_t count() const { return tokens.count(); }
    [[nodiscard]] std::int64_t answers() const { return targets.labels.numel(); }
};

[[nodiscard]] TokenBatch makeTokenBatch(const MicroBatch& batch);
[[nodiscard]] TokenBatch toDevice(const TokenBatch& batch, at::Device device);

}  // namespace caravan::engine::train
