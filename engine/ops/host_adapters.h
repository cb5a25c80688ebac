// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"
#include "kernels/common/philox.h"

// Adapters on the CPU: a block of an expert's rows passes through both products while it lies in the cache.
namespace caravan::engine::ops::host {

[[nodiscard]] bool suitsAdapters(const at::Tensor& u, const at::Tensor& down, const at::Tensor& up);
[[nodiscard]] Adapters adapters(const at::Tensor& u, const Routing& routing, const at::Tensor& down,
                                const at::Tensor& up, double s, const kernels::DropoutMask& mask);
[[nodiscard]] AdapterGradient adaptersBackward(const at::Tensor& g, const at::Tensor& u,
                                               const Routing& routing, const at::Tensor& h,
                                               const at::Tensor& down, const at::Tensor& up, double s,
                                               const kernels::DropoutMask& mask, at::Tensor& dDown,
                                               at::Tensor& dUp);

}  // namespace caravan::engine::ops::host
