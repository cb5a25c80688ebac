// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/api/ids.h"

namespace caravan::engine {

// Byte pair encoding with the rules of tokenizer.json's BPE model. Immutable after loading.
class BpeModel {
  public:
    // model of tokenizer.json: vocab {entry: id}, merges ["a b"] or [["a", "b"]]. Throws EngineException
    // (FileBad with the key).
    [[nodiscard]] static BpeModel fromJson(const nlohmann::json& json, const std::string& place);

    // Ids of one word, appended. O(n log n) in its characters.
    void encode(std::string_view word, std::vector<TokenId>& out) const;
    [[nodiscard]] std::optional<TokenId> idOf(std::string_view entry) const;
    [[nodiscard]] const std::string* entry(TokenId id) const;            // nullptr: no such id
    [[nodiscard]] std::size_t size() const { return m_entries.size(); }  // ids are below it
    [[nodiscard]] std::size_t entryCount() const { return m_ids.size(); }
    [[nodiscard]] std::optional<TokenId> unknownId() const { return m_unknown; }
    [[nodiscard]] bool byteFallback() const { return m_byteFallback; }

  private:
    struct Merge {
        std::uint32_t rank = 0;
        TokenId result = 0;
    };
    struct Symbol {
        TokenId id = 0;
        std::int32_t previous = -1, next = -1;
        bool alive = true;
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    void readVocabulary(const nlohmann::json& vocabulary, const std::string& place);
    void readMerges(const nlohmann::json& merges, const std::string& place);
    [[nodiscard]] std::vector<Symbol> symbols(std::string_view word) const;
    [[nodiscard]] bool addBytes(std::string_view character, std::vector<Symbol>& out) const;
    void merge(std::vector<Symbol>& symbols) const;
    [[nodiscard]] const Merge* mergeOf(TokenId left, TokenId right) const;

    std::unordered_map<std::string, TokenId, TextHash, std::equal_to<>> m_ids;
    std::vector<std::string> m_entries;  // by id; empty where an id is not used
    std::vector<bool> m_used;
    std::unordered_map<std::uint64_t, Merge> m_merges;  // left << 32 | right
    std::optional<TokenId> m_unknown;
    std::string m_continuingPrefix, m_endSuffix;
    bool m_fuseUnknown = false, m_byteFallback = false, m_ignoreMerges = false;
};

}  // namespace caravan::engine
