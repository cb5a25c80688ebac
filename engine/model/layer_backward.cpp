// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Functions.h>

#include "engine/model/layer.h"

namespace caravan::engine::model {

namespace {

// Backward of FFN and experts: dL/dmiddle from g = dL/dout.
at::Tensor feedForwardBackward(const Layer& layer, const at::Tensor& g, const LayerPass& pass,
                               LayerState& state) {
    const LinearPass linear = linearPass(layer, pass);
    const std::int64_t width = pass.config.intermediate;
    const at::Tensor normed = ops::rmsNorm(state.middle, layer.middleNorm, pass.config.normEps).y;
    moe::SparseGradient sparse;
    if (layer.sparse) {
        const moe::BalanceTerm* balance = pass.tuning->balance;
        sparse = moe::backward(*layer.sparse, g, normed, state.shared, state.routing,
                               bodyPass(layer, pass, true), state.body, balance);
        state.shared.reset();
        state.body = {};
    }
    const at::Tensor& du = layer.sparse ? sparse.shared : g;
    if (!state.gateUp.defined()) state.gateUp = layer.gateUp.forward(normed, linear, &state.lora[2]);
    const at::Tensor gate = state.gateUp.narrow(1, 0, width), up = state.gateUp.narrow(1, width, width);
    at::Tensor dGateUp;
    {
        std::vector<at::Tensor> dh;
        const at::Tensor dActivated = layer.down.backwardInput(du, linear, state.lora[3], true, dh);
        const ops::SwigluGradient gradient = ops::swigluBackward(dActivated, gate, up, layer.down.hasLora());
        if (layer.down.hasLora())
            layer.down.backwardParameters(du, gradient.product, linear, state.lora[3], dh);
        dGateUp = gradient.packed;
    }
    state.gateUp.reset();
    at::Tensor dNormed = layer.gateUp.backward(dGateUp, normed, linear, state.lora[2], true);
    if (layer.sparse) {
        if (sparse.input.defined()) dNormed.add_(sparse.input);
        layer.sparse->router->addInputGradient(sparse.logits, pass.parameters, dNormed);
    }
    return ops::rmsNormBackward(dNormed, state.middle, layer.middleNorm, state.rstdMiddle, g);
}

at::Tensor unnormHeads(const at::Tensor& gradient, const at::Tensor& raw, const at::Tensor& weight,
                       const at::Tensor& rstd) {
    const std::int64_t size = raw.size(2);
    // Of a single head the reshaped gradient is still a view of all heads' joined one.
    return ops::rmsNormBackward(gradient.reshape({-1, size}).contiguous(), raw.view({-1, size}), weight, rstd)
        .view(raw.sizes());
}

// dL/d(joined q|k|v) [T, Q + 2 K] from dL/d(attention's output).
at::Tensor attentionBackward(const Layer& layer, const at::Tensor& dAttended, const LayerPass& pass,
                             LayerState& state) {
    const ModelConfig& config = pass.config;
    const std::int64_t tokens = dAttended.size(0);
    const ops::Rotated rotated{pass.positions, pass.rope};
    const ops::AttentionGradient gradient = ops::attentionBackward(
        dAttended.view({tokens, config.heads, config.headSize}), state.query, state.key, state.value,
        state.attention, *pass.segments, layer.window, config.qkNorm ? nullptr : &rotated);
    if (gradient.joined.defined()) return gradient.joined;
    ops::Heads heads{gradient.q, gradient.k, gradient.v};
    if (!config.qkNorm) return ops::joinHeads(heads, pass.positions, pass.rope);
    ops::ropeInPlace(heads.query, pass.positions, pass.rope, true);
    ops::ropeInPlace(heads.key, pass.positions, pass.rope, true);
    heads.query = unnormHeads(heads.query, state.queryRaw, layer.queryNorm, state.queryRstd);
    heads.key = unnormHeads(heads.key, state.keyRaw, layer.keyNorm, state.keyRstd);
    return at::cat(
        {heads.query.reshape({tokens, config.queryWidth()}), heads.key.reshape({tokens, config.keyWidth()}),
         heads.value.reshape({tokens, config.keyWidth()})},
        1);
}

// With recomputation only x (and, for the statistics, the routing) was kept: runs the forward again.
void restore(const Layer& layer, const LayerPass& pass, LayerState& state) {
    if (state.middle.defined()) return;
    LayerPass again = pass;
    again.again = true;
    const at::Tensor out = forward(layer, at::Tensor(state.x), again, &state);
}

}  // namespace

at::Tensor backward(const Layer& layer, const at::Tensor& g, const LayerPass& pass, LayerState& state,
                    bool wantInput) {
    restore(layer, pass, state);
    const LinearPass linear = linearPass(layer, pass);
    const std::int64_t tokens = g.size(0);
    const at::Tensor dMiddle = feedForwardBackward(layer, g, pass, state);
    const at::Tensor attended = state.attention.out.view({tokens, pass.config.queryWidth()});
    const at::Tensor dAttended = layer.out.backward(dMiddle, attended, linear, state.lora[1], true);
    const at::Tensor dQkv = attentionBackward(layer, dAttended, pass, state);
    const at::Tensor normed = ops::rmsNorm(state.x, layer.inputNorm, pass.config.normEps).y;
    const at::Tensor dNormed = layer.qkv.backward(dQkv, normed, linear, state.lora[0], wantInput);
    const Tuning& tuning = *pass.tuning;
    pass.parameters.foldGradients(layer.index, {.seed = tuning.seed,
                                                .purpose = ops::Purpose::RoundGradients,
                                                .step = tuning.step,
                                                .rowOffset = tuning.rowOffset});
    at::Tensor result;
    if (wantInput) result = ops::rmsNormBackward(dNormed, state.x, layer.inputNorm, state.rstdInput, dMiddle);
    const ops::Routing routing = std::move(state.routing);  // the step's statistics read it afterwards
    state = {};
    state.routing = routing;
    return result;
}

}  // namespace caravan::engine::model
