// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/api/model_config.h"

// Shared by the JSON of the api's values. Reading throws nlohmann's exceptions on a wrong type; absent keys
// keep defaults.
namespace caravan::engine::jsonvalues {

// Words of enumerations, in the order of their values.
template <class E>
struct Words;
#define CARAVAN_WORDS(E, ...)                                \
    template <>                                              \
    struct Words<E> {                                        \
        static constexpr const char* kAll[] = {__VA_ARGS__}; \
    }
CARAVAN_WORDS(DType, "float32", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "float64", "bool");
CARAVAN_WORDS(Architecture, "llama", "mistral", "qwen2", "qwen3");
CARAVAN_WORDS(RopeKind, "default", "linear", "llama3");
CARAVAN_WORDS(AdapterKeyStyle, "camelidae", "sparsetral");
CARAVAN_WORDS(Quantization, "none", "nf4");
CARAVAN_WORDS(UpcycleMethod, "none", "pesc");
CARAVAN_WORDS(Schedule, "constant", "linear", "cosine");
CARAVAN_WORDS(OptimizerKind, "adamw", "adamw_8bit");
CARAVAN_WORDS(TrainedValues, "fp32", "bf16");
CARAVAN_WORDS(BalanceScope, "micro", "batch");
CARAVAN_WORDS(Recompute, "none", "rows", "gate_up", "all");
CARAVAN_WORDS(Dequantization, "stream", "cache", "fp8");
CARAVAN_WORDS(Repeatability, "exact", "fast");
CARAVAN_WORDS(StepGraph, "auto", "off");
CARAVAN_WORDS(Keeping, "newest", "best");
CARAVAN_WORDS(Compute, "auto", "fp32", "bf16");
CARAVAN_WORDS(Packing, "packed", "padded");
CARAVAN_WORDS(FileFormat, "auto", "jsonl", "json", "csv", "tsv", "text");
CARAVAN_WORDS(RowShape, "auto", "pesc", "alpaca", "sharegpt", "messages", "completion");
CARAVAN_WORDS(LongRows, "cut", "turns", "drop");
#undef CARAVAN_WORDS

template <class E>
const char* wordOf(E value) {
    return Words<E>::kAll[static_cast<std::size_t>(value)];
}
template <class E>
std::optional<E> fromWord(std::string_view word) {
    std::size_t index = 0;
    for (const char* known : Words<E>::kAll) {
        if (word == known) return static_cast<E>(index);
        ++index;
    }
    return std::nullopt;
}

// Not-a-number and infinities are null in JSON text; reading null gives not-a-number back.
[[nodiscard]] nlohmann::json number(double value);
[[nodiscard]] double numberOf(const nlohmann::json& json);
// The shortest decimal that reads back as the same float.
[[nodiscard]] nlohmann::json shortFloat(float value);
[[nodiscard]] nlohmann::json floats(const std::vector<float>& values);
[[nodiscard]] std::vector<float> floatsOf(const nlohmann::json& json);  // list, or typed byte string
[[nodiscard]] nlohmann::json floatRows(const std::vector<std::vector<float>>& rows);
[[nodiscard]] std::vector<std::vector<float>> floatRowsOf(const nlohmann::json& json);
[[nodiscard]] nlohmann::json doubles(const std::vector<double>& values);
[[nodiscard]] std::vector<double> doublesOf(const nlohmann::json& json);

// Reads key into out if it is there and not null.
template <class T>
void read(const nlohmann::json& json, const char* key, T& out) {
    const auto found = json.find(key);
    if (found != json.end() && !found->is_null()) found->get_to(out);
}
void read(const nlohmann::json& json, const char* key, double& out);
void read(const nlohmann::json& json, const char* key, std::vector<float>& out);
void read(const nlohmann::json& json, const char* key, std::vector<double>& out);
void read(const nlohmann::json& json, const char* key, std::vector<std::vector<float>>& out);
template <class T>
void read(const nlohmann::json& json, const char* key, std::optional<T>& out) {
    const auto found = json.find(key);
    out.reset();
    if (found != json.end() && !found->is_null()) out = found->get<T>();
}
template <class E>
void readWord(const nlohmann::json& json, const char* key, E& out) {
    std::string word;
    read(json, key, word);
    if (word.empty()) return;
    const auto value = fromWord<E>(word);
    if (!value) throw nlohmann::json::other_error::create(501, "no value \"" + word + "\" for " + key, &json);
    out = *value;
}
template <class T>
nlohmann::json orNull(const std::optional<T>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

// {domain: loss} keeps no order: the names stand beside it.
using NamedLosses = std::vector<std::pair<std::string, double>>;
void putLosses(nlohmann::json& json, const NamedLosses& losses);  // keys heldout_loss, domains
[[nodiscard]] NamedLosses lossesOf(const nlohmann::json& json);

}  // namespace caravan::engine::jsonvalues
