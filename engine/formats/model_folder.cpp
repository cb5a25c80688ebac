// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/model_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/formats/bounded_json.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;
constexpr JsonLimits kConfigLimits{
    .bytes = 16u << 20, .depth = 64, .nodes = 500'000, .stringLength = 1u << 20};

// A head of its own beside a config that says "tied": the file is what was trained.
bool headDiffers(const ModelFiles& files) {
    const TensorInfo* head = files.find("lm_head.weight");
    const TensorInfo* embedding = files.find("model.embed_tokens.weight");
    if (!head || !embedding || head->shape != embedding->shape || head->dtype != embedding->dtype)
        return head && embedding;
    return !std::ranges::equal(files.bytes(head->name), files.bytes(embedding->name));
}

Result<ModelFolder> readFolder(const fs::path& path) {
    ModelFolder model;
    std::error_code error;
    model.folder = fs::weakly_canonical(path, error);
    if (error || model.folder.empty()) model.folder = fs::absolute(path, error);
    if (!fs::is_directory(model.folder, error))
        return fail(ErrorCode::FileMissing, {{"file", path.string()}});
    const fs::path configPath = model.folder / "config.json";
    auto config = readJsonFile(configPath, kConfigLimits);
    if (!config) return tl::unexpected(config.error());
    model.configJson = std::move(*config);
    if (const fs::path generation = model.folder / "generation_config.json"; fs::exists(generation, error)) {
        auto json = readJsonFile(generation, kConfigLimits);
        if (!json) return tl::unexpected(json.error());
        model.generationJson = std::move(*json);
    }
    auto parsed = parseModelConfig(model.configJson, model.generationJson, configPath.string());
    if (!parsed) return tl::unexpected(parsed.error());
    model.config = std::move(*parsed);
    auto files = ModelFiles::open(model.folder);
    if (!files) return tl::unexpected(files.error());
    model.files = std::move(*files);
    if (model.config.tiedEmbeddings && headDiffers(model.files)) model.config.tiedEmbeddings = false;
    auto moe = findMoe(model.configJson, model.config, model.files, configPath.string());
    if (!moe) return tl::unexpected(moe.error());
    model.config.moe = std::move(*moe);
    // Some exporters leave quantization_config out; the tensors tell.
    for (const LinearShape& linear : layerLinears(model.config))
        if (isNf4(model.files, layerPrefix(0) + linear.name + ".weight")) model.config.quantizedNf4 = true;
    // The config's dtype may be null or stale: the embedding's own is the truth.
    if (const TensorInfo* embedding = model.files.find("model.embed_tokens.weight"))
        model.config.storedType = embedding->dtype;
    return model;
}

}  // namespace

Result<ModelFolder> openModelFolder(const fs::path& folder) {
    auto model = readFolder(folder);
    if (!model) return model;
    if (auto checked = checkTensors(model->config, model->files, model->folder.string()); !checked)
        return tl::unexpected(checked.error());
    return model;
}

Result<ModelConfig> readModelConfig(const fs::path& folder) {
    auto model = readFolder(folder);
    if (!model) return tl::unexpected(model.error());
    return std::move(model->config);
}

nlohmann::json makeConfigJson(const nlohmann::json& source, const ModelConfig& config) {
    nlohmann::json out = source;
    if (const auto& moe = config.moe) {
        out["model_type"] = moe->keyStyle == AdapterKeyStyle::Camelidae ? "camelidae" : "sparsetral";
        out["adapter_dim"] = moe->adapterSize;
        out["moe_scaling"] = moe->scaling;
        out["num_experts"] = moe->experts;
        out["topk"] = moe->topK;
        out["moe_layers"] = moe->layers;
        if (!out.contains("moe_dtype")) out["moe_dtype"] = "bfloat16";
        if (!out.contains("output_router_logits")) out["output_router_logits"] = false;
    }
    if (!config.tiedEmbeddings && out.contains("tie_word_embeddings")) out["tie_word_embeddings"] = false;
    if (!config.quantizedNf4)
        out.erase("quantization_config");
    else if (!out.contains("quantization_config"))
        out["quantization_config"] = {{"quant_method", "bitsandbytes"},
                                      {"load_in_4bit", true},
                                      {"load_in_8bit", false},
                                      {"_load_in_4bit", true},
                                      {"_load_in_8bit", false},
                                      {"bnb_4bit_quant_type", "nf4"},
                                      {"bnb_4bit_use_double_quant", true},
                                      {"bnb_4bit_compute_dtype", "bfloat16"},
                                      {"bnb_4bit_quant_storage", "uint8"},
                                      {"llm_int8_enable_fp32_cpu_offload", false},
                                      {"llm_int8_has_fp16_weight", false},
                                      {"llm_int8_skip_modules", nullptr},
                                      {"llm_int8_threshold", 6.0}};
    return out;
}

Result<void> writeJsonFile(const fs::path& path, const nlohmann::json& json) {
    const std::string text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    auto failed = [&](int error) {
        return fail(ErrorCode::WriteFailed, {{"path", path.string()},
                                             {"bytes", std::to_string(text.size())},
                                             {"detail", std::strerror(error)}});
    };
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return failed(errno);
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            const int error = n < 0 ? errno : ENOSPC;
            ::close(fd);
            return failed(error);
        }
        done += static_cast<std::size_t>(n);
    }
    if (::close(fd) != 0) return failed(errno);
    return {};
}

}  // namespace caravan::engine
