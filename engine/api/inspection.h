// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "engine/api/ids.h"
#include "engine/api/model_config.h"

namespace caravan::engine {

// What `inspect` tells of a model folder; computed by engine/formats without torch, weights are not read
// (headers only).
struct ParameterShare {
    std::string key;
    std::int64_t parameters = 0;
};  // key: "embeddings", "attention", "ffn", "adapters", "routers", "norms", "head"
struct ModelInspection {
    std::string folder;        // absolute
    std::string name;          // folder name
    std::string kind;          // "dense", "moe", "lora", "unusable"
    std::string architecture;  // "Llama", "Mistral", "Qwen2", "Qwen3"
    ModelConfig config;
    std::int64_t parameters = 0;
    std::vector<ParameterShare> shares;
    std::int64_t tensors = 0, files = 0;
    Bytes bytes = 0;        // of all weight files
    std::string tokenizer;  // "SentencePiece BPE, 32,000 pieces", "byte-level BPE, 151,643 tokens" or "none"
    std::string tokenizerFile;
    std::string quantization;  // "none", "nf4"
    std::string licence;       // file name, or ""
    std::string base;          // of a LoRA folder: absolute path of its base
    bool hasChatTemplate = false;
    bool canUpcycle = false;
    std::vector<std::string> reasons;  // why not; or remarks
};

}  // namespace caravan::engine
