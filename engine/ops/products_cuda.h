// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"

namespace caravan::engine::ops {

// y [T, outer] = x W^T (transposed) or x W, plus y if add: with the plugin's choice of algorithm where it has
// one, else as at:: does it. CUDA, bf16.
void productOnDevice(const at::Tensor& x, const at::Tensor& weight, bool transposed, bool add, at::Tensor& y);
// Whether linear() and linearBackward() take this way.
[[nodiscard]] bool suitsProductOnDevice(const at::Tensor& x, const at::Tensor& weight);

}  // namespace caravan::engine::ops
