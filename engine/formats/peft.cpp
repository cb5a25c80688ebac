// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/peft.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>

#include "engine/formats/bounded_json.h"
#include "engine/formats/dtypes.h"
#include "engine/formats/json_fields.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
constexpr std::array<const char*, 7> kTargets = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                                 "gate_proj", "up_proj", "down_proj"};
constexpr const char* kSupportedLora =
    "plain LoRA on q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj and down_proj";

[[noreturn]] void unsupported(const std::string& file, std::string detail) {
    throw EngineException(ErrorCode::ModelUnsupported,
                          {{"file", file}, {"detail", std::move(detail)}, {"supported", kSupportedLora}});
}

// Whether a switch of another kind of adapter is on: true, a filled list or object, a number.
bool switchedOn(const JsonFields& fields, const char* key) {
    if (!fields.has(key)) return false;
    const json& value = fields.raw(key);
    if (value.is_boolean()) return value.get<bool>();
    return !value.empty();
}

void refuseOtherKinds(const JsonFields& fields, const std::string& file) {
    if (const std::string type = fields.textOr("peft_type", "LORA"); type != "LORA")
        unsupported(file, fmt::format("the adapter is of the type {}", type.substr(0, 60)));
    if (const std::string bias = fields.textOr("bias", "none"); bias != "none")
        unsupported(file, fmt::format("it trains biases (bias \"{}\")", bias.substr(0, 40)));
    for (const char* key :
         {"use_dora", "use_qalora", "use_bdlora", "fan_in_fan_out", "lora_bias", "modules_to_save",
          "layer_replication", "target_parameters", "trainable_token_indices", "alora_invocation_tokens",
          "arrow_config", "megatron_config", "kasa_config", "velora_config", "monteclora_config"})
        if (switchedOn(fields, key)) unsupported(file, fmt::format("it uses {}", key));
    // Some first values are taken out of the base: the LoRA then belongs to what is left of it.
    if (!fields.has("init_lora_weights") || fields.raw("init_lora_weights").is_boolean()) return;
    if (const std::string first = fields.textOr("init_lora_weights", "");
        first != "gaussian" && first != "eva")
        unsupported(file,
                    fmt::format("init_lora_weights {} changes the base's own weights", first.substr(0, 60)));
}

std::vector<std::string> readTargets(const JsonFields& fields, const std::string& file) {
    if (!fields.has("target_modules")) fields.bad("target_modules", "it is missing");
    const json& value = fields.raw("target_modules");
    std::vector<bool> chosen(kTargets.size(), false);
    if (value.is_string() && value == "all-linear")
        chosen.assign(kTargets.size(), true);
    else if (!value.is_array())
        unsupported(file, "target_modules is a pattern");
    else
        for (const json& name : value) {
            if (!name.is_string()) fields.bad("target_modules", "not a list of names");
            // Full paths ("model.layers.0.self_attn.q_proj") select single layers: the tensors tell which.
            const auto& text = name.get_ref<const std::string&>();
            const std::string last = text.substr(text.rfind('.') + 1);
            const auto found = std::ranges::find(kTargets, last);
            if (found == kTargets.end()) unsupported(file, fmt::format("it adapts {}", text.substr(0, 100)));
            chosen[static_cast<std::size_t>(found - kTargets.begin())] = true;
        }
    std::vector<std::string> out;
    for (std::size_t i = 0; i < kTargets.size(); ++i)
        if (chosen[i]) out.emplace_back(kTargets[i]);
    return out;
}

// A pattern's key is a module's path or its end, as PEFT matches it; anything of a regular expression is
// refused.
void checkPatternKey(const std::string& key, const std::string& file) {
    for (const char c : key)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '.')
            unsupported(file,
                        fmt::format("rank_pattern or alpha_pattern uses the pattern {}", key.substr(0, 100)));
}

template <class T>
T byPattern(const std::map<std::string, T>& pattern, std::string_view module, T otherwise) {
    for (const auto& [key, value] : pattern)
        if (module == key || (module.ends_with(key) && module[module.size() - key.size() - 1] == '.'))
            return value;
    return otherwise;
}

Error badTensor(const WeightSource& files, const std::string& name, std::string detail) {
    return {
        ErrorCode::FileBad,
        {{"file", files.pathOf(name).string()}, {"place", "tensor " + name}, {"detail", std::move(detail)}}};
}

void checkHalf(const WeightSource& files, const std::string& name, const std::vector<std::int64_t>& shape) {
    const TensorInfo* tensor = files.find(name);
    if (!tensor) throw EngineException(badTensor(files, name, "it is missing"));
    if (tensor->shape != shape)
        throw EngineException(badTensor(
            files, name,
            fmt::format("its shape is {}, {} was expected", shapeText(tensor->shape), shapeText(shape))));
    if (tensor->dtype != DType::F32 && tensor->dtype != DType::F16 && tensor->dtype != DType::BF16)
        throw EngineException(
            badTensor(files, name, fmt::format("it is stored as {}", safetensorsName(tensor->dtype))));
}

}  // namespace

