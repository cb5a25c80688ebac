// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"

// attention() and its backward for CUDA tensors: packed rows by cumulative lengths. bf16: flash attention, or
// cuDNN's kernel where all rows are equally long. fp32: kernels/attention_fp32 for heads of 64 and 128, the
// library's memory-efficient kernel for others (no TF32). Backward passes are the deterministic ones, unless
// the process allows others.
namespace caravan::engine::ops {

Attention attentionOnDevice(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const Segments& segments, std::optional<std::int64_t> window, bool forBackward);
AttentionGradient attentionBackwardOnDevice(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                                            const at::Tensor& v, const Attention& forward,
                                            const Segments& segments, std::optional<std::int64_t> window,
                                            const Rotated* rotated);

}  // namespace caravan::engine::ops
