// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"

// adapters() and its backward for CUDA tensors; the number of tokens of an expert stays on the device.
namespace caravan::engine::ops {

Adapters adaptersOnDevice(const at::Tensor& u, const Routing& routing, const at::Tensor& down,
                          const at::Tensor& up, double s, double p, const RandomKey& key,
                          const AdapterOptions& options);
AdapterGradient adaptersBackwardOnDevice(const at::Tensor& g, const at::Tensor& u, const Routing& routing,
                                         const at::Tensor& h, const at::Tensor& down, const at::Tensor& up,
                                         double s, double p, const RandomKey& key, at::Tensor& dDown,
                                         at::Tensor& dUp, const at::Tensor& rows);

}  // namespace caravan::engine::ops
