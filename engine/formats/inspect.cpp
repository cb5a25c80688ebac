// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "engine/api/error_text.h"
#include "engine/formats/bounded_json.h"
#include "engine/formats/model_folder.h"
#include "engine/formats/peft.h"
#include "engine/formats/reference_run.h"
#include "engine/tokenizer/tokenizer.h"

// What a folder is, told from headers: facts, where the parameters are, whether it can be upcycled.
namespace caravan::engine {
namespace {

namespace fs = std::filesystem;

const char* nameOf(Architecture architecture) {
    switch (architecture) {
        case Architecture::Llama:
            return "Llama";
        case Architecture::Mistral:
            return "Mistral";
        case Architecture::Qwen2:
            return "Qwen2";
        case Architecture::Qwen3:
            return "Qwen3";
    }
    return "";
}

std::string shareOf(std::string_view name) {
    const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
    if (has("embed_tokens")) return "embeddings";
    if (has("lm_head")) return "head";
    if (has("moe_adapter.router")) return "routers";
    if (has("moe_adapter")) return "adapters";
    if (has("norm.") || has("norm_") || name.ends_with("norm")) return "norms";
    return has(".mlp.") ? "ffn" : "attention";
}

std::int64_t elementsOf(const std::vector<std::int64_t>& shape) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape)
        count *= size;
    return count;
}

void addShares(const ModelConfig& config, ModelInspection& out) {
    for (const char* key : {"embeddings", "attention", "ffn", "adapters", "routers", "norms", "head"})
        out.shares.push_back({key, 0});
    for (const TensorSpec& tensor : expectedTensors(config)) {
        const std::int64_t count = elementsOf(tensor.shape);
        std::ranges::find(out.shares, shareOf(tensor.name), &ParameterShare::key)->parameters += count;
        out.parameters += count;
    }
    std::erase_if(out.shares, [](const ParameterShare& share) { return share.parameters == 0; });
}

std::string licenceIn(const fs::path& folder) {
    std::vector<std::string> found;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        std::string name = entry.path().filename().string();
        std::string lower = name;
        std::ranges::transform(lower, lower.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (lower.starts_with("license") || lower.starts_with("licence") || lower.starts_with("copying"))
            found.push_back(std::move(name));
    }
    std::ranges::sort(found);
    return found.empty() ? "" : found.front();
}

void addTokenizer(const fs::path& folder, ModelInspection& out) {
    std::error_code ignored;
    for (const char* name : {"tokenizer.json", "tokenizer.model", "sentencepiece.model", "vocab.json"})
        if (out.tokenizerFile.empty() && fs::exists(folder / name, ignored)) out.tokenizerFile = name;
    out.tokenizer = "none";
    if (out.tokenizerFile.empty()) {
        out.reasons.emplace_back("No tokenizer is in the folder: it can be upcycled, but not tuned or asked");
        return;
    }
    if (const auto tokenizer = loadTokenizer(folder)) {
        out.tokenizer = (*tokenizer)->describe();
        if (static_cast<std::int64_t>((*tokenizer)->vocabularySize()) > out.config.vocabulary &&
            out.config.vocabulary > 0)
            out.reasons.push_back(fmt::format("The tokenizer has {} pieces, the model only {}",
                                              (*tokenizer)->vocabularySize(), out.config.vocabulary));
    } else {
        const ErrorText text = describe(tokenizer.error());
        out.reasons.push_back(fmt::format("{}: {}", text.what, text.why));
    }
    out.hasChatTemplate = fs::exists(folder / "chat_template.jinja", ignored);
    if (!out.hasChatTemplate && fs::exists(folder / "tokenizer_config.json", ignored))
        if (const auto json = readJsonFile(folder / "tokenizer_config.json"); json && json->is_object())
            out.hasChatTemplate = json->contains("chat_template") && !json->at("chat_template").is_null();
}

ModelInspection named(const fs::path& folder) {
    ModelInspection out;
    std::error_code ignored;
    out.folder = fs::weakly_canonical(folder, ignored).string();
    if (out.folder.empty()) out.folder = fs::absolute(folder).string();
    out.name = fs::path(out.folder).filename().string();
    out.quantization = "none";
    out.tokenizer = "none";
    out.licence = licenceIn(folder);
    return out;
}

