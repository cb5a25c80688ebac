// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"

namespace caravan::engine::ops {

// sum (bf16) += part (fp32), part = 0; both flat. The first micro-batch of a step (key.rowOffset 0) is
// rounded to the nearest, later ones at random by the key and the element's index in its buffer: first + its
// index here, first a multiple of 8. Within a LiveStep step and row offset are read from its words.
void addGradients(at::Tensor& sum, at::Tensor& part, std::int64_t first, const RandomKey& key);

}  // namespace caravan::engine::ops
