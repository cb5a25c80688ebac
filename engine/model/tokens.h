// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "engine/ops/ops.h"

namespace caravan::engine::model {

// A packed micro-batch on the device: rows behind each other, no padding, attention within a row only.
struct Tokens {
    at::Tensor ids;        // [T] int64
    at::Tensor positions;  // [T] int32, from 0 in each row
    ops::Segments segments;
    [[nodiscard]] std::int64_t count() const { return ids.size(0); }
};

// ids of all rows behind each other; lengths of the rows, their sum = ids.size().
[[nodiscard]] Tokens packTokens(std::span<const std::int32_t> ids, std::span<const std::int64_t> lengths,
                                at::Device device);
// One row.
[[nodiscard]] Tokens packTokens(std::span<const std::int32_t> ids, at::Device device);

}  // namespace caravan::engine::model
