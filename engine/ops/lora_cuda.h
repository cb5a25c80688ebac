// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"

// LoRA of several linears at once for bf16 CUDA tensors: all A of one input are one product, their dropout
// masks are applied while the input is read, and gradients are summed in fp32 by the product itself.
namespace caravan::engine::ops {

[[nodiscard]] bool suitsJoinedLora(const at::Tensor& x, const LoraGroup& group);
// The parts alone, for a product that adds to them: reading them in its epilogue costs less than a second
// pass over the product's result. The parts cover all columns.
[[nodiscard]] at::Tensor startWithLora(const at::Tensor& x, const LoraGroup& group,
                                       std::vector<at::Tensor>& h);
[[nodiscard]] at::Tensor startBackwardWithLora(const at::Tensor& dy, const LoraGroup& group,
                                               std::vector<at::Tensor>& dh);
[[nodiscard]] std::vector<at::Tensor> loraForwardOnDevice(at::Tensor& y, const at::Tensor& x,
                                                          const LoraGroup& group);
[[nodiscard]] std::vector<at::Tensor> loraBackwardInputOnDevice(const at::Tensor& dy, const LoraGroup& group,
                                                                at::Tensor& dx);
void loraBackwardParametersOnDevice(const at::Tensor& dy, const at::Tensor& x,
                                    const std::vector<at::Tensor>& h, const std::vector<at::Tensor>& dh,
                                    const LoraGroup& group);

}  // namespace caravan::engine::ops
