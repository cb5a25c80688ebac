// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/moe/expert_body.h"
#include "engine/ops/ops.h"

namespace caravan::engine::moe {
class BalanceTerm;
}

namespace caravan::engine::model {

// What a tuning pass depends on beside its tokens.
struct Tuning {
    std::uint64_t seed = 0;
    std::int64_t step = 1;  // optimizer step
    std::int64_t rowOffset =
        0;  // tokens of the step's micro-batches before this one: masks do not depend on the cut
    double loraDropout = 0, adapterDropout = 0;
    Recompute recompute = Recompute::None;
    moe::BalanceTerm* balance = nullptr;  // null = off
    bool saving = true;                   // false: the forward of a recomputed layer's first pass
};

// The minimal set that a layer's backward needs; norms, SwiGLU's product and dropout masks are computed
// again.
struct LayerState {
    at::Tensor x, rstdInput;      // [T, D]; [T]
    at::Tensor queryRaw, keyRaw;  // Qwen3 only: before their norm
    at::Tensor queryRstd, keyRstd;
    at::Tensor query, key, value;  // rotated
    ops::Attention attention;
    at::Tensor middle, rstdMiddle;  // residual after attention
    at::Tensor gateUp;              // [T, 2 I]
    at::Tensor shared;              // u [T, D]; sparse layers whose body does not keep it its own way
    ops::Routing routing;           // sparse layers only
    moe::BodySaved body;
    std::array<std::vector<at::Tensor>, 4>
        lora;  // rank-r products of qkv, o, gate|up, down; undefined where a part has none
};
struct StepState {
    std::vector<LayerState> layers;
    at::Tensor last, rstdLast;  // input of the final norm
};

}  // namespace caravan::engine::model
