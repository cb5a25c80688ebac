// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/inspection.h"
#include "engine/api/model_config.h"
#include "engine/api/result.h"
#include "engine/formats/model_files.h"

namespace caravan::engine {

// What the readers accept, for ErrorCode::ModelUnsupported's "supported".
inline constexpr const char* kSupportedModels =
    "Llama 1 to 3, Yi, Mistral, Qwen2, Qwen3 with rope default, linear or llama3, as safetensors in float32, "
    "float16, bfloat16 or NF4";

// config.json of transformers 4 and 5 (generation: generation_config.json or null). moe stays empty: the
// tensors decide.
[[nodiscard]] Result<ModelConfig> parseModelConfig(const nlohmann::json& config,
                                                   const nlohmann::json& generation, const std::string& file);
// The sparse part, decided by router keys among the tensors; nothing if there is none.
[[nodiscard]] Result<std::optional<MoeConfig>> findMoe(const nlohmann::json& config, const ModelConfig& dense,
                                                       const ModelFiles& files, const std::string& file);

// A checked model folder: config read, every expected tensor there with its shape, nothing unknown. Weights
// are mapped, not read.
struct ModelFolder {
    std::filesystem::path folder;  // absolute
    ModelConfig config;
    nlohmann::json configJson;      // as on disk
    nlohmann::json generationJson;  // null if there is none
    ModelFiles files;
};
[[nodiscard]] Result<ModelFolder> openModelFolder(const std::filesystem::path& folder);
// Config (with its moe part) alone; reads the headers too.
[[nodiscard]] Result<ModelConfig> readModelConfig(const std::filesystem::path& folder);

// Logical names and shapes in checkpoint order: embedding, layers, norm, head. dtype = config.storedType.
// NF4 linears have their logical [out, in] here; in the file they are U8 [out*in/2, 1] plus state tensors.
[[nodiscard]] std::vector<TensorSpec> expectedTensors(const ModelConfig& config);
[[nodiscard]] Result<void> checkTensors(const ModelConfig& config, const ModelFiles& files,
                                        const std::string& folder);

// Names of the parts, one spelling for all.
[[nodiscard]] std::string layerPrefix(std::int64_t layer);  // "model.layers.3."
[[nodiscard]] std::string routerKey(std::int64_t layer);    // "model.layers.3.mlp.moe_adapter.router.weight"
[[nodiscard]] std::string adapterKey(AdapterKeyStyle style, std::int64_t layer, std::int64_t expert, bool up);
// The seven linears: {"self_attn.q_proj", [heads*headSize, hidden]}, ... in the order q k v o gate up down.
struct LinearShape {
    std::string name;
    std::int64_t out = 0, in = 0;
    bool bias = false;
};
[[nodiscard]] std::vector<LinearShape> layerLinears(const ModelConfig& config);

// bitsandbytes' state of one NF4 weight; tensors: KEY.absmax, KEY.quant_map, KEY.nested_absmax,
// KEY.nested_quant_map.
struct Nf4State {
    std::vector<std::int64_t> shape;  // logical
    DType dtype = DType::BF16;        // of the dequantised weight
    std::int64_t blockSize = 64;
    bool nested = false;  // double quantisation
    std::int64_t nestedBlockSize = 256;
    double nestedOffset = 0;  // a float32 value
};
[[nodiscard]] bool isNf4(const ModelFiles& files, const std::string& key);
[[nodiscard]] Result<Nf4State> readNf4State(const ModelFiles& files, const std::string& key);

// What a folder is; headers only. PEFT LoRA folders too (base: instead of the one in adapter_config.json). A
// folder that is whole but cannot be used gives kind "unusable" with its reasons; a broken one an error.
[[nodiscard]] Result<ModelInspection> inspectModel(const std::filesystem::path& folder,
                                                   const std::optional<std::string>& base = {});

// config.json for the sparse or quantised model: every key of the source is kept. config.moe gives
// adapter_dim, moe_scaling, num_experts, topk, moe_layers, ...; config.quantizedNf4 a bitsandbytes
// quantization_config, else none.
[[nodiscard]] nlohmann::json makeConfigJson(const nlohmann::json& source, const ModelConfig& config);
// Writes JSON with two spaces of indent and a final line feed; WriteFailed.
[[nodiscard]] Result<void> writeJsonFile(const std::filesystem::path& path, const nlohmann::json& json);

}  // namespace caravan::engine
