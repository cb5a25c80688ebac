// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace caravan::engine {

enum class DType { F32, F16, BF16, I64, I32, I8, U8, F64, Bool };
enum class Architecture { Llama, Mistral, Qwen2, Qwen3 };  // Yi is Llama
enum class RopeKind { Default, Linear, Llama3 };
enum class AdapterKeyStyle { Camelidae, Sparsetral };  // experts.expert_{j} | experts.{j}

struct RopeConfig {
    RopeKind kind = RopeKind::Default;
    double theta = 10000.0;
    double factor = 1.0;                    // linear, llama3
    double lowFrequencyFactor = 1.0;        // llama3
    double highFrequencyFactor = 4.0;       // llama3
    std::int64_t originalMaxPositions = 0;  // llama3
    friend bool operator==(const RopeConfig&, const RopeConfig&) = default;
};

// The sparse part of a Camelidae-layout checkpoint (methods.md section 1).
struct MoeConfig {
    std::int64_t experts = 0;
    std::int64_t topK = 0;
    std::int64_t adapterSize = 0;      // r
    double scaling = 1.0;              // s
    std::vector<std::int64_t> layers;  // sparse layers, ascending; never empty in a loaded config
    AdapterKeyStyle keyStyle = AdapterKeyStyle::Camelidae;
    friend bool operator==(const MoeConfig&, const MoeConfig&) = default;
};

// A dense decoder of the Llama family, as read from config.json. Every linear weight is stored [out, in].
struct ModelConfig {
    Architecture architecture = Architecture::Llama;
    std::int64_t hidden = 0;        // D
    std::int64_t intermediate = 0;  // I
    std::int64_t layers = 0;        // L
    std::int64_t heads = 0;
    std::int64_t kvHeads = 0;
    std::int64_t headSize = 0;    // free of hidden / heads in Qwen3, Mistral
    std::int64_t vocabulary = 0;  // V
    std::int64_t maxPositions = 0;
    double normEps = 1e-6;
    RopeConfig rope;
    bool tiedEmbeddings = false;
    bool qkvBias = false;  // Qwen2; Llama's attention_bias also puts one on o_proj:
    bool outputBias = false;
    bool mlpBias = false;
    bool qkNorm = false;                        // Qwen3: RMSNorm over head_size on q and k before RoPE
    std::optional<std::int64_t> slidingWindow;  // tokens that a query sees, itself included
    std::vector<std::int64_t> slidingLayers;    // layers it applies to; empty with slidingWindow set = all
    DType storedType = DType::BF16;
    std::optional<std::int32_t> bosId;
    std::vector<std::int32_t> eosIds;
    std::optional<std::int32_t> padId;
    std::optional<MoeConfig> moe;
    bool quantizedNf4 = false;  // bitsandbytes quantization_config present

    [[nodiscard]] std::int64_t queryWidth() const { return heads * headSize; }
    [[nodiscard]] std::int64_t keyWidth() const { return kvHeads * headSize; }
    friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

}  // namespace caravan::engine
