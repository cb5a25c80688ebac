// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/plan/fits.h"

namespace caravan::engine {
namespace {

struct Shape {
    std::int64_t hidden, intermediate, layers, heads, kvHeads, headSize, vocabulary, positions;
};

ModelConfig configOf(Architecture architecture, const Shape& s, bool tied = false) {
    ModelConfig config;
    config.architecture = architecture;
    config.hidden = s.hidden;
    config.intermediate = s.intermediate;
    config.layers = s.layers;
    config.heads = s.heads;
    config.kvHeads = s.kvHeads;
    config.headSize = s.headSize;
    config.vocabulary = s.vocabulary;
    config.maxPositions = s.positions;
    config.tiedEmbeddings = tied;
    config.qkvBias = architecture == Architecture::Qwen2;
    return config;
}

struct Setting {
    FitSetting words;
    UpcycleMethod method;
    Quantization quantization;
    OptimizerKind optimizer;
};
const std::vector<Setting>& settings() {
    static const std::vector<Setting> rows = {
        {{"qlora", "Dense QLoRA, NF4"}, UpcycleMethod::None, Quantization::Nf4, OptimizerKind::AdamW},
        {{"pesc", "PESC 8x2, NF4"}, UpcycleMethod::Pesc, Quantization::Nf4, OptimizerKind::AdamW},
        {{"pesc_adam8", "the same, 8-bit AdamW"},
         UpcycleMethod::Pesc,
         Quantization::Nf4,
         OptimizerKind::AdamW8bit},
        {{"pesc_bf16", "PESC 8x2, not quantized"},
         UpcycleMethod::Pesc,
         Quantization::None,
         OptimizerKind::AdamW}};
    return rows;
}

}  // namespace

const std::vector<KnownModel>& knownModels() {
    using enum Architecture;
    static const std::vector<KnownModel> models = {
        {"TinyLlama 1.1B", configOf(Llama, {2048, 5632, 22, 32, 4, 64, 32000, 2048})},
        {"Llama 3.2 3B", configOf(Llama, {3072, 8192, 28, 24, 8, 128, 128256, 131072}, true)},
        {"Llama 2 7B", configOf(Llama, {4096, 11008, 32, 32, 32, 128, 32000, 4096})},
        {"Llama 3 8B", configOf(Llama, {4096, 14336, 32, 32, 8, 128, 128256, 8192})},
        {"Llama 2 13B", configOf(Llama, {5120, 13824, 40, 40, 40, 128, 32000, 4096})},
        {"Qwen2.5 14B", configOf(Qwen2, {5120, 13824, 48, 40, 8, 128, 152064, 131072})},
        {"Yi 34B", configOf(Llama, {7168, 20480, 60, 56, 8, 128, 64000, 4096})},
        {"Llama 2 70B", configOf(Llama, {8192, 28672, 80, 64, 8, 128, 32000, 4096})}};
    return models;
}

Result<FitTable> fitTable(const DeviceStatus& device) {
    FitTable table{
        device.name, device.cuda, device.memoryTotal, device.memoryTotal - device.memoryUsed, kFitRowTokens,
        {},          {}};
    for (const Setting& setting : settings())
        table.settings.push_back(setting.words);
    for (const KnownModel& model : knownModels()) {
        FitRow row{model.name, countParameters(model.config).dense(), {}};
        for (const Setting& setting : settings()) {
            Recipe recipe;
            recipe.upcycle.method = setting.method;
            recipe.model.quantization = setting.quantization;
            recipe.tune.optimizer = setting.optimizer;
            recipe.tune.sequenceLength = kFitRowTokens;
            const auto plan =
                planRun(recipe, model.config, nullptr, device.cuda ? DeviceKind::Cuda : DeviceKind::Cpu);
            if (!plan) return tl::unexpected(plan.error());
            row.needed.push_back(plan->memoryTotal);
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

}  // namespace caravan::engine
