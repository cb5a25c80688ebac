// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"

// Linears with LoRA on the CPU: dropped inputs and rank-r products live for a block of rows only.
namespace caravan::engine::ops::host {

[[nodiscard]] bool suitsLora(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group);
// x W^T + the parts; h per part.
[[nodiscard]] at::Tensor linearWithLora(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group,
                                        std::vector<at::Tensor>& h);
// dx (+)= dy W + the parts' dL/dx, if dx is defined; without a weight dx is added to. Returns dh = s dy B per
// part.
[[nodiscard]] std::vector<at::Tensor> backwardInputWithLora(const at::Tensor& dy, const at::Tensor& weight,
                                                            const LoraGroup& group, at::Tensor& dx);
void backwardParametersOfLora(const at::Tensor& dy, const at::Tensor& x, const std::vector<at::Tensor>& h,
                              const std::vector<at::Tensor>& dh, const LoraGroup& group);

}  // namespace caravan::engine::ops::host
