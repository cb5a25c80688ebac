// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Model folders: weights, configs, archives of torch.
#include <cstring>

#include "engine/api/config/descriptors.h"
#include "engine/formats/bounded_json.h"
#include "engine/formats/model_folder.h"
#include "engine/formats/peft.h"
#include "engine/formats/safetensors.h"
#include "engine/formats/tensor_pickle.h"
#include "engine/formats/torch_bin.h"
#include "engine/plan/plan.h"
#include "tests/fuzz/target.h"
#include "tests/support/torch_bin_writer.h"

namespace caravan::fuzz {
namespace {

using namespace engine;

// --- safetensors

std::string safetensors(const std::string& header, std::size_t bytes) {
    return test::raw(static_cast<std::uint64_t>(header.size())) + header + std::string(bytes, '\x3f');
}

void readSafetensors(std::string_view bytes) {
    const auto file = SafetensorsFile::open(asFile("model.safetensors", bytes));
    if (!file) return;
    std::uint64_t sum = 0;
    for (const TensorInfo& tensor : file->tensors())
        for (const std::byte value : file->bytes(tensor))
            sum += static_cast<std::uint64_t>(value);
    volatile std::uint64_t keep = sum;
    (void)keep;
}
std::vector<std::string> safetensorsSeeds() {
    return {safetensors(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24),
            safetensors(
                R"({"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]},)"
                R"("b":{"dtype":"U8","shape":[],"data_offsets":[8,9]},"c":{"dtype":"I64","shape":[0,7],)"
                R"("data_offsets":[9,9]}})",
                9)};
}
const Register kSafetensors{"safetensors", readSafetensors, safetensorsSeeds};

// --- config.json: what it says is also counted and planned with, for overflow

void readConfig(std::string_view bytes) {
    const auto json = parseJson(bytes, "config.json", {.bytes = 16u << 20, .nodes = 500'000});
    if (!json) return;
    const auto config = parseModelConfig(*json, nullptr, "config.json");
    if (!config) return;
    (void)countParameters(*config);
    for (const DeviceKind device : {DeviceKind::Cpu, DeviceKind::Cuda})
        (void)planRun({}, *config, nullptr, device);
    if (config->layers < 200) (void)expectedTensors(*config);
    (void)makeConfigJson(*json, *config);
}
std::vector<std::string> configSeeds() {
    std::vector<std::string> seeds;
    for (const char* name :
         {"llama31_scaled", "mistral_sw", "qwen2_bias", "qwen3_qknorm", "camelidae_6e_top3"})
        seeds.push_back(testData(std::string("hf/") + name + "/config.json"));
    return seeds;
}
const Register kConfig{"config", readConfig, configSeeds};

// --- adapter_config.json

void readAdapterConfig(std::string_view bytes) {
    const auto config = readPeftConfig(asFile("peft/adapter_config.json", bytes).parent_path());
    if (!config) return;
    (void)config->scaleOf("model.layers.0.self_attn.q_proj");
    (void)makeAdapterConfigJson(*config);
}
std::vector<std::string> adapterConfigSeeds() {
    return {
        testData("hf/lora_dense/adapter/adapter_config.json"),
        R"({"r":8,"lora_alpha":16,"target_modules":["q_proj"],"rank_pattern":{"q_proj":4},"use_rslora":true})"};
}
const Register kAdapterConfig{"adapter_config", readAdapterConfig, adapterConfigSeeds};

// --- archives of torch: the zip and the pickle in it

void readTorchBin(std::string_view bytes) {
    (void)TorchBin::open(asFile("x.bin", bytes));
}
std::vector<std::string> torchBinSeeds() {
    return {test::stateDict({{"a.weight", {2, 3}, std::string(24, 'x')}, {"b", {4}, std::string(16, 'y')}}),
            test::stateDict({{"h", {3}, std::string(6, 'z'), "BFloat16Storage", 2}}, "moe_model")};
}
const Register kTorchBin{"torch_bin", readTorchBin, torchBinSeeds};

void readPickle(std::string_view bytes) {
    try {
        (void)readTensorPickle(std::as_bytes(std::span(bytes.data(), bytes.size())), "x.bin");
    } catch (const EngineException&) {
    }
}
std::vector<std::string> pickleSeeds() {
    std::vector<std::string> seeds;
    for (const std::string& archive : torchBinSeeds()) {
        const auto begin = archive.find("\x80\x02}");
        seeds.push_back(archive.substr(begin, archive.find("u.", begin) + 2 - begin));
    }
    return seeds;
}
const Register kPickle{"pickle", readPickle, pickleSeeds};

// --- recipes

void readRecipe(std::string_view bytes) {
    const auto json = parseJson(bytes, "recipe.json");
    if (!json) return;
    const auto recipe = recipeFromJson(*json);
    if (!recipe) return;
    (void)validate(*recipe, nullptr);
    const auto again = recipeFromJson(recipeToJson(*recipe));
    if (!again || !(*again == *recipe))
        throw std::logic_error("a recipe changes when it is written and read");
}
std::vector<std::string> recipeSeeds() {
    Recipe recipe;
    recipe.model.path = "m";
    recipe.data.files = {{"a.jsonl", "a", 0.5}};
    recipe.tune.samples = {"Hello?"};
    return {recipeToJson(recipe).dump(),
            R"({"tune":{"steps":3,"betas":[0.9,0.95],"lora_targets":"q_proj,v_proj"}})"};
}
const Register kRecipe{"recipe", readRecipe, recipeSeeds};

}  // namespace
}  // namespace caravan::fuzz
