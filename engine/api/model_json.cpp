// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/event_json.h"
#include "engine/api/json_values.h"

// JSON of what a model is and of what a run will need: ModelConfig, ModelInspection, RunPlan, DataPreview.
namespace caravan::engine {

using nlohmann::json;
using namespace jsonvalues;

namespace {

json write(const RopeConfig& r) {
    return {{"type", wordOf(r.kind)},
            {"theta", r.theta},
            {"factor", r.factor},
            {"low_frequency_factor", r.lowFrequencyFactor},
            {"high_frequency_factor", r.highFrequencyFactor},
            {"original_max_positions", r.originalMaxPositions}};
}
void parse(const json& in, RopeConfig& r) {
    readWord(in, "type", r.kind);
    read(in, "theta", r.theta);
    read(in, "factor", r.factor);
    read(in, "low_frequency_factor", r.lowFrequencyFactor);
    read(in, "high_frequency_factor", r.highFrequencyFactor);
    read(in, "original_max_positions", r.originalMaxPositions);
}

json write(const MoeConfig& m) {
    return {{"experts", m.experts}, {"top_k", m.topK},    {"adapter_size", m.adapterSize},
            {"scaling", m.scaling}, {"layers", m.layers}, {"key_style", wordOf(m.keyStyle)}};
}
void parse(const json& in, MoeConfig& m) {
    read(in, "experts", m.experts);
    read(in, "top_k", m.topK);
    read(in, "adapter_size", m.adapterSize);
    read(in, "scaling", m.scaling);
    read(in, "layers", m.layers);
    readWord(in, "key_style", m.keyStyle);
}

}  // namespace

void to_json(json& out, const ModelConfig& c) {
    out = {{"architecture", wordOf(c.architecture)},
           {"hidden", c.hidden},
           {"intermediate", c.intermediate},
           {"layers", c.layers},
           {"heads", c.heads},
           {"kv_heads", c.kvHeads},
           {"head_size", c.headSize},
           {"vocabulary", c.vocabulary},
           {"max_positions", c.maxPositions},
           {"norm_eps", c.normEps},
           {"rope", write(c.rope)},
           {"tied_embeddings", c.tiedEmbeddings},
           {"qkv_bias", c.qkvBias},
           {"output_bias", c.outputBias},
           {"mlp_bias", c.mlpBias},
           {"qk_norm", c.qkNorm},
           {"sliding_window", orNull(c.slidingWindow)},
           {"sliding_layers", c.slidingLayers},
           {"stored_type", wordOf(c.storedType)},
           {"bos_id", orNull(c.bosId)},
           {"eos_ids", c.eosIds},
           {"pad_id", orNull(c.padId)},
           {"moe", c.moe ? write(*c.moe) : json(nullptr)},
           {"quantized_nf4", c.quantizedNf4}};
}
void from_json(const json& in, ModelConfig& c) {
    readWord(in, "architecture", c.architecture);
    read(in, "hidden", c.hidden);
    read(in, "intermediate", c.intermediate);
    read(in, "layers", c.layers);
    read(in, "heads", c.heads);
    read(in, "kv_heads", c.kvHeads);
    read(in, "head_size", c.headSize);
    read(in, "vocabulary", c.vocabulary);
    read(in, "max_positions", c.maxPositions);
    read(in, "norm_eps", c.normEps);
    if (in.contains("rope")) parse(in.at("rope"), c.rope);
    read(in, "tied_embeddings", c.tiedEmbeddings);
    read(in, "qkv_bias", c.qkvBias);
    read(in, "output_bias", c.outputBias);
    read(in, "mlp_bias", c.mlpBias);
    read(in, "qk_norm", c.qkNorm);
    read(in, "sliding_window", c.slidingWindow);
    read(in, "sliding_layers", c.slidingLayers);
    readWord(in, "stored_type", c.storedType);
    read(in, "bos_id", c.bosId);
    read(in, "eos_ids", c.eosIds);
    read(in, "pad_id", c.padId);
    c.moe.reset();
    if (const auto moe = in.find("moe"); moe != in.end() && !moe->is_null()) parse(*moe, c.moe.emplace());
    read(in, "quantized_nf4", c.quantizedNf4);
}

void to_json(json& out, const ModelInspection& m) {
    json shares = json::array();
    for (const ParameterShare& share : m.shares)
        shares.push_back({{"key", share.key}, {"parameters", share.parameters}});
    out = {{"folder", m.folder},
           {"name", m.name},
           {"kind", m.kind},
           {"architecture", m.architecture},
           {"config", m.config},
           {"layers", m.config.layers},
           {"hidden", m.config.hidden},
           {"parameters", m.parameters},
           {"shares", std::move(shares)},
           {"tensors", m.tensors},
           {"files", m.files},
           {"bytes", m.bytes},
           {"tokenizer", m.tokenizer},
           {"tokenizer_file", m.tokenizerFile},
           {"quantization", m.quantization},
           {"licence", m.licence},
           {"base", m.base},
           {"has_chat_template", m.hasChatTemplate},
           {"can_upcycle", m.canUpcycle},
           {"reasons", m.reasons}};
}
void from_json(const json& in, ModelInspection& m) {
    read(in, "folder", m.folder);
    read(in, "name", m.name);
    read(in, "kind", m.kind);
    read(in, "architecture", m.architecture);
    if (in.contains("config")) in.at("config").get_to(m.config);
    read(in, "parameters", m.parameters);
    m.shares.clear();
    if (in.contains("shares"))
        for (const json& share : in.at("shares"))
            m.shares.push_back(
                {share.at("key").get<std::string>(), share.at("parameters").get<std::int64_t>()});
    read(in, "tensors", m.tensors);
    read(in, "files", m.files);
    read(in, "bytes", m.bytes);
    read(in, "tokenizer", m.tokenizer);
    read(in, "tokenizer_file", m.tokenizerFile);
    read(in, "quantization", m.quantization);
    read(in, "licence", m.licence);
    read(in, "base", m.base);
    read(in, "has_chat_template", m.hasChatTemplate);
    read(in, "can_upcycle", m.canUpcycle);
    read(in, "reasons", m.reasons);
}

void to_json(json& out, const RunPlan& p) {
    json memory = json::object(),
         items = json::array();  // an object keeps no order: the keys stand beside it
    for (const MemoryItem& item : p.memory) {
        memory[item.key] = item.bytes;
        items.push_back(item.key);
    }
    out = {{"parameters_dense", p.parametersDense},   {"parameters_total", p.parametersTotal},
           {"parameters_active", p.parametersActive}, {"parameters_trainable", p.parametersTrainable},
           {"parameters_lora", p.parametersLora},     {"memory", std::move(memory)},
           {"memory_items", std::move(items)},        {"memory_bytes", p.memoryTotal},
           {"checkpoint_bytes", p.checkpointBytes},   {"disk_bytes", p.diskBytes},
           {"flops_per_token", p.flopsPerToken},      {"steps", p.steps},
           {"tokens_per_step", p.tokensPerStep},      {"micro_batch_tokens", p.microBatchTokens},
           {"sequence_length", p.sequenceLength}};
}
void from_json(const json& in, RunPlan& p) {
    read(in, "parameters_dense", p.parametersDense);
    read(in, "parameters_total", p.parametersTotal);
    read(in, "parameters_active", p.parametersActive);
    read(in, "parameters_trainable", p.parametersTrainable);
    read(in, "parameters_lora", p.parametersLora);
    p.memory.clear();
    if (in.contains("memory_items"))
        for (const json& key : in.at("memory_items"))
            p.memory.push_back(
                {key.get<std::string>(), in.at("memory").at(key.get<std::string>()).get<Bytes>()});
    read(in, "memory_bytes", p.memoryTotal);
    read(in, "checkpoint_bytes", p.checkpointBytes);
    read(in, "disk_bytes", p.diskBytes);
    read(in, "flops_per_token", p.flopsPerToken);
    read(in, "steps", p.steps);
    read(in, "tokens_per_step", p.tokensPerStep);
    read(in, "micro_batch_tokens", p.microBatchTokens);
    read(in, "sequence_length", p.sequenceLength);
}

}  // namespace caravan::engine