// A folder that is whole, but nothing that Caravan computes with.
ModelInspection unusable(const fs::path& folder, const Error& error) {
    ModelInspection out = named(folder);
    out.kind = "unusable";
    const auto config = readJsonFile(folder / "config.json", {.bytes = 16u << 20, .nodes = 500'000});
    if (config && config->is_object()) {
        const auto type = config->find("model_type");
        if (type != config->end() && type->is_string()) out.architecture = type->get<std::string>();
    }
    const ErrorText text = describe(error);
    out.reasons = {text.why, text.todo};
    std::erase(out.reasons, "");
    if (!out.reasons.empty() && !out.reasons[0].empty())
        out.reasons[0][0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out.reasons[0][0])));
    return out;
}

Result<ModelInspection> inspectWhole(const fs::path& folder) {
    const auto model = openModelFolder(folder);
    if (!model) return tl::unexpected(model.error());
    ModelInspection out = named(folder);
    out.config = model->config;
    out.architecture = nameOf(model->config.architecture);
    out.kind = model->config.moe ? "moe" : "dense";
    out.tensors = static_cast<std::int64_t>(model->files.tensorCount());
    out.files = static_cast<std::int64_t>(model->files.files().size());
    out.bytes = model->files.totalBytes();
    out.quantization = model->config.quantizedNf4 ? "nf4" : "none";
    out.canUpcycle = !model->config.moe;
    if (const auto& moe = model->config.moe)
        out.reasons.push_back(
            fmt::format("It is a mixture already: {} experts, {} active, in {} of {} layers", moe->experts,
                        moe->topK, moe->layers.size(), model->config.layers));
    addShares(model->config, out);
    addTokenizer(folder, out);
    return out;
}

Result<ModelInspection> inspectLora(const fs::path& folder, const std::optional<std::string>& said) {
    const auto config = readPeftConfig(folder);
    if (!config) return tl::unexpected(config.error());
    ModelInspection out = named(folder);
    out.kind = "lora";
    const fs::path basePath = said ? fs::path(*said) : peftBase(*config, folder);
    out.base = fs::absolute(basePath).lexically_normal().string();
    out.reasons.emplace_back("It is a LoRA: upcycle its base");
    std::error_code ignored;
    if (!fs::exists(basePath / "config.json", ignored)) {
        out.reasons.push_back(fmt::format("Its base {} is not there; say it with --base",
                                          config->basePath.empty() ? "is not named and" : config->basePath));
        return out;
    }
    const auto base = readModelConfig(basePath);
    if (!base) return tl::unexpected(base.error());
    const auto adapter = openPeftFolder(folder, *base);
    if (!adapter) return tl::unexpected(adapter.error());
    out.config = *base;
    out.architecture = nameOf(base->architecture);
    out.quantization = base->quantizedNf4 ? "nf4" : "none";
    for (const TensorInfo* tensor : adapter->files.tensors())
        out.parameters += tensor->elements();
    out.shares = {{"lora", out.parameters}};
    out.tensors = static_cast<std::int64_t>(adapter->files.tensors().size());
    out.files = static_cast<std::int64_t>(adapter->files.fileCount());
    out.bytes = adapter->files.totalBytes();
    ModelInspection tokens;
    tokens.config = *base;
    addTokenizer(basePath, tokens);
    out.tokenizer = tokens.tokenizer;
    out.tokenizerFile = tokens.tokenizerFile;
    out.hasChatTemplate = tokens.hasChatTemplate;
    return out;
}

// What stands in moe_model.bin is read when it is imported: its numbers lie in no header.
ModelInspection inspectReferenceRun(const fs::path& folder, const std::optional<std::string>& said) {
    ModelInspection out = named(folder);
    out.kind = "reference_run";
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (entry.path().extension() == ".bin" && entry.is_regular_file(ignored)) {
            ++out.files;
            out.bytes += static_cast<Bytes>(entry.file_size(ignored));
        }
    out.reasons.emplace_back("It is a run of the released PESC code, not a model: import it");
    try {
        out.base = fs::absolute(said ? fs::path(*said) : referenceBase(folder)).lexically_normal().string();
    } catch (const EngineException&) {
        out.reasons.emplace_back(
            "The dense model that it tuned is not named, or not there: say it when you import");
    }
    return out;
}

}  // namespace

Result<ModelInspection> inspectModel(const fs::path& folder, const std::optional<std::string>& base) {
    if (isReferenceRun(folder)) return inspectReferenceRun(folder, base);
    auto out = isPeftFolder(folder) ? inspectLora(folder, base) : inspectWhole(folder);
    if (out || out.error().code != ErrorCode::ModelUnsupported) return out;
    return unusable(folder, out.error());
}

}  // namespace caravan::engine