std::int64_t PeftConfig::rankOf(std::string_view module) const {
    return byPattern(rankPattern, module, rank);
}
double PeftConfig::scaleOf(std::string_view module) const {
    const auto r = static_cast<double>(rankOf(module));
    return byPattern(alphaPattern, module, alpha) / (rsLora ? std::sqrt(r) : r);
}

bool isPeftFolder(const fs::path& folder) {
    std::error_code ignored;
    return fs::exists(folder / "adapter_config.json", ignored);
}

Result<PeftConfig> readPeftConfig(const fs::path& folder) {
    const fs::path path = folder / "adapter_config.json";
    const std::string file = path.string();
    const auto json =
        readJsonFile(path, {.bytes = 16u << 20, .depth = 32, .nodes = 200'000, .stringLength = 1u << 20});
    if (!json) return tl::unexpected(json.error());
    try {
        const JsonFields fields(*json, file);
        refuseOtherKinds(fields, file);
        PeftConfig config;
        config.rank = fields.integer("r", 1, 1 << 16);
        config.alpha = fields.real("lora_alpha", -1e9, 1e9);
        config.dropout = fields.realOr("lora_dropout", 0.0, 0.0, 1.0);
        config.rsLora = fields.flagOr("use_rslora", false);
        config.targets = readTargets(fields, file);
        config.basePath = fields.textOr("base_model_name_or_path", "");
        if (fields.has("rank_pattern")) {
            const JsonFields pattern = fields.object("rank_pattern");
            for (const auto& [key, value] : pattern.raw().items()) {
                checkPatternKey(key, file);
                config.rankPattern[key] = pattern.integer(key.c_str(), 1, 1 << 16);
            }
        }
        if (fields.has("alpha_pattern")) {
            const JsonFields pattern = fields.object("alpha_pattern");
            for (const auto& [key, value] : pattern.raw().items()) {
                checkPatternKey(key, file);
                config.alphaPattern[key] = pattern.real(key.c_str(), -1e9, 1e9);
            }
        }
        return config;
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

fs::path peftBase(const PeftConfig& config, const fs::path& folder) {
    const fs::path base(config.basePath);
    return (base.is_absolute() ? base : fs::absolute(folder) / base).lexically_normal();
}

std::string loraKey(std::int64_t layer, std::string_view linear, bool b) {
    return fmt::format("base_model.model.{}{}.lora_{}.weight", layerPrefix(layer), linear, b ? "B" : "A");
}

Result<PeftFolder> openPeftFolder(const fs::path& folder, const ModelConfig& base) {
    auto config = readPeftConfig(folder);
    if (!config) return tl::unexpected(config.error());
    auto files = WeightSource::open(folder, "adapter_model");
    if (!files) return tl::unexpected(files.error());
    try {
        PeftFolder out{std::move(*config), std::move(*files), {}};
        std::unordered_set<std::string> known;
        for (std::int64_t layer = 0; layer < base.layers; ++layer)
            for (const LinearShape& linear : layerLinears(base)) {
                const std::string a = loraKey(layer, linear.name, false),
                                  b = loraKey(layer, linear.name, true);
                if (!out.files.find(a) && !out.files.find(b)) continue;
                const std::string module = layerPrefix(layer) + linear.name;
                const std::int64_t rank = out.config.rankOf(module);
                checkHalf(out.files, a, {rank, linear.in});
                checkHalf(out.files, b, {linear.out, rank});
                known.insert({a, b});
                out.pairs.push_back({"base_model.model." + module, layer, linear.name, rank,
                                     out.config.scaleOf(module), a, b});
            }
        for (const TensorInfo* tensor : out.files.tensors())
            if (!known.contains(tensor->name))
                throw EngineException(
                    badTensor(out.files, tensor->name, "it adapts nothing that the base has"));
        if (out.pairs.empty())
            unsupported((folder / "adapter_model.safetensors").string(), "there is no LoRA tensor in it");
        return out;
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

json makeAdapterConfigJson(const PeftConfig& config) {
    return {{"peft_type", "LORA"},
            {"task_type", "CAUSAL_LM"},
            {"base_model_name_or_path", config.basePath},
            {"r", config.rank},
            {"lora_alpha", config.alpha == std::floor(config.alpha)
                               ? json(static_cast<std::int64_t>(config.alpha))
                               : json(config.alpha)},
            {"lora_dropout", config.dropout},
            {"target_modules", config.targets},
            {"rank_pattern", config.rankPattern.empty() ? json::object() : json(config.rankPattern)},
            {"alpha_pattern", config.alphaPattern.empty() ? json::object() : json(config.alphaPattern)},
            {"use_rslora", config.rsLora},
            {"use_dora", false},
            {"bias", "none"},
            {"fan_in_fan_out", false},
            {"inference_mode", true},
            {"init_lora_weights", true},
            {"modules_to_save", nullptr},
            {"layers_pattern", nullptr},
            {"layers_to_transform", nullptr},
            {"revision", nullptr}};
}

}  // namespace caravan::engine
