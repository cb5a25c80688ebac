// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layer.h"

#include <ATen/Functions.h>

#include "engine/ops/few_rows.h"

namespace caravan::engine::model {

AdaptedLinear* Layer::linearNamed(const std::string& name, std::size_t& part) {
    for (AdaptedLinear* linear : {&qkv, &out, &gateUp, &down})
        if (const auto found = linear->frozen.partNamed(name)) {
            part = *found;
            return linear;
        }
    return nullptr;
}

LinearPass linearPass(const Layer& layer, const LayerPass& pass) {
    LinearPass result{.parameters = pass.parameters, .workspace = pass.workspace, .compute = pass.compute};
    result.lora = !(pass.options && pass.options->dense);
    if (pass.tuning) {
        result.fp8 = true;
        result.dropout = pass.tuning->loraDropout;
        result.key = {pass.tuning->seed,
                      ops::Purpose::LoraDropout,
                      pass.tuning->step,
                      static_cast<std::int32_t>(layer.index),
                      0,
                      pass.tuning->rowOffset};
    }
    return result;
}

moe::BodyPass bodyPass(const Layer& layer, const LayerPass& pass, bool saving) {
    moe::BodyPass result{.parameters = pass.parameters};
    result.saving = saving;
    if (pass.tuning) {
        result.keepRows = saving && pass.tuning->recompute == Recompute::None;
        result.dropout = pass.tuning->adapterDropout;
        result.key = {pass.tuning->seed,
                      ops::Purpose::AdapterDropout,
                      pass.tuning->step,
                      static_cast<std::int32_t>(layer.index),
                      0,
                      pass.tuning->rowOffset};
    }
    return result;
}

namespace {

// Qwen3: every head's vector is normalised; returns the normed tensor of x's shape.
at::Tensor normHeads(const at::Tensor& x, const at::Tensor& weight, double eps, at::Tensor& rstd) {
    ops::Normed normed = ops::rmsNorm(x.view({-1, x.size(2)}), weight, eps);
    rstd = normed.rstd;
    return normed.y.view(x.sizes());
}

ops::Heads project(const Layer& layer, const at::Tensor& normed, const LayerPass& pass, LayerState* state) {
    const ModelConfig& config = pass.config;
    const at::Tensor qkv =
        layer.qkv.forward(normed, linearPass(layer, pass), state ? &state->lora[0] : nullptr);
    ops::Heads heads = ops::splitHeads(qkv, config.heads, config.kvHeads, config.headSize);
    if (config.qkNorm) {
        at::Tensor queryRstd, keyRstd;
        const at::Tensor queryRaw = heads.query.contiguous(), keyRaw = heads.key.contiguous();
        heads.query = normHeads(queryRaw, layer.queryNorm, config.normEps, queryRstd);
        heads.key = normHeads(keyRaw, layer.keyNorm, config.normEps, keyRstd);
        if (state) {
            state->queryRaw = queryRaw;
            state->keyRaw = keyRaw;
            state->queryRstd = queryRstd;
            state->keyRstd = keyRstd;
        }
    }
    return heads;
}

// Rotates query and key; with a cache key and value go there on the way.
void rotate(const Layer& layer, ops::Heads& heads, const LayerPass& pass) {
    if (!pass.cache) return ops::ropeHeads(heads, pass.positions, pass.rope);
    const std::int64_t begin = pass.cache->length(), tokens = heads.query.size(0);
    const auto rows = [&](at::Tensor& all) { return all[0].narrow(0, begin, tokens); };
    ops::ropeHeads(heads, pass.positions, pass.rope, rows(pass.cache->keys(layer.index)),
                   rows(pass.cache->values(layer.index)));
}

at::Tensor attendTogether(const Layer& layer, const ops::Heads& heads, const LayerPass& pass) {
    std::vector<ops::SequenceCache> caches;
    for (KvCache* cache : pass.sequences)
        caches.push_back({cache->keys(layer.index), cache->values(layer.index), cache->length()});
    return ops::attentionDecode(heads, caches, layer.window, pass.lengths);
}

at::Tensor attend(const Layer& layer, const ops::Heads& heads, const LayerPass& pass, LayerState* state) {
    if (!pass.sequences.empty()) return attendTogether(layer, heads, pass);
    if (pass.cache && !pass.segments)
        return ops::attentionDecode(heads.query, pass.cache->keys(layer.index),
                                    pass.cache->values(layer.index), pass.lengths, pass.cache->length() + 1,
                                    layer.window);
    ops::Attention attention =
        ops::attention(heads.query, heads.key, heads.value, *pass.segments, layer.window, state != nullptr);
    at::Tensor out = attention.out;
    if (state) {
        state->query = heads.query;
        state->key = heads.key;
        state->value = heads.value;
        state->attention = std::move(attention);
    }
    return out;
}

at::Tensor feedForward(const Layer& layer, const at::Tensor& normed, const LayerPass& pass,
                       LayerState* state) {
    const LinearPass linear = linearPass(layer, pass);
    const at::Tensor gateUp = layer.gateUp.forward(normed, linear, state ? &state->lora[2] : nullptr);
    const std::int64_t width = pass.config.intermediate;
    const at::Tensor activated = ops::swiglu(gateUp.narrow(1, 0, width), gateUp.narrow(1, width, width));
    at::Tensor u = layer.down.forward(activated, linear, state ? &state->lora[3] : nullptr);
    if (state) state->gateUp = gateUp;
    return u;
}

// The layer's output: y of the experts, from the block's input and the shared FFN's output, plus middle.
at::Tensor mix(const Layer& layer, const at::Tensor& middle, const at::Tensor& normed, const at::Tensor& u,
               const LayerPass& pass, LayerState* state) {
    const moe::SparseBlock& sparse = *layer.sparse;
    const moe::Steering* steering = pass.options ? pass.options->steering : nullptr;
    ops::Routing routing = sparse.router->forward(normed, pass.parameters, layer.index, steering);
    moe::BodySaved unused;
    moe::BodyPass body = bodyPass(layer, pass, state != nullptr);
    body.residual = middle;
    at::Tensor y = sparse.body->forward(normed, u, routing, body, state ? state->body : unused);
    if (pass.options && pass.options->routing) pass.options->routing->push_back({layer.index, routing});
    if (pass.tuning && pass.tuning->balance && !pass.again)
        pass.tuning->balance->observe(sparse.slot, routing);
    if (state) {
        if (!state->body.replacesShared) state->shared = u;
        state->routing = std::move(routing);
    }
    return y;
}

}  // namespace

at::Tensor forward(const Layer& layer, const at::Tensor& x, const LayerPass& pass, LayerState* state) {
    const std::int64_t tokens = x.size(0);
    const ops::Normed input = ops::rmsNorm(x, layer.inputNorm, pass.config.normEps);
    ops::Heads heads = project(layer, input.y, pass, state);
    rotate(layer, heads, pass);
    at::Tensor attended = attend(layer, heads, pass, state).view({tokens, pass.config.queryWidth()}),
               residual = x;
    if (pass.lastRow) {
        attended = attended.narrow(0, tokens - 1, 1);
        residual = x.narrow(0, tokens - 1, 1);
    }
    at::Tensor middle =
        layer.out.forward(attended, linearPass(layer, pass), state ? &state->lora[1] : nullptr);
    const ops::Normed normed = ops::rmsNormOfSum(middle, residual, layer.middleNorm, pass.config.normEps);
    const at::Tensor u = feedForward(layer, normed.y, pass, state);
    const bool sparse = layer.sparse && !(pass.options && pass.options->dense);
    const at::Tensor out = sparse ? mix(layer, middle, normed.y, u, pass, state) : at::add(middle, u);
    if (state) {
        state->x = x;
        state->rstdInput = input.rstd;
        state->middle = middle;
        state->rstdMiddle = normed.rstd;
    }
    return out;
}

}  // namespace caravan::engine::model
