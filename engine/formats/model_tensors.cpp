// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "engine/formats/bounded_json.h"
#include "engine/formats/dtypes.h"
#include "engine/formats/json_fields.h"
#include "engine/formats/model_folder.h"

// Which tensors a model has: names, shapes, and the check of a folder against them.
namespace caravan::engine {
namespace {

constexpr std::string_view kNf4Suffix = ".quant_state.bitsandbytes__nf4";
constexpr std::string_view kNf4Parts[] = {".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map",
                                          ".quant_state.bitsandbytes__nf4"};

Error wrongTensor(const SafetensorsFile* file, const std::string& folder, const std::string& name,
                  std::string detail) {
    return {ErrorCode::FileBad,
            {{"file", file ? file->path().string() : folder},
             {"place", "tensor " + name},
             {"detail", std::move(detail)}}};
}

// Buffers that some exporters left in the file; they follow from the config.
bool ignorable(std::string_view name, const ModelConfig& config) {
    return name.ends_with(".rotary_emb.inv_freq") || (config.tiedEmbeddings && name == "lm_head.weight");
}

bool floating(DType type) {
    return type == DType::F32 || type == DType::F16 || type == DType::BF16;
}

Result<void> checkNf4(const ModelFiles& files, const TensorSpec& want, const std::string& folder) {
    const auto state = readNf4State(files, want.name);
    if (!state) return tl::unexpected(state.error());
    auto wrong = [&](const std::string& name, std::string detail) {
        return tl::unexpected(wrongTensor(files.fileOf(name), folder, name, std::move(detail)));
    };
    if (state->shape != want.shape)
        return wrong(want.name, fmt::format("its NF4 shape is {}, {} was expected", shapeText(state->shape),
                                            shapeText(want.shape)));
    const std::int64_t elements = want.shape[0] * want.shape[1];
    const std::int64_t blocks = (elements + state->blockSize - 1) / state->blockSize;
    const std::int64_t nested = (blocks + state->nestedBlockSize - 1) / state->nestedBlockSize;
    struct Part {
        std::string name;
        std::int64_t elements;
        DType type;
    };
    std::vector<Part> parts{{want.name, (elements + 1) / 2, DType::U8},
                            {want.name + ".absmax", blocks, state->nested ? DType::U8 : DType::F32},
                            {want.name + ".quant_map", 16, DType::F32}};
    if (state->nested) {
        parts.push_back({want.name + ".nested_absmax", nested, DType::F32});
        parts.push_back({want.name + ".nested_quant_map", 256, DType::F32});
    }
    for (const Part& part : parts) {
        const TensorInfo* tensor = files.find(part.name);
        if (!tensor) return wrong(part.name, "it is missing");
        if (tensor->dtype != part.type || tensor->elements() != part.elements)
            return wrong(part.name, fmt::format("it holds {} values of {}, {} of {} were expected",
                                                tensor->elements(), safetensorsName(tensor->dtype),
                                                part.elements, safetensorsName(part.type)));
    }
    return {};
}

Result<void> checkOne(const ModelConfig& config, const ModelFiles& files, const TensorSpec& want,
                      const std::string& folder) {
    const TensorInfo* tensor = files.find(want.name);
    if (!tensor) return tl::unexpected(wrongTensor(nullptr, folder, want.name, "it is missing"));
    if (config.quantizedNf4 && isNf4(files, want.name)) {
        if (want.shape.size() == 2) return checkNf4(files, want, folder);
        return tl::unexpected(
            wrongTensor(files.fileOf(want.name), folder, want.name, "only linear weights can be NF4"));
    }
    if (tensor->shape != want.shape)
        return tl::unexpected(wrongTensor(files.fileOf(want.name), folder, want.name,
                                          fmt::format("its shape is {}, {} was expected",
                                                      shapeText(tensor->shape), shapeText(want.shape))));
    if (!floating(tensor->dtype))
        return fail(
            ErrorCode::ModelUnsupported,
            {{"file", files.fileOf(want.name)->path().string()},
             {"detail", fmt::format("tensor {} is stored as {}", want.name, safetensorsName(tensor->dtype))},
             {"supported", "weights in float32, float16, bfloat16 or NF4"}});
    return {};
}

bool nf4Part(const ModelFiles& files, const std::string& name) {
    for (const std::string_view part : kNf4Parts)
        if (name.ends_with(part)) return isNf4(files, name.substr(0, name.size() - part.size()));
    return false;
}

}  // namespace

std::string layerPrefix(std::int64_t layer) {
    return fmt::format("model.layers.{}.", layer);
}
std::string routerKey(std::int64_t layer) {
    return fmt::format("model.layers.{}.mlp.moe_adapter.router.weight", layer);
}
std::string adapterKey(AdapterKeyStyle style, std::int64_t layer, std::int64_t expert, bool up) {
    return fmt::format("model.layers.{}.mlp.moe_adapter.experts.{}{}.adapter_{}.weight", layer,
                       style == AdapterKeyStyle::Camelidae ? "expert_" : "", expert, up ? "up" : "down");
}

std::vector<LinearShape> layerLinears(const ModelConfig& c) {
    return {{"self_attn.q_proj", c.queryWidth(), c.hidden, c.qkvBias},
            {"self_attn.k_proj", c.keyWidth(), c.hidden, c.qkvBias},
            {"self_attn.v_proj", c.keyWidth(), c.hidden, c.qkvBias},
            {"self_attn.o_proj", c.hidden, c.queryWidth(), c.outputBias},
            {"mlp.gate_proj", c.intermediate, c.hidden, c.mlpBias},
            {"mlp.up_proj", c.intermediate, c.hidden, c.mlpBias},
            {"mlp.down_proj", c.hidden, c.intermediate, c.mlpBias}};
}

std::vector<TensorSpec> expectedTensors(const ModelConfig& c) {
    std::vector<TensorSpec> out;
    auto add = [&](std::string name, std::vector<std::int64_t> shape) {
        out.push_back({std::move(name), std::move(shape), c.storedType});
    };
    add("model.embed_tokens.weight", {c.vocabulary, c.hidden});
    const std::vector<LinearShape> linears = layerLinears(c);
    for (std::int64_t layer = 0; layer < c.layers; ++layer) {
        const std::string prefix = layerPrefix(layer);
        add(prefix + "input_layernorm.weight", {c.hidden});
        for (const LinearShape& linear : linears) {
            add(prefix + linear.name + ".weight", {linear.out, linear.in});
            if (linear.bias) add(prefix + linear.name + ".bias", {linear.out});
        }
        if (c.qkNorm) {
            add(prefix + "self_attn.q_norm.weight", {c.headSize});
            add(prefix + "self_attn.k_norm.weight", {c.headSize});
        }
        add(prefix + "post_attention_layernorm.weight", {c.hidden});
        if (!c.moe || !std::ranges::binary_search(c.moe->layers, layer)) continue;
        add(routerKey(layer), {c.moe->experts, c.hidden});
        for (std::int64_t expert = 0; expert < c.moe->experts; ++expert) {
            add(adapterKey(c.moe->keyStyle, layer, expert, false), {c.moe->adapterSize, c.hidden});
            add(adapterKey(c.moe->keyStyle, layer, expert, true), {c.hidden, c.moe->adapterSize});
        }
    }
    add("model.norm.weight", {c.hidden});
    if (!c.tiedEmbeddings) add("lm_head.weight", {c.vocabulary, c.hidden});
    return out;
}

Result<void> checkTensors(const ModelConfig& config, const ModelFiles& files, const std::string& folder) {
    // A config with absurd sizes would make a list without end; the files bound it.
    const std::int64_t perLayer = config.moe ? 2 * config.moe->experts : 0;
    if (config.layers > static_cast<std::int64_t>(files.tensorCount()) ||
        (config.moe && perLayer > static_cast<std::int64_t>(files.tensorCount())))
        return fail(ErrorCode::FileBad,
                    {{"file", folder + "/config.json"},
                     {"place", "key num_hidden_layers"},
                     {"detail", fmt::format("{} layers, but the weight files hold only {} tensors",
                                            config.layers, files.tensorCount())}});
    std::unordered_set<std::string> known;
    for (const TensorSpec& want : expectedTensors(config)) {
        if (auto checked = checkOne(config, files, want, folder); !checked) return checked;
        known.insert(want.name);
    }
    for (const TensorInfo* tensor : files.tensors()) {
        if (known.contains(tensor->name) || ignorable(tensor->name, config) ||
            (config.quantizedNf4 && nf4Part(files, tensor->name)))
            continue;
        return fail(ErrorCode::ModelUnsupported,
                    {{"file", files.fileOf(tensor->name)->path().string()},
                     {"detail", fmt::format("the tensor {} belongs to no part of such a model",
                                            tensor->name.substr(0, 300))},
                     {"supported", kSupportedModels}});
    }
    return {};
}

bool isNf4(const ModelFiles& files, const std::string& key) {
    return files.find(key + std::string(kNf4Suffix)) != nullptr;
}

Result<Nf4State> readNf4State(const ModelFiles& files, const std::string& key) {
    const std::string name = key + std::string(kNf4Suffix);
    const SafetensorsFile* file = files.fileOf(name);
    if (!file)
        return fail(ErrorCode::FileBad,
                    {{"file", key}, {"place", "tensor " + name}, {"detail", "it is missing"}});
    const std::string where = file->path().string() + ", tensor " + name;
    const std::span<const std::byte> bytes = files.bytes(name);
    const auto json = parseJson(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where,
        {.bytes = 65536, .depth = 4, .nodes = 1000, .stringLength = 4096, .refuseDuplicateKeys = true});
    if (!json) return tl::unexpected(json.error());
    try {
        const JsonFields fields(*json, where);
        if (fields.textOr("quant_type", "") != "nf4") fields.bad("quant_type", "not nf4");
        Nf4State state;
        state.blockSize = fields.integer("blocksize", 64, 64);
        const std::string dtype = fields.textOr("dtype", "");
        const auto type = dtypeFromTorch(dtype);
        if (!type || !floating(*type))
            fields.bad("dtype",
                       fmt::format("\"{}\" is none of float32, float16, bfloat16", dtype.substr(0, 40)));
        state.dtype = *type;
        if (!fields.has("shape") || !fields.raw("shape").is_array() || fields.raw("shape").size() != 2)
            fields.bad("shape", "not two sizes");
        for (const nlohmann::json& size : fields.raw("shape")) {
            if (!size.is_number_unsigned() || size.get<std::uint64_t>() > (1u << 24))
                fields.bad("shape", "not two sizes");
            state.shape.push_back(size.get<std::int64_t>());
        }
        state.nested = fields.has("nested_blocksize");
        if (state.nested) {
            state.nestedBlockSize = fields.integer("nested_blocksize", 256, 256);
            state.nestedOffset = fields.real("nested_offset", -3.5e38, 3.5e38);
        }
        return state;
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

Result<std::optional<MoeConfig>> findMoe(const nlohmann::json& configJson, const ModelConfig& dense,
                                         const ModelFiles& files, const std::string& file) {
    std::vector<std::int64_t> sparse;
    const std::int64_t layers =
        std::min<std::int64_t>(dense.layers, static_cast<std::int64_t>(files.tensorCount()));
    for (std::int64_t layer = 0; layer < layers; ++layer)
        if (files.find(routerKey(layer))) sparse.push_back(layer);
    if (sparse.empty()) return std::optional<MoeConfig>{};
    try {
        const JsonFields fields(configJson, file);
        MoeConfig moe;
        moe.experts = fields.integer("num_experts", 1, 128);
        moe.topK = fields.integer("topk", 1, moe.experts);
        moe.adapterSize = fields.integer("adapter_dim", 1, 1 << 20);
        moe.scaling = fields.realOr("moe_scaling", 1.0, -1e6, 1e6);
        moe.keyStyle = files.find(adapterKey(AdapterKeyStyle::Sparsetral, sparse[0], 0, false))
                           ? AdapterKeyStyle::Sparsetral
                           : AdapterKeyStyle::Camelidae;
        std::vector<std::int64_t> named;
        if (fields.has("moe_layers")) {
            if (!fields.raw("moe_layers").is_array()) fields.bad("moe_layers", "not a list of layers");
            for (const nlohmann::json& layer : fields.raw("moe_layers")) {
                if (!layer.is_number_unsigned() ||
                    layer.get<std::uint64_t>() >= static_cast<std::uint64_t>(dense.layers))
                    fields.bad("moe_layers", fmt::format("{} is no layer", layer.dump().substr(0, 40)));
                named.push_back(layer.get<std::int64_t>());
            }
            std::ranges::sort(named);
        } else {
            for (std::int64_t layer = 0; layer < dense.layers; ++layer)
                named.push_back(layer);
        }
        for (std::int64_t layer : sparse)
            if (!std::ranges::binary_search(named, layer))
                fields.bad("moe_layers", fmt::format("layer {} has a router but is not named", layer));
        for (std::int64_t layer : named)
            if (!std::ranges::binary_search(sparse, layer))
                fields.bad("moe_layers", fmt::format("layer {} has no router among the tensors", layer));
        moe.layers = std::move(named);
        return std::optional(std::move(moe));
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

}  // namespace caravan::engine
