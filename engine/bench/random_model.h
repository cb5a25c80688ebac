// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/Functions.h>

#include <memory>
#include <string>

#include "engine/formats/model_folder.h"
#include "engine/model/layer.h"
#include "engine/model/model.h"

// Models of known shapes with random NF4 weights, made on the device: speed does not need real ones.
namespace caravan::engine::model {

struct RandomShape {
    std::int64_t hidden, intermediate, layers, heads, kvHeads, vocabulary;
};

// "7b" Llama-2-7B, "13b" Llama-2-13B, "34b" Yi-34B, "16m" the demo's base model
inline RandomShape randomShape(const std::string& name) {
    if (name == "13b") return {5120, 13824, 40, 40, 40, 32000};
    if (name == "34b") return {7168, 20480, 60, 56, 8, 64000};
    if (name == "16m") return {384, 1024, 8, 6, 6, 8192};
    return {4096, 11008, 32, 32, 32, 32000};
}

class RandomModel {
  public:
    // experts 0: dense. layers below the shape's: so many alone (a layer's share of a step).
    static std::unique_ptr<Model> make(const RandomShape& shape, std::int64_t experts,
                                       std::int64_t adapterSize, bool nf4) {
        ModelConfig config{.hidden = shape.hidden,
                           .intermediate = shape.intermediate,
                           .layers = shape.layers,
                           .heads = shape.heads,
                           .kvHeads = shape.kvHeads,
                           .headSize = shape.hidden / shape.heads,
                           .vocabulary = shape.vocabulary,
                           .maxPositions = 16384,
                           .normEps = 1e-5};
        if (experts > 0) {
            config.moe = MoeConfig{
                .experts = experts, .topK = 2, .adapterSize = adapterSize, .scaling = 0.25, .layers = {}};
            for (std::int64_t i = 0; i < shape.layers; ++i)
                config.moe->layers.push_back(i);
        }
        const at::Device device(at::kCUDA, 0);
        auto model = std::make_unique<Model>(config, device, at::kBFloat16);
        model->m_embedding = values({shape.vocabulary, shape.hidden}, 1);
        model->m_head = values({shape.vocabulary, shape.hidden}, 0.03);
        model->m_finalNorm = at::ones({shape.hidden}, model->m_head.options());
        const std::vector<LinearShape> linears = layerLinears(config);
        for (std::int64_t i = 0; i < shape.layers; ++i)
            model->m_layers.push_back(layer(i, linears, nf4));
        if (experts > 0) addExperts(*model, *config.moe);
        return model;
    }

  private:
    // Uniform in [-bound, bound): 2^20 drawn values, repeated from another place each time.
    static at::Tensor values(at::IntArrayRef shape, double bound) {
        static const at::Tensor drawn =
            ops::uniformHost({1 << 20}, 1, {.seed = 1}).to(at::Device(at::kCUDA, 0), at::kBFloat16);
        static std::int64_t place = 0;
        std::int64_t n = 1;
        for (const auto size : shape)
            n *= size;
        place = (place + 7919) % (1 << 20);
        const at::Tensor all = drawn.roll(place).repeat({(n + (1 << 20) - 1) / (1 << 20)});
        return all.narrow(0, 0, n).view(shape).mul(bound);
    }

    static AdaptedLinear linear(const std::vector<LinearShape>& shapes, std::size_t first, std::size_t count,
                                bool nf4) {
        AdaptedLinear result;
        result.site = static_cast<std::int32_t>(first);
        result.lora.resize(count);
        for (std::size_t i = first; i < first + count; ++i) {
            const at::Tensor dense =
                values({shapes[i].out, shapes[i].in}, 1.0 / std::sqrt(static_cast<double>(shapes[i].in)));
            if (nf4)
                result.frozen.add(shapes[i].name, ops::quantizeNf4(dense, true), at::kBFloat16);
            else
                result.frozen.add(shapes[i].name, dense);
        }
        result.frozen.finish();
        return result;
    }

    static Layer layer(std::int64_t index, const std::vector<LinearShape>& shapes, bool nf4) {
        Layer result;
        result.index = index;
        result.inputNorm =
            at::ones({shapes[0].in}, at::TensorOptions().device(at::kCUDA).dtype(at::kBFloat16));
        result.middleNorm = result.inputNorm.clone();
        result.qkv = linear(shapes, 0, 3, nf4);
        result.out = linear(shapes, 3, 1, nf4);
        result.gateUp = linear(shapes, 4, 2, nf4);
        result.down = linear(shapes, 6, 1, nf4);
        return result;
    }

    // Adapters that are not at their start: up is not zero, so that every gradient has values. All layers
    // begin with the same ones.
    static void addExperts(Model& model, const MoeConfig& moe) {
        const std::int64_t hidden = model.config().hidden;
        const double bound = 1.0 / std::sqrt(static_cast<double>(hidden));
        const at::Tensor down = ops::uniformHost({moe.experts, moe.adapterSize, hidden}, bound, {.seed = 2}),
                         up = ops::uniformHost({moe.experts, hidden, moe.adapterSize}, bound, {.seed = 3}),
                         router = ops::uniformHost({moe.experts, hidden}, bound, {.seed = 4});
        for (const std::int64_t index : moe.layers)
            model.addExperts(moe, index, router, down, up);
    }
};

}  // namespace caravan::engine::model
