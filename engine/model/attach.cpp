// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

#include "engine/api/config/descriptors.h"
#include "engine/formats/model_folder.h"
#include "engine/formats/peft.h"
#include "engine/model/layer.h"
#include "engine/model/model.h"

namespace caravan::engine::model {

namespace {

// Sites of initial values within a layer (methods.md section 6): 0 .. 6 LoRA A in the order q k v o gate up
// down.
constexpr std::int32_t kRouterSite = 16;
constexpr std::int32_t kAdapterSite = 32;  // + expert

at::Tensor draw(at::IntArrayRef shape, std::int64_t fanIn, std::uint64_t seed, std::int64_t layer,
                std::int32_t site) {
    const ops::RandomKey key{seed, ops::Purpose::Initialise, 0, static_cast<std::int32_t>(layer), site, 0};
    return ops::uniformHost(shape, 1.0 / std::sqrt(static_cast<double>(fanIn)), key);
}

}  // namespace

void Model::attachPesc(const PescOptions& options) {
    if (!m_sparseLayers.empty())
        throw EngineException(ErrorCode::Unsupported,
                              {{"what", "upcycling"}, {"detail", "the model has experts already"}});
    MoeConfig moe{.experts = options.experts,
                  .topK = options.topK,
                  .adapterSize = options.adapterSize,
                  .scaling = options.scaling,
                  .layers = options.layers};
    const std::int64_t hidden = m_config.hidden;
    for (const std::int64_t layer : options.layers) {
        std::vector<at::Tensor> down;
        for (std::int64_t expert = 0; expert < options.experts; ++expert)
            down.push_back(draw({options.adapterSize, hidden}, hidden, options.seed, layer,
                                kAdapterSite + static_cast<std::int32_t>(expert)));
        const at::Tensor router = draw({options.experts, hidden}, hidden, options.seed, layer, kRouterSite);
        addExperts(moe, layer, router, at::stack(down),
                   at::zeros({options.experts, hidden, options.adapterSize}));
    }
    m_config.moe = std::move(moe);
    finishAttach();
}

void Model::addExperts(const MoeConfig& moe, std::int64_t layer, const at::Tensor& router,
                       const at::Tensor& down, const at::Tensor& up) {
    std::vector<std::string> downKeys, upKeys;
    for (std::int64_t expert = 0; expert < moe.experts; ++expert) {
        downKeys.push_back(adapterKey(moe.keyStyle, layer, expert, false));
        upKeys.push_back(adapterKey(moe.keyStyle, layer, expert, true));
    }
    const BlockId routerBlock = m_trainable.add(ParameterGroup::Router, {routerKey(layer)}, router);
    const BlockId downBlock = m_trainable.add(ParameterGroup::Adapter, std::move(downKeys), down);
    const BlockId upBlock = m_trainable.add(ParameterGroup::Adapter, std::move(upKeys), up);
    moe::SparseBlock block{
        .slot = static_cast<std::int64_t>(m_sparseLayers.size()), .experts = moe.experts, .topK = moe.topK};
    block.router = std::make_unique<moe::LinearRouter>(routerBlock, moe.topK);
    block.body = std::make_unique<moe::SerialAdapters>(downBlock, upBlock, moe.scaling);
    m_layers.at(static_cast<std::size_t>(layer)).sparse = std::move(block);
    m_sparseLayers.push_back(layer);
    if (!m_config.moe) m_config.moe = moe;
}

void Model::attachLora(const LoraOptions& options) {
    if (m_lora)
        throw EngineException(ErrorCode::Unsupported,
                              {{"what", "LoRA"}, {"detail", "the model has a LoRA already"}});
    const double scale = options.alpha / static_cast<double>(options.rank);
    for (Layer& layer : m_layers)
        for (AdaptedLinear* linear : {&layer.qkv, &layer.out, &layer.gateUp, &layer.down}) {
            std::vector<std::size_t> chosen;
            for (std::size_t part = 0; part < linear->frozen.parts(); ++part)
                for (const std::string& target : options.targets)
                    if (linear->frozen.nameOf(part).ends_with("." + target)) chosen.push_back(part);
            // All A of one input lie behind each other, so that they may become one product.
            for (const std::size_t part : chosen) {
                const std::int64_t in = linear->frozen.in();
                const BlockId a = m_trainable.add(
                    ParameterGroup::Lora, {loraKey(layer.index, linear->frozen.nameOf(part), false)},
                    draw({options.rank, in}, in, options.seed, layer.index, linear->siteOf(part)));
                linear->lora[part] = LoraPart{.a = a, .scale = scale, .rank = options.rank};
            }
            for (const std::size_t part : chosen)
                linear->lora[part]->b = m_trainable.add(
                    ParameterGroup::Lora, {loraKey(layer.index, linear->frozen.nameOf(part), true)},
                    at::zeros({linear->frozen.outOf(part), options.rank}));
        }
    m_lora = true;
    finishAttach();
}

void Model::addLora(std::int64_t layer, const std::string& linear, double scale, const at::Tensor& a,
                    const at::Tensor& b) {
    std::size_t part = 0;
    AdaptedLinear* target = m_layers.at(static_cast<std::size_t>(layer)).linearNamed(linear, part);
    if (!target) throw EngineException(ErrorCode::Internal, {{"detail", "no linear " + linear}});
    const std::string& name = target->frozen.nameOf(part);
    LoraPart lora{.scale = scale, .rank = a.size(0)};
    lora.a = m_trainable.add(ParameterGroup::Lora, {loraKey(layer, name, false)}, a);
    lora.b = m_trainable.add(ParameterGroup::Lora, {loraKey(layer, name, true)}, b);
    target->lora[part] = lora;
    m_lora = true;
}

void Model::finishAttach() {
    m_trainable.allocate();
}

void attachRecipe(Model& model, const Recipe& recipe) {
    model.trainable().keepAs(recipe.tune.trained);
    if (recipe.upcycle.method == UpcycleMethod::Pesc)
        model.attachPesc({.experts = recipe.upcycle.experts,
                          .topK = recipe.upcycle.topK,
                          .adapterSize = recipe.upcycle.adapterSize,
                          .scaling = recipe.upcycle.scaling,
                          .layers = unwrap(parseLayers(recipe.upcycle.layers, model.config().layers)),
                          .seed = recipe.seed});
    if (recipe.tune.loraRank > 0 && !model.hasLora())
        model.attachLora({.rank = recipe.tune.loraRank,
                          .alpha = recipe.tune.loraAlpha,
                          .targets = recipe.tune.loraTargets,
                          .seed = recipe.seed});
    if (model.trainable().empty())
        throw EngineException(
            ErrorCode::BadOption,
            {{"key", "tune.lora_rank"}, {"value", "0"}, {"range", "1 or more where no experts are tuned"}});
}

}  // namespace caravan::engine::model
