// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/ops/ops.h"

// A few tokens on the CPU, as decoding has them: every weight is read once for all, nothing is laid out
// before, and the bits of a token's values do not depend on the tokens beside it. That is what lets a batch
// say of each of its sequences what that sequence says alone.
namespace caravan::engine::ops {

constexpr std::int64_t kFewRows = 16;

// At most kFewRows rows of fp32 or fp64 on the CPU, and weights of their kind.
[[nodiscard]] bool suitsFewRows(const at::Tensor& x, const at::Tensor& weight);
// x W^T
[[nodiscard]] at::Tensor fewRowsLinear(const at::Tensor& x, const at::Tensor& weight);

// Without dropout, all parts of x's kind.
[[nodiscard]] bool suitsFewRows(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group);
// x W^T + the parts; h per part.
[[nodiscard]] at::Tensor fewRowsLinear(const at::Tensor& x, const at::Tensor& weight, const LoraGroup& group,
                                       std::vector<at::Tensor>& h);

[[nodiscard]] bool suitsFewRows(const at::Tensor& u, const at::Tensor& down, const at::Tensor& up, double p);
// As adapters() without masks.
[[nodiscard]] Adapters fewRowsAdapters(const at::Tensor& u, const Routing& routing, const at::Tensor& down,
                                       const at::Tensor& up, double s);

// Keys and values of one sequence, [1, capacity, kv heads, head size]; length: positions held before.
struct SequenceCache {
    at::Tensor keys, values;
    std::int64_t length = 0;
};
// Token b's key and value [B, kv heads, head size] go behind those of its cache, then query b [B, heads, head
// size] looks at all of them. The lengths stay as they are. held: [B] int32 on a GPU, each length + 1, from
// which its kernel reads them, a sequence at a time; not used on the CPU. -> [B, heads, head size]
[[nodiscard]] at::Tensor attentionDecode(const Heads& tokens, const std::vector<SequenceCache>& caches,
                                         std::optional<std::int64_t> window, const at::Tensor& held = {});

}  // namespace caravan::engine::ops
