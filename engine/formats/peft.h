// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/api/result.h"
#include "engine/formats/model_folder.h"
#include "engine/formats/weight_source.h"

namespace caravan::engine {

// A PEFT LoRA folder: adapter_config.json beside adapter_model.safetensors (older ones: .bin).
struct PeftConfig {
    std::int64_t rank = 0;
    double alpha = 0;
    double dropout = 0;
    bool rsLora = false;               // scale alpha / sqrt(r) instead of alpha / r
    std::vector<std::string> targets;  // of q_proj ... down_proj, in the order of layerLinears()
    std::map<std::string, std::int64_t> rankPattern;  // module name, or end of its path
    std::map<std::string, double> alphaPattern;
    std::string basePath;  // base_model_name_or_path as written
    // module: path without "base_model.model.", e.g. "model.layers.0.self_attn.q_proj"
    [[nodiscard]] std::int64_t rankOf(std::string_view module) const;
    [[nodiscard]] double scaleOf(std::string_view module) const;
};
[[nodiscard]] bool isPeftFolder(const std::filesystem::path& folder);
// Everything that is not plain LoRA on the seven linears is refused with its reason (ModelUnsupported).
[[nodiscard]] Result<PeftConfig> readPeftConfig(const std::filesystem::path& folder);
// The base's folder: basePath relative to the folder, or absolute.
[[nodiscard]] std::filesystem::path peftBase(const PeftConfig& config, const std::filesystem::path& folder);

// One LoRA pair of the folder: A [r, in], B [out, r]; key =
// "base_model.model.model.layers.0.self_attn.q_proj".
struct LoraPair {
    std::string key;
    std::int64_t layer = 0;
    std::string linear;  // "self_attn.q_proj"
    std::int64_t rank = 0;
    double scale = 0;
    std::string aName, bName;  // tensor names in the file
};
struct PeftFolder {
    PeftConfig config;
    WeightSource files;
    std::vector<LoraPair> pairs;  // by layer, then the order of layerLinears()
};
// Opened and checked against the base: missing halves, wrong shapes, unknown tensors are named.
[[nodiscard]] Result<PeftFolder> openPeftFolder(const std::filesystem::path& folder, const ModelConfig& base);

[[nodiscard]] std::string loraKey(
    std::int64_t layer, std::string_view linear,
    bool b);  // "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
[[nodiscard]] nlohmann::json makeAdapterConfigJson(const PeftConfig& config);

}  // namespace caravan::engine
