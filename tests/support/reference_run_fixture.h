// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/formats/safetensors.h"
#include "tests/support/torch_bin_writer.h"

// The golden mixture with LoRA (hf/lora_camelidae), taken apart into what a run of the released code leaves:
// BASE/ is dense, RUN/moe_model.bin holds routers and adapters, RUN/adapter_model/ the LoRA, as .bin too.
namespace caravan::test {

namespace detail {

inline std::string bytesOf(const engine::SafetensorsFile& file, const engine::TensorInfo& info) {
    const auto bytes = file.bytes(info);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void save(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace detail

struct ReferenceRunFixture {
    std::filesystem::path base, run;
    std::int64_t topK = 0;
    double scaling = 0;
};

inline ReferenceRunFixture makeReferenceRun(const std::filesystem::path& golden,
                                            const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    ReferenceRunFixture made{folder / "base", folder / "run"};
    fs::create_directories(made.base);
    fs::create_directories(made.run / "adapter_model");
    const auto mixture = engine::unwrap(engine::SafetensorsFile::open(golden / "base/model.safetensors"));
    std::vector<engine::TensorSpec> dense;
    std::vector<BinTensor> experts;
    for (const engine::TensorInfo& tensor : mixture.tensors())
        if (tensor.name.find("moe_adapter") == std::string::npos)
            dense.push_back({tensor.name, tensor.shape, tensor.dtype});
        else
            experts.push_back(
                {"base_model.model." + tensor.name, tensor.shape, detail::bytesOf(mixture, tensor)});
    auto writer = engine::unwrap(engine::SafetensorsWriter::create(made.base / "model.safetensors", dense));
    for (const engine::TensorSpec& spec : dense)
        engine::unwrap(writer.write(spec.name, mixture.bytes(spec.name)));
    (void)engine::unwrap(writer.finish(engine::SafetensorsWriter::Sync::No));
    detail::save(made.run / "moe_model.bin", stateDict(experts, "moe_model"));

    auto config = nlohmann::json::parse(std::ifstream(golden / "base/config.json"));
    made.topK = config.at("topk");
    made.scaling = config.at("moe_scaling");
    for (const char* key : {"adapter_dim", "moe_scaling", "num_experts", "topk", "moe_layers", "moe_dtype"})
        config.erase(key);
    config["model_type"] = "llama";
    detail::save(made.base / "config.json", config.dump());

    const auto lora =
        engine::unwrap(engine::SafetensorsFile::open(golden / "adapter/adapter_model.safetensors"));
    std::vector<BinTensor> halves;
    for (const engine::TensorInfo& tensor : lora.tensors())
        halves.push_back({tensor.name, tensor.shape, detail::bytesOf(lora, tensor)});
    detail::save(made.run / "adapter_model/adapter_model.bin", stateDict(halves, "adapter_model"));
    auto peft = nlohmann::json::parse(std::ifstream(golden / "adapter/adapter_config.json"));
    peft["base_model_name_or_path"] = "../../base";
    detail::save(made.run / "adapter_model/adapter_config.json", peft.dump());
    return made;
}

}  // namespace caravan::test
