// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"

// Products of frozen weights in e4m3 with one scale per row of either factor (kernels/e4m3). On a GPU of
// compute capability 8.9 or above the tensor cores multiply the codes; on the CPU fp32 products read the same
// rounded values, which is slower than without and serves comparisons.
namespace caravan::engine::ops {

// W [out, in] and its transpose, each rounded by its own rows, since the scale must not stand under the sum.
struct Fp8Weight {
    at::Tensor forward, backward;  // GPU: e4m3; CPU: fp32 of the rounded values. [out, in], [in, out]
    at::Tensor forwardScale, backwardScale;  // GPU: fp32 [1, out], [1, in]
    [[nodiscard]] bool defined() const { return forward.defined(); }
    [[nodiscard]] std::int64_t bytes() const;
};

// Throws where the device or the compute type does not multiply so: DeviceUnavailable or BadOption.
void requireFp8(const at::Device& device, at::ScalarType compute);
// The library takes products whose inner and outer sizes are multiples of 16.
[[nodiscard]] bool suitsFp8(const at::Tensor& weight);
[[nodiscard]] Fp8Weight roundToFp8(const at::Tensor& weight);

// As linear and linearBackward of ops.h, with x and dy rounded by their rows.
at::Tensor linear(const at::Tensor& x, const Fp8Weight& weight, const at::Tensor& bias,
                  const LoraGroup& group, std::vector<at::Tensor>& h);
at::Tensor linearBackward(const at::Tensor& dy, const Fp8Weight& weight, const LoraGroup& group,
                          std::vector<at::Tensor>& dh);

}  // namespace caravan::engine::ops
