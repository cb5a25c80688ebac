// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/tokenizer/piece_model.h"

namespace caravan::engine {

// Byte pair encoding with the rules of tokenizer.json's BPE model. Immutable after loading.
class BpeModel final : public PieceModel {
  public:
    // vocab {entry: id}, merges ["a b"] or [["a", "b"]].
    BpeModel(const nlohmann::json& json, const std::string& place);

    // O(n log n) in the word's characters.
    void encode(std::string_view word, std::vector<TokenId>& out) const override;
    [[nodiscard]] const char* kind() const override {
        return m_byteFallback ? "BPE with byte fallback" : "byte-level BPE";
    }

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
    void readVocabulary(const nlohmann::json& vocabulary, const std::string& place);
    void readMerges(const nlohmann::json& merges, const std::string& place);
    [[nodiscard]] std::vector<Symbol> symbols(std::string_view word) const;
    void merge(std::vector<Symbol>& symbols) const;
    [[nodiscard]] const Merge* mergeOf(TokenId left, TokenId right) const;

    std::unordered_map<std::uint64_t, Merge> m_merges;  // left << 32 | right
    std::string m_continuingPrefix, m_endSuffix;
    bool m_fuseUnknown = false, m_byteFallback = false, m_ignoreMerges = false;
};

}  // namespace caravan::engine
