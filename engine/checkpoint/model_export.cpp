// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/checkpoint/model_export.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "engine/checkpoint/model_parts.h"
#include "engine/formats/peft.h"
#include "engine/upcycle/step_zero.h"

namespace caravan::engine::checkpoint {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void badFormat(const std::string& format, const std::string& range) {
    throw EngineException(ErrorCode::BadOption, {{"key", "format"}, {"value", format}, {"range", range}});
}

void checkFormat(const model::Model& model, const std::string& format) {
    const bool sparse = !model.sparseLayers().empty();
    if (format == "camelidae" || format == "sparsetral") {
        if (!sparse)
            badFormat(format, model.hasLora() ? "merged or adapters: this model has no experts"
                                              : "a model with experts");
    } else if (format == "merged" || format == "adapters") {
        if (sparse) badFormat(format, "camelidae or sparsetral: this format would drop the experts");
        if (format == "adapters" && !model.hasLora()) badFormat(format, "a model with LoRA");
    } else if (format == "gguf") {
        throw EngineException(
            ErrorCode::Unsupported,
            {{"what", "GGUF"}, {"detail", "the layout for such experts is only proposed; use camelidae"}});
    } else {
        badFormat(format, "camelidae, sparsetral, merged or adapters");
    }
}

Bytes folderBytes(const fs::path& folder) {
    Bytes bytes = 0;
    for (const auto& entry : fs::directory_iterator(folder))
        bytes += static_cast<Bytes>(entry.file_size());
    return bytes;
}

// What the folder's text goes through: the base's tokenizer, and the template that the model was tuned with.
void writeTokenizer(const ExportSource& source, const fs::path& base, ModelWriter& writer) {
    writer.copyCompanions(base);
    // chat_template.jinja goes before all other places of a template.
    if (source.chat && source.tokenizer)
        writer.text("chat_template.jinja", source.chat->source(*source.tokenizer));
}

void writeFolder(const ExportSource& source, const std::string& format, ModelWriter& writer,
                 const ProgressFunction& progress, std::stop_token stop) {
    const ModelFolder base = unwrap(openModelFolder(source.baseFolder));
    ModelConfig written = base.config;
    written.moe = source.model.config().moe;
    if (written.moe)
        written.moe->keyStyle =
            format == "sparsetral" ? AdapterKeyStyle::Sparsetral : AdapterKeyStyle::Camelidae;
    written.quantizedNf4 = source.model.quantized() && !source.model.hasLora() && format != "merged";
    writer.weights("model", modelParts(base, source.model, written, source.model.hasLora()), progress, stop);
    writer.json("config.json", makeConfigJson(base.configJson, written));
    writeTokenizer(source, base.folder, writer);
}

void writeAdapters(const ExportSource& source, const fs::path& folder, ModelWriter& writer,
                   const ProgressFunction& progress, std::stop_token stop) {
    const auto pairs = source.model.loraInfo();
    PeftConfig config;
    config.rank = pairs.front().rank;
    config.alpha = pairs.front().scale * static_cast<double>(config.rank);
    const fs::path target = fs::absolute(folder).lexically_normal(), base = fs::canonical(source.baseFolder);
    config.basePath = base.lexically_relative(target).string();
    std::vector<std::string> targets;
    std::vector<ModelPart> parts;
    for (const auto& pair : pairs) {
        const std::string module = layerPrefix(pair.layer) + pair.linear;
        if (pair.rank != config.rank) config.rankPattern[module] = pair.rank;
        if (pair.scale * static_cast<double>(pair.rank) != config.alpha)
            config.alphaPattern[module] = pair.scale * static_cast<double>(pair.rank);
        const std::string last = pair.linear.substr(pair.linear.rfind('.') + 1);
        if (std::find(targets.begin(), targets.end(), last) == targets.end()) targets.push_back(last);
        for (const bool b : {false, true}) {
            const std::string key = loraKey(pair.layer, pair.linear, b);
            const at::Tensor value = source.model.trainable().value(*source.model.trainable().find(key));
            parts.push_back({{{key, {value.sizes().begin(), value.sizes().end()}, DType::F32}},
                             [value] { return std::vector{value.to(at::kCPU, at::kFloat).contiguous()}; }});
        }
    }
    for (const auto& linear : layerLinears(source.model.config())) {
        const std::string last = linear.name.substr(linear.name.rfind('.') + 1);
        if (std::find(targets.begin(), targets.end(), last) != targets.end()) config.targets.push_back(last);
    }
    writer.weights("adapter_model", std::move(parts), progress, stop);
    writer.json("adapter_config.json", makeAdapterConfigJson(config));
    writeTokenizer(source, source.baseFolder, writer);
}

}  // namespace

ExportOutcome exportModel(const ExportSource& source, const ExportRequest& request,
                          const ProgressFunction& progress, std::stop_token stop) {
    checkFormat(source.model, request.format);
    ModelWriter writer(request.folder);
    if (request.format == "adapters")
        writeAdapters(source, request.folder, writer, progress, stop);
    else
        writeFolder(source, request.format, writer, progress, stop);
    const auto ids = upcycle::proofIds(source.tokenizer, source.model.config());
    const at::Tensor before = upcycle::logitsOf(source.model, ids);
    const auto compute = source.model.compute() == at::kFloat ? Compute::Fp32 : Compute::Bf16;
    const auto again = model::loadModel(
        writer.temporary(),
        {.quantization = source.model.quantized() && request.format == "adapters" ? Quantization::Nf4
                                                                                  : Quantization::None,
         .compute = compute,
         .device = source.model.device(),
         .base = source.baseFolder.string(),
         .progress = progress,
         .stop = stop});
    ExportOutcome outcome{
        .maxAbsLogitDifference = (upcycle::logitsOf(*again, ids) - before).abs().max().item<double>(),
        .bytes = folderBytes(writer.temporary())};
    writer.commit();
    return outcome;
}

}  // namespace caravan::engine::checkpoint
