// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"

// fp32 products of many rows on Hopper's tensor cores (kernels/product_fp32), and LoRA with them: the h of
// all linears of an input are one launch, their B parts are further inner columns of the frozen weight's
// product, and all gradients are one launch. Elsewhere at:: multiplies.
namespace caravan::engine::ops::fp32 {

[[nodiscard]] bool suits(const at::Tensor& x, const at::Tensor& weight, bool transposed);
// y [T, outer] = x weight^T (transposed) or x weight
void multiply(const at::Tensor& x, const at::Tensor& weight, bool transposed, at::Tensor& y);

[[nodiscard]] bool suitsLora(const at::Tensor& x, const LoraGroup& group);
// The parts cover all columns of a weight that suits().
[[nodiscard]] at::Tensor linearWithLora(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group,
                                        std::vector<at::Tensor>& h);
// dy weight + the parts' dL/dx, masks included, in one launch behind that of dh.
[[nodiscard]] bool suitsLoraBackward(const at::Tensor& dy, const at::Tensor& weight, const LoraGroup& group);
[[nodiscard]] at::Tensor linearBackwardWithLora(const at::Tensor& dy, const at::Tensor& weight,
                                                const LoraGroup& group, std::vector<at::Tensor>& dh);
[[nodiscard]] std::vector<at::Tensor> loraForward(at::Tensor& y, const at::Tensor& x, const LoraGroup& group);
[[nodiscard]] std::vector<at::Tensor> loraBackwardInput(const at::Tensor& dy, const LoraGroup& group,
                                                        at::Tensor& dx);
void loraBackwardParameters(const at::Tensor& dy, const at::Tensor& x, const std::vector<at::Tensor>& h,
                            const std::vector<at::Tensor>& dh, const LoraGroup& group);

}  // namespace caravan::engine::ops::fp32
