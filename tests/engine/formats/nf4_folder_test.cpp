// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <map>

#include "engine/formats/model_folder.h"
#include "tests/engine/formats/temporary_folder.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::TemporaryFolder;

// A checkpoint as bitsandbytes stores it: U8 codes and their state beside each linear. Zeros: only headers
// are read.
struct Nf4Checkpoint {
    std::map<std::string, TensorSpec> tensors;
    std::map<std::string, std::string> states;
    ModelConfig config;

    Nf4Checkpoint() {
        config = readModelConfig(test::dataFolder() / "hf/qwen2_bias").value();
        config.quantizedNf4 = true;
        for (const TensorSpec& tensor : expectedTensors(config)) {
            tensors[tensor.name] = tensor;
            if (tensor.name.find("_proj.weight") != std::string::npos) quantize(tensor);
        }
    }
    void quantize(const TensorSpec& tensor) {
        const std::int64_t elements = tensor.shape[0] * tensor.shape[1], blocks = (elements + 63) / 64;
        const auto put = [&](const std::string& suffix, std::vector<std::int64_t> shape, DType type) {
            tensors[tensor.name + suffix] = {tensor.name + suffix, std::move(shape), type};
        };
        put("", {elements / 2, 1}, DType::U8);
        put(".absmax", {blocks}, DType::U8);
        put(".quant_map", {16}, DType::F32);
        put(".nested_absmax", {(blocks + 255) / 256}, DType::F32);
        put(".nested_quant_map", {256}, DType::F32);
        state(tensor.name, {{"quant_type", "nf4"},
                            {"blocksize", 64},
                            {"dtype", "bfloat16"},
                            {"shape", tensor.shape},
                            {"nested_blocksize", 256},
                            {"nested_dtype", "float32"},
                            {"nested_offset", 0.0520553588}});
    }
    void state(const std::string& key, const json& value) {
        const std::string name = key + ".quant_state.bitsandbytes__nf4";
        states[name] = value.dump();
        tensors[name] = {name, {static_cast<std::int64_t>(states[name].size())}, DType::U8};
    }
    void write(const TemporaryFolder& folder) const {
        const json source = json::parse(test::readAll(test::dataFolder() / "hf/qwen2_bias/config.json"));
        folder.write("config.json", makeConfigJson(source, config).dump());
        std::vector<TensorSpec> specs;
        for (const auto& [name, spec] : tensors)
            specs.push_back(spec);
        auto writer = SafetensorsWriter::create(folder.path() / "model.safetensors", specs).value();
        const auto file = [&](const TensorSpec& spec) {
            std::int64_t bytes = spec.dtype == DType::F32 ? 4 : 1;
            for (const std::int64_t size : spec.shape)
                bytes *= size;
            const auto found = states.find(spec.name);
            return found == states.end() ? std::string(static_cast<std::size_t>(bytes), '\0') : found->second;
        };
        for (const TensorSpec& spec : specs) {
            const std::string data = file(spec);
            ASSERT_TRUE(writer.write(spec.name, std::as_bytes(std::span(data))));
        }
        ASSERT_TRUE(writer.finish(SafetensorsWriter::Sync::No));
    }
};
const std::string kKey = "model.layers.1.mlp.up_proj.weight";

TEST(Nf4Folder, opensAndTellsItsStates) {
    const TemporaryFolder folder;
    Nf4Checkpoint().write(folder);
    const auto model = openModelFolder(folder.path());
    ASSERT_TRUE(model) << model.error().parameter("place") << model.error().parameter("detail");
    EXPECT_TRUE(model->config.quantizedNf4);
    ASSERT_TRUE(isNf4(model->files, kKey));
    const auto state = readNf4State(model->files, kKey);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->shape, (std::vector<std::int64_t>{112, 64}));
    EXPECT_TRUE(state->nested);
    EXPECT_EQ(state->nestedOffset, 0.0520553588);
    const auto inspection = inspectModel(folder.path());
    ASSERT_TRUE(inspection);
    EXPECT_EQ(inspection->quantization, "nf4");
    EXPECT_EQ(inspection->parameters, inspectModel(test::dataFolder() / "hf/qwen2_bias")->parameters);
}

TEST(Nf4Folder, isKnownByItsTensorsToo) {
    const TemporaryFolder folder;
    Nf4Checkpoint().write(folder);
    json config = json::parse(test::readAll(folder.path() / "config.json"));
    config.erase("quantization_config");
    folder.write("config.json", config.dump());
    EXPECT_TRUE(openModelFolder(folder.path())->config.quantizedNf4);
}

TEST(Nf4Folder, damageIsNamed) {
    const auto refused = [](const auto& change) {
        Nf4Checkpoint checkpoint;
        change(checkpoint);
        const TemporaryFolder folder;
        checkpoint.write(folder);
        const auto model = openModelFolder(folder.path());
        EXPECT_FALSE(model);
        if (model) return;
        EXPECT_NE(
            (std::string(model.error().parameter("place")) + std::string(model.error().parameter("file")) +
             std::string(model.error().parameter("detail")))
                .find("up_proj"),
            std::string::npos);
    };
    const json good = {{"quant_type", "nf4"}, {"blocksize", 64},         {"dtype", "bfloat16"},
                       {"shape", {112, 64}},  {"nested_blocksize", 256}, {"nested_offset", 0.0}};
    for (const json& change :
         {json{{"quant_type", "fp4"}}, json{{"blocksize", 128}}, json{{"dtype", "int8"}},
          json{{"shape", {64, 112}}}, json{{"shape", {112}}}, json{{"shape", {-112, 64}}},
          json{{"nested_blocksize", 0}}, json{{"nested_offset", "x"}}, json{{"nested_offset", 1e300}},
          json{{"shape", nullptr}}}) {
        json state = good;
        state.update(change);
        refused([&](Nf4Checkpoint& c) { c.state(kKey, state); });
    }
    refused([](Nf4Checkpoint& c) { c.states[kKey + ".quant_state.bitsandbytes__nf4"].back() = '!'; });
    refused([](Nf4Checkpoint& c) { c.tensors[kKey].shape = {112 * 32 - 1, 1}; });
    refused([](Nf4Checkpoint& c) { c.tensors[kKey + ".absmax"].shape = {111}; });
    refused([](Nf4Checkpoint& c) { c.tensors[kKey + ".quant_map"].shape = {15}; });
    refused([](Nf4Checkpoint& c) { c.tensors.erase(kKey + ".nested_absmax"); });
    refused([](Nf4Checkpoint& c) { c.tensors[kKey + ".nested_quant_map"].dtype = DType::U8; });
}

}  // namespace
}  // namespace caravan::engine
