// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/ops/ops.h"

// Causal attention on the CPU: a thread takes a row's key head with the query heads that share it.
namespace caravan::engine::ops::host {

[[nodiscard]] bool suitsAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);
[[nodiscard]] Attention attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  const Segments& segments, std::optional<std::int64_t> window);
[[nodiscard]] AttentionGradient attentionBackward(const at::Tensor& dout, const at::Tensor& q,
                                                  const at::Tensor& k, const at::Tensor& v,
                                                  const Attention& forward, const Segments& segments,
                                                  std::optional<std::int64_t> window);

}  // namespace caravan::engine::ops::host
