// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/special_tokens.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/formats/bounded_json.h"

namespace caravan::engine {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// null without the file; a file that is there must be a JSON object.
Json readObject(const fs::path& file) {
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) return nullptr;
    Json json = unwrap(readJsonFile(file, {.bytes = 64u << 20}));
    if (!json.is_object())
        throw EngineException(
            ErrorCode::FileBad,
            {{"file", file.string()}, {"place", "line 1"}, {"detail", "not a JSON object"}});
    return json;
}

// "<s>" or {"content": "<s>", ...}.
std::optional<std::string> nameIn(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_object() && value.contains("content") && value["content"].is_string())
        return value["content"].get<std::string>();
    return std::nullopt;
}

std::vector<TokenId> idsIn(const Json& object, const char* key, std::size_t vocabulary) {
    std::vector<TokenId> ids;
    if (!object.is_object() || !object.contains(key)) return ids;
    const auto take = [&](const Json& value) {
        if (!value.is_number_integer() || value < 0 || value >= vocabulary) return;
        ids.push_back(value.get<TokenId>());
    };
    const Json& value = object[key];
    if (value.is_array())
        for (const Json& entry : value)
            take(entry);
    else
        take(value);
    return ids;
}

struct Files {
    Json tokenizerConfig, specialsMap, config, generation;
};

// The token of one role; what the tokenizer's own files say (null counts as "none") goes before the model's
// config.
std::optional<TokenId> resolve(const Files& files, const char* role, const IdLookup& lookup,
                               std::size_t vocabulary, std::optional<TokenId> base) {
    const std::string nameKey = std::string(role) + "_token", idKey = nameKey + "_id";
    for (const Json* file : {&files.tokenizerConfig, &files.specialsMap}) {
        if (!file->is_object() || !file->contains(nameKey)) continue;
        const std::optional<std::string> name = nameIn((*file)[nameKey]);
        if (!name) return std::nullopt;
        if (const auto id = lookup(*name)) return id;
    }
    if (base) return base;
    for (const Json* file : {&files.config, &files.generation})
        if (const auto ids = idsIn(*file, idKey.c_str(), vocabulary); !ids.empty()) return ids.front();
    return std::nullopt;
}

// A tokenizer file that stands alone names its tokens only by what they are usually called.
std::optional<TokenId> usualEos(const IdLookup& lookup) {
    for (const char* name : {"</s>", "<|end_of_text|>", "<|endoftext|>", "<|eot_id|>", "<|im_end|>", "<eos>"})
        if (const auto id = lookup(name)) return id;
    return std::nullopt;
}

AddedToken addedToken(TokenId id, const Json& json) {
    const auto flag = [&](const char* key) {
        return json.contains(key) && json[key].is_boolean() && json[key].get<bool>();
    };
    return {id,
            json["content"].get<std::string>(),
            flag("single_word"),
            flag("lstrip"),
            flag("rstrip"),
            flag("normalized"),
            flag("special")};
}

std::optional<TokenId> idFromText(const std::string& text) {
    TokenId id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    return error == std::errc{} && end == text.data() + text.size() && id >= 0 ? std::optional(id)
                                                                               : std::nullopt;
}

}  // namespace

Tokenizer::Specials readSpecials(const fs::path& folder, const IdLookup& lookup, std::size_t vocabulary,
                                 const Tokenizer::Specials& base) {
    const Files files{readObject(folder / "tokenizer_config.json"),
                      readObject(folder / "special_tokens_map.json"), readObject(folder / "config.json"),
                      readObject(folder / "generation_config.json")};
    Tokenizer::Specials specials = base;
    specials.bos = resolve(files, "bos", lookup, vocabulary, base.bos);
    specials.eos = resolve(files, "eos", lookup, vocabulary, base.eos);
    if (!specials.eos && !files.tokenizerConfig.is_object()) specials.eos = usualEos(lookup);
    specials.pad = resolve(files, "pad", lookup, vocabulary, base.pad);
    specials.unk = base.unk;
    if (files.tokenizerConfig.is_object() && files.tokenizerConfig.contains("add_bos_token") &&
        files.tokenizerConfig["add_bos_token"].is_boolean())
        specials.addsBos = files.tokenizerConfig["add_bos_token"].get<bool>();
    if (!specials.bos) specials.addsBos = false;
    specials.stops = idsIn(files.generation, "eos_token_id", vocabulary);
    if (specials.stops.empty()) specials.stops = idsIn(files.config, "eos_token_id", vocabulary);
    if (specials.eos) specials.stops.push_back(*specials.eos);
    std::vector<TokenId> unique;
    for (const TokenId id : specials.stops)
        if (std::find(unique.begin(), unique.end(), id) == unique.end()) unique.push_back(id);
    specials.stops = std::move(unique);
    return specials;
}

std::vector<AddedToken> readAddedTokens(const fs::path& folder) {
    std::vector<AddedToken> tokens;
    const Json config = readObject(folder / "tokenizer_config.json");
    if (config.is_object() && config.contains("added_tokens_decoder") &&
        config["added_tokens_decoder"].is_object())
        for (const auto& [key, value] : config["added_tokens_decoder"].items())
            if (const auto id = idFromText(key); id && value.is_object() && nameIn(value))
                tokens.push_back(addedToken(*id, value));
    const Json added = readObject(folder / "added_tokens.json");
    if (added.is_object())
        for (const auto& [name, value] : added.items()) {
            const bool known = std::any_of(tokens.begin(), tokens.end(),
                                           [&, &n = name](const AddedToken& t) { return t.content == n; });
            if (!known && value.is_number_integer() && value >= 0 && value < (1 << 28))
                tokens.push_back({.id = value.get<TokenId>(), .content = name, .normalized = true});
        }
    std::stable_sort(tokens.begin(), tokens.end(),
                     [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
    return tokens;
}

}  // namespace caravan::engine
