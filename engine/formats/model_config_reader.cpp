// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "engine/formats/dtypes.h"
#include "engine/formats/json_fields.h"
#include "engine/formats/model_folder.h"

// config.json in the spellings of transformers 4 (rope_theta, rope_scaling, torch_dtype) and 5
// (rope_parameters, dtype).
namespace caravan::engine {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxWidth = 1 << 20;  // of one matrix side
constexpr std::int64_t kMaxVocabulary = 1 << 24;
constexpr std::int64_t kMaxLayers = 4096;
constexpr std::int64_t kMaxPositions = 1ll << 31;
constexpr double kMaxReal = 1e18;

[[noreturn]] void unsupported(const std::string& file, std::string detail) {
    throw EngineException(ErrorCode::ModelUnsupported,
                          {{"file", file}, {"detail", std::move(detail)}, {"supported", kSupportedModels}});
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

struct Family {
    const char* name;  // model_type, and the begin of NAMEForCausalLM, in lower case
    Architecture architecture;
};
constexpr Family kDense[] = {{"llama", Architecture::Llama},
                             {"mistral", Architecture::Mistral},
                             {"qwen2", Architecture::Qwen2},
                             {"qwen3", Architecture::Qwen3}};
// model_type of mixtures made by PESC; their "architectures" may name the dense family.
constexpr Family kMixtures[] = {{"camelidae", Architecture::Llama},
                                {"sparsetral", Architecture::Mistral},
                                {"qwen2idae", Architecture::Qwen2}};

template <std::size_t N>
std::optional<Architecture> familyOf(const Family (&families)[N], std::string_view name) {
    for (const Family& family : families)
        if (name == family.name) return family.architecture;
    return std::nullopt;
}

// "modeling_sparsetral.MistralForCausalLM" -> "mistral", and so does "MistralModel", which is saved without
// its head; "" if it is no causal language model.
std::string familyName(std::string architecture) {
    if (const std::size_t dot = architecture.rfind('.'); dot != std::string::npos)
        architecture.erase(0, dot + 1);
    architecture = lower(architecture);
    for (const std::string_view end : {"forcausallm", "model"})
        if (architecture.ends_with(end)) return architecture.substr(0, architecture.size() - end.size());
    return {};
}

Architecture architectureOf(const JsonFields& fields, const std::string& file) {
    const std::string type = lower(fields.textOr("model_type", ""));
    std::string listed, listedFamily;
    if (fields.has("architectures")) {
        const json& list = fields.raw("architectures");
        if (!list.is_array() || (!list.empty() && !list[0].is_string()))
            fields.bad("architectures", "not a list of names");
        if (!list.empty()) listed = list[0].get<std::string>();
        listedFamily = familyName(listed);
        if (!listed.empty() && listedFamily.empty())
            unsupported(file, fmt::format("{} is not a causal language model", listed.substr(0, 100)));
    }
    if (const auto dense = familyOf(kDense, type)) return *dense;
    const auto mixture = familyOf(kMixtures, type);
    if (type.empty() || mixture) {
        if (const auto dense = familyOf(kDense, listedFamily)) return *dense;
        if (const auto named = familyOf(kMixtures, listedFamily)) return *named;
        if (mixture) return *mixture;
        if (listed.empty()) fields.bad("model_type", "it is missing, and so is architectures");
        unsupported(file, fmt::format("the architecture is {}", listed.substr(0, 100)));
    }
    unsupported(file, fmt::format("the architecture is {}", type.substr(0, 100)));
}

RopeConfig readRope(const JsonFields& fields, const std::string& file) {
    RopeConfig rope;
    rope.theta = fields.realOr("rope_theta", 10000.0, 1.0, kMaxReal);
    if (fields.realOr("partial_rotary_factor", 1.0, 0.0, 1.0) != 1.0)
        unsupported(file, "only a part of each head is rotated (partial_rotary_factor)");
    const auto said = [&](const char* key) { return fields.has(key) && !fields.raw(key).empty(); };
    if (said("rope_parameters") && said("rope_scaling") &&
        fields.raw("rope_parameters") != fields.raw("rope_scaling"))
        fields.bad("rope_scaling", "it says something else than rope_parameters, only one may be there");
    const char* key = said("rope_parameters") ? "rope_parameters" : "rope_scaling";
    if (!fields.has(key)) return rope;
    const JsonFields parameters = fields.object(key);
    for (const auto& [name, value] : fields.raw(key).items())
        if (value.is_object())
            unsupported(file, fmt::format("rope differs by kind of layer ({}.{})", key, name.substr(0, 60)));
    rope.theta = parameters.realOr("rope_theta", rope.theta, 1.0, kMaxReal);
    if (parameters.realOr("partial_rotary_factor", 1.0, 0.0, 1.0) != 1.0)
        unsupported(file, "only a part of each head is rotated (partial_rotary_factor)");
    const std::string type = parameters.textOr("rope_type", parameters.textOr("type", "default"));
    if (type == "default") return rope;
    if (type == "linear") {
        rope.kind = RopeKind::Linear;
        rope.factor = parameters.real("factor", 1e-6, 1e9);
        return rope;
    }
    if (type != "llama3") unsupported(file, fmt::format("rope {} is not supported", type.substr(0, 60)));
    rope.kind = RopeKind::Llama3;
    rope.factor = parameters.real("factor", 1e-6, 1e9);
    rope.lowFrequencyFactor = parameters.real("low_freq_factor", 1e-9, 1e9);
    rope.highFrequencyFactor = parameters.real("high_freq_factor", 1e-9, 1e9);
    if (rope.highFrequencyFactor <= rope.lowFrequencyFactor)
        parameters.bad("high_freq_factor", "not above low_freq_factor");
    constexpr const char* kOriginal = "original_max_position_embeddings";
    const bool beside = fields.has(kOriginal);
    rope.originalMaxPositions =
        (parameters.has(kOriginal) || !beside ? parameters : fields).integer(kOriginal, 1, kMaxPositions);
    if (beside && fields.integer(kOriginal, 1, kMaxPositions) != rope.originalMaxPositions)
        fields.bad(kOriginal, fmt::format("it is another one than in {}", key));
    return rope;
}

void readSizes(const JsonFields& fields, ModelConfig& config) {
    config.hidden = fields.integer("hidden_size", 1, kMaxWidth);
    config.intermediate = fields.integer("intermediate_size", 1, kMaxWidth);
    config.layers = fields.integer("num_hidden_layers", 1, kMaxLayers);
    config.heads = fields.integer("num_attention_heads", 1, kMaxWidth);
    config.vocabulary = fields.integer("vocab_size", 1, kMaxVocabulary);
    // A missing key means the default of its class in transformers; a null one means as many as heads.
    std::int64_t kvDefault = config.heads;
    const bool kvAbsent = !fields.raw().contains("num_key_value_heads");
    if (kvAbsent && config.architecture == Architecture::Mistral && config.heads % 8 == 0) kvDefault = 8;
    config.kvHeads = fields.integerOr("num_key_value_heads", kvDefault, 1, kMaxWidth);
    if (config.heads % config.kvHeads != 0)
        fields.bad("num_key_value_heads",
                   fmt::format("{} does not divide the {} heads", config.kvHeads, config.heads));
    if (fields.has("head_dim"))
        config.headSize = fields.integer("head_dim", 2, kMaxWidth);
    else if (config.architecture == Architecture::Qwen3 && !fields.raw().contains("head_dim"))
        config.headSize = 128;
    else if (config.hidden % config.heads != 0)
        fields.bad("num_attention_heads",
                   fmt::format("{} does not divide hidden_size {}", config.heads, config.hidden));
    else
        config.headSize = config.hidden / config.heads;
    if (config.headSize % 2 != 0)
        fields.bad("head_dim", fmt::format("{} is odd, rotary positions need an even size", config.headSize));
    if (config.queryWidth() > kMaxWidth) fields.bad("head_dim", "heads x head_dim is too large");
    std::int64_t positions = 2048;
    if (config.architecture == Architecture::Mistral) positions = 131072;
    if (config.architecture == Architecture::Qwen2 || config.architecture == Architecture::Qwen3)
        positions = 32768;
    positions = fields.integerOr("max_sequence_length", positions, 1, kMaxPositions);  // first Llama files
    config.maxPositions = fields.integerOr("max_position_embeddings", positions, 1, kMaxPositions);
    config.normEps = fields.realOr("rms_norm_eps", 1e-6, 0.0, 1.0);
}

void readKinds(const JsonFields& fields, const std::string& file, ModelConfig& config) {
    const std::string activation = fields.textOr("hidden_act", fields.textOr("hidden_activation", "silu"));
    if (activation != "silu" && activation != "swish")
        unsupported(file,
                    fmt::format("the activation is {}, only silu is supported", activation.substr(0, 60)));
    config.tiedEmbeddings = fields.flagOr("tie_word_embeddings", false);
    const bool bias = fields.flagOr("attention_bias", false);
    const bool qwen2 = config.architecture == Architecture::Qwen2;
    const bool mistral = config.architecture == Architecture::Mistral;
    config.qkvBias = qwen2 || (bias && !mistral);
    config.outputBias = bias && !qwen2 && !mistral;
    config.mlpBias = config.architecture == Architecture::Llama && fields.flagOr("mlp_bias", false);
    config.qkNorm = config.architecture == Architecture::Qwen3;
}

// Layers that layer_types names as sliding; nothing where the key is missing.
std::optional<std::vector<std::int64_t>> namedSliding(const JsonFields& fields, const std::string& file,
                                                      std::int64_t layers) {
    if (!fields.has("layer_types")) return std::nullopt;
    const json& types = fields.raw("layer_types");
    if (!types.is_array() || types.size() != static_cast<std::size_t>(layers))
        fields.bad("layer_types", fmt::format("not a list of {} names", layers));
    std::vector<std::int64_t> sliding;
    for (std::int64_t layer = 0; layer < layers; ++layer) {
        const json& type = types[static_cast<std::size_t>(layer)];
        if (type == "sliding_attention")
            sliding.push_back(layer);
        else if (type != "full_attention")
            unsupported(
                file, fmt::format("layer {} has attention of the kind {}", layer, type.dump().substr(0, 60)));
    }
    return sliding;
}

void readWindow(const JsonFields& fields, const std::string& file, ModelConfig& config) {
    if (config.architecture == Architecture::Llama) return;
    auto sliding = namedSliding(fields, file, config.layers);
    if (config.architecture == Architecture::Mistral) {
        // An absent key means transformers' default of 4096, null means none.
        if (!fields.raw().contains("sliding_window"))
            config.slidingWindow = 4096;
        else if (fields.has("sliding_window"))
            config.slidingWindow = fields.integer("sliding_window", 1, kMaxPositions);
        if (sliding && sliding->empty()) config.slidingWindow.reset();
    } else if (fields.flagOr("use_sliding_window", false) &&
               (fields.has("sliding_window") || !fields.raw().contains("sliding_window"))) {
        if (!sliding) {
            sliding.emplace();
            for (std::int64_t layer = fields.integerOr("max_window_layers", 28, 0, kMaxLayers);
                 layer < config.layers; ++layer)
                sliding->push_back(layer);
        }
        const std::int64_t window = fields.integerOr("sliding_window", 4096, 1, kMaxPositions);
        if (!sliding->empty()) config.slidingWindow = window;
    }
    if (config.slidingWindow && sliding && static_cast<std::int64_t>(sliding->size()) < config.layers)
        config.slidingLayers = std::move(*sliding);
}

std::optional<std::int32_t> tokenId(const JsonFields& fields, const char* key) {
    if (!fields.has(key) || !fields.raw(key).is_number()) return std::nullopt;
    const std::int64_t id = fields.integer(key, -1, INT32_MAX);  // -1: none, in the first Llama files
    return id < 0 ? std::nullopt : std::optional(static_cast<std::int32_t>(id));
}

std::vector<std::int32_t> tokenIds(const JsonFields& fields, const char* key) {
    if (!fields.has(key)) return {};
    const json& value = fields.raw(key);
    if (!value.is_array()) {
        const auto id = tokenId(fields, key);
        return id ? std::vector{*id} : std::vector<std::int32_t>{};
    }
    std::vector<std::int32_t> out;
    for (const json& id : value) {
        if (!id.is_number_integer() || id.get<double>() < 0 || id.get<double>() > INT32_MAX)
            fields.bad(key, "not a token id or a list of them");
        out.push_back(id.get<std::int32_t>());
    }
    return out;
}

void readTokens(const JsonFields& fields, const json& generation, ModelConfig& config) {
    config.bosId = tokenId(fields, "bos_token_id");
    config.padId = tokenId(fields, "pad_token_id");
    config.eosIds = tokenIds(fields, "eos_token_id");
    if (!generation.is_object()) return;
    const JsonFields more(generation, "generation_config.json");
    if (auto ids = tokenIds(more, "eos_token_id"); !ids.empty()) config.eosIds = std::move(ids);
    if (!config.bosId) config.bosId = tokenId(more, "bos_token_id");
    if (!config.padId) config.padId = tokenId(more, "pad_token_id");
}

void readQuantization(const JsonFields& fields, const std::string& file, ModelConfig& config) {
    if (!fields.has("quantization_config")) return;
    const JsonFields quantization = fields.object("quantization_config");
    const std::string method = quantization.textOr("quant_method", "bitsandbytes");
    if (method != "bitsandbytes")
        unsupported(file, fmt::format("the weights are quantised by {}", method.substr(0, 60)));
    if (!quantization.flagOr("load_in_4bit", quantization.flagOr("_load_in_4bit", false)))
        unsupported(file, "the weights are quantised to 8 bits");
    const std::string type = quantization.textOr("bnb_4bit_quant_type", "fp4");
    if (type != "nf4") unsupported(file, fmt::format("the weights are quantised to {}", type.substr(0, 60)));
    const std::string storage = quantization.textOr("bnb_4bit_quant_storage", "uint8");
    if (storage != "uint8")
        unsupported(file, fmt::format("the 4-bit weights are stored as {}", storage.substr(0, 60)));
    config.quantizedNf4 = true;
}

}  // namespace

Result<ModelConfig> parseModelConfig(const json& configJson, const json& generation,
                                     const std::string& file) {
    try {
        const JsonFields fields(configJson, file);
        ModelConfig config;
        config.architecture = architectureOf(fields, file);
        readSizes(fields, config);
        readKinds(fields, file, config);
        config.rope = readRope(fields, file);
        readWindow(fields, file, config);
        readTokens(fields, generation, config);
        readQuantization(fields, file, config);
        const std::string dtype = fields.textOr("dtype", fields.textOr("torch_dtype", "float32"));
        config.storedType = dtypeFromTorch(dtype).value_or(DType::F32);
        return config;
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

}  // namespace caravan::engine
