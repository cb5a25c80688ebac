// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/Functions.h>

#include <cstdint>
#include <vector>

#include "engine/ops/ops.h"
#include "engine/train/token_batch.h"

namespace caravan::engine {

// rows of length random ids below vocabulary, every position but a row's last predicting the next id; on the
// host.
inline train::TokenBatch randomBatch(std::int64_t rows, std::int64_t length, std::int64_t vocabulary,
                                     std::uint64_t seed) {
    const std::int64_t count = rows * length;
    const at::Tensor draws = ops::uniformHost({count}, 1, {.seed = seed});
    std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i)
        ids[static_cast<std::size_t>(i)] =
            3 + static_cast<std::int32_t>((draws.const_data_ptr<float>()[i] + 1) * 0.5F *
                                          static_cast<float>(vocabulary - 4));
    train::TokenBatch batch;
    batch.tokens =
        model::packTokens(ids, std::vector<std::int64_t>(static_cast<std::size_t>(rows), length), at::kCPU);
    std::vector<std::int64_t> targets, labels;
    for (std::int64_t i = 0; i + 1 < count; ++i) {
        if ((i + 1) % length == 0) continue;
        targets.push_back(i);
        labels.push_back(ids[static_cast<std::size_t>(i + 1)]);
    }
    batch.targets = {at::tensor(targets, at::kLong), at::tensor(labels, at::kLong)};
    batch.domain = at::arange(count, at::kLong).remainder(2).to(at::kInt);
    batch.role = at::ones({count}, at::kInt);
    return batch;
}

}  // namespace caravan::engine
