// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/evaluate/batch.h"

#include <ATen/Functions.h>

namespace caravan::engine::evaluate {

model::Tokens batchTokens(const MicroBatch& batch, at::Device device) {
    std::vector<std::int64_t> lengths;
    for (std::size_t s = 0; s < batch.segments(); ++s)
        lengths.push_back(batch.offsets[s + 1] - batch.offsets[s]);
    return model::packTokens(batch.ids, lengths, device);
}

train::Targets batchTargets(const MicroBatch& batch, at::Device device) {
    std::vector<std::int64_t> rows, labels;
    for (std::size_t s = 0; s < batch.segments(); ++s)
        for (std::int32_t t = batch.offsets[s]; t + 1 < batch.offsets[s + 1]; ++t)
            if (const TokenId label = batch.labels[static_cast<std::size_t>(t) + 1]; label >= 0) {
                rows.push_back(t);
                labels.push_back(label);
            }
    const auto tensor = [&](const std::vector<std::int64_t>& values) {
        return at::tensor(values, at::kLong).to(device);
    };
    return {tensor(rows), tensor(labels)};
}

}  // namespace caravan::engine::evaluate
