// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "engine/api/engine.h"
#include "engine/moe/steering.h"

namespace caravan::engine::generate {

// What is told of a token's routing, on the host. Asked for from a GPU it is on its way: it is there once
// anything that was asked for later has come.
struct NotedRouting {
    std::vector<std::int64_t> layers;
    at::Tensor chosen, weights, logits;  // [layers, k], [layers, k], [layers, E]
};
// Of a token of the pass: the last one, or that of a row. One copy from the device of each kind.
[[nodiscard]] NotedRouting noteRouting(const std::vector<moe::LayerRouting>& routing, std::int64_t row = -1);
// The copy of a device's tensor that a host can read; the same way.
[[nodiscard]] at::Tensor asHostCopy(const at::Tensor& x, bool wait);

// Fills layers, experts, weights and (up to 1,024 layers x experts) router probabilities.
void describeRouting(const NotedRouting& noted, TokenEvent& event);
void describeRouting(const std::vector<moe::LayerRouting>& routing, TokenEvent& event, std::int64_t row = -1);

}  // namespace caravan::engine::generate
