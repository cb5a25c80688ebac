// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/tokens.h"

#include <ATen/Functions.h>

#include <algorithm>

namespace caravan::engine::model {

Tokens packTokens(std::span<const std::int32_t> ids, std::span<const std::int64_t> lengths,
                  at::Device device) {
    const auto count = static_cast<std::int64_t>(ids.size());
    at::Tensor hostIds = at::empty({count}, at::kLong);
    at::Tensor hostPositions = at::empty({count}, at::kInt);
    std::copy(ids.begin(), ids.end(), hostIds.mutable_data_ptr<std::int64_t>());
    auto* positions = hostPositions.mutable_data_ptr<std::int32_t>();
    Tokens tokens;
    tokens.segments.offsets.push_back(0);
    for (const std::int64_t length : lengths) {
        for (std::int64_t i = 0; i < length; ++i)
            *positions++ = static_cast<std::int32_t>(i);
        tokens.segments.offsets.push_back(tokens.segments.offsets.back() + length);
        tokens.segments.longest = std::max(tokens.segments.longest, length);
    }
    at::Tensor cumulative = at::empty({static_cast<std::int64_t>(tokens.segments.offsets.size())}, at::kInt);
    std::transform(tokens.segments.offsets.begin(), tokens.segments.offsets.end(),
                   cumulative.mutable_data_ptr<std::int32_t>(),
                   [](std::int64_t offset) { return static_cast<std::int32_t>(offset); });
    tokens.ids = hostIds.to(device);
    tokens.positions = hostPositions.to(device);
    tokens.segments.cumulative = cumulative.to(device);
    return tokens;
}

Tokens packTokens(std::span<const std::int32_t> ids, at::Device device) {
    const std::int64_t length = static_cast<std::int64_t>(ids.size());
    return packTokens(ids, std::span(&length, 1), device);
}

}  // namespace caravan::engine::model
