// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "engine/formats/model_folder.h"
#include "engine/plan/plan.h"

namespace caravan::engine {
namespace {

// "self_attn.q_proj" -> "q_proj"
std::string_view lastName(std::string_view name) {
    return name.substr(name.rfind('.') + 1);
}

}  // namespace

ParameterCounts countParameters(const ModelConfig& c) {
    ParameterCounts counts;
    counts.embeddings = c.vocabulary * c.hidden;
    counts.head = c.tiedEmbeddings ? 0 : c.vocabulary * c.hidden;
    for (const LinearShape& linear : layerLinears(c)) {
        std::int64_t& share = linear.name.starts_with("mlp.") ? counts.ffn : counts.attention;
        share += c.layers * (linear.out * linear.in + (linear.bias ? linear.out : 0));
    }
    counts.norms = c.hidden + c.layers * (2 * c.hidden + (c.qkNorm ? 2 * c.headSize : 0));
    if (c.moe) {
        const auto sparse = static_cast<std::int64_t>(c.moe->layers.size());
        counts.adapters = sparse * c.moe->experts * 2 * c.hidden * c.moe->adapterSize;
        counts.routers = sparse * c.moe->experts * c.hidden;
    }
    return counts;
}

std::int64_t countLora(const ModelConfig& config, std::int64_t rank,
                       const std::vector<std::string>& targets) {
    std::int64_t sum = 0;
    for (const LinearShape& linear : layerLinears(config))
        if (std::ranges::find(targets, lastName(linear.name)) != targets.end())
            sum += rank * (linear.in + linear.out);
    return config.layers * sum;
}

Result<ModelConfig> plannedModel(const Recipe& recipe, const ModelConfig& base) {
    ModelConfig model = base;
    if (recipe.upcycle.method == UpcycleMethod::None) return model;
    const auto& u = recipe.upcycle;
    const auto bad = [](const char* key, std::string value, std::string range) {
        return fail(ErrorCode::BadOption,
                    {{"key", key}, {"value", std::move(value)}, {"range", std::move(range)}});
    };
    if (base.moe) return bad("upcycle.method", "pesc", "none: the model is a mixture already");
    if (u.experts < 1 || u.experts > 128)
        return bad("upcycle.experts", std::to_string(u.experts), "1 to 128");
    if (u.topK < 1 || u.topK > u.experts)
        return bad("upcycle.top_k", std::to_string(u.topK), "1 to the number of experts");
    if (u.adapterSize < 1 || u.adapterSize > 65536)
        return bad("upcycle.adapter_size", std::to_string(u.adapterSize), "1 to 65536");
    auto layers = parseLayers(u.layers, base.layers);
    if (!layers) return tl::unexpected(layers.error());
    model.moe = MoeConfig{
        u.experts, u.topK, u.adapterSize, u.scaling, std::move(*layers), AdapterKeyStyle::Camelidae};
    return model;
}

}  // namespace caravan::engine
