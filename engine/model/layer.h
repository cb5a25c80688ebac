// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>

#include "engine/api/model_config.h"
#include "engine/model/kv_cache.h"
#include "engine/model/linear.h"
#include "engine/model/model.h"
#include "engine/model/step_state.h"
#include "engine/moe/sparse_block.h"

namespace caravan::engine::model {

// One decoder layer: attention, then the FFN with or without experts behind it.
struct Layer {
    std::int64_t index = 0;
    AdaptedLinear qkv, out, gateUp, down;
    at::Tensor inputNorm, middleNorm;  // [D]
    at::Tensor queryNorm, keyNorm;     // [headSize], Qwen3
    std::optional<std::int64_t> window;
    std::optional<moe::SparseBlock> sparse;

    [[nodiscard]] AdaptedLinear* linearNamed(const std::string& name, std::size_t& part);
};

// What all layers of a pass share.
struct LayerPass {
    const ModelConfig& config;
    Trainable& parameters;
    Workspace& workspace;
    const ops::RopeTable& rope;
    at::ScalarType compute = at::kFloat;
    at::Tensor positions;                     // [T] int32
    const ops::Segments* segments = nullptr;  // packed rows; null: decode of one token against the cache
    KvCache* cache = nullptr;                 // keys and values are written behind cache->length()
    at::Tensor lengths;                       // int32: positions held with each token; decode only
    std::span<KvCache* const> sequences;      // in place of cache: token b is the next one of sequence b
    const ForwardOptions* options = nullptr;
    const Tuning* tuning = nullptr;  // null: no dropout, nothing saved
    bool again = false;              // the forward of a recomputed layer: statistics were taken before
    bool lastRow = false;            // of the layer's output only the last token's row is wanted
};

// x [T, D] -> [T, D]; state is filled when tuning.
[[nodiscard]] at::Tensor forward(const Layer& layer, const at::Tensor& x, const LayerPass& pass,
                                 LayerState* state);
// dL/dx from g = dL/dout; undefined if it is not wanted. Adds to the trainable gradients and frees the state.
[[nodiscard]] at::Tensor backward(const Layer& layer, const at::Tensor& g, const LayerPass& pass,
                                  LayerState& state, bool wantInput);

[[nodiscard]] LinearPass linearPass(const Layer& layer, const LayerPass& pass);
[[nodiscard]] moe::BodyPass bodyPass(const Layer& layer, const LayerPass& pass, bool saving);

}  // namespace caravan::engine::model
