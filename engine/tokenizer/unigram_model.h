// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tokenizer/name_matcher.h"
#include "engine/tokenizer/piece_model.h"

namespace caravan::engine {

// The most probable way to lay a word out of pieces, with the rules of tokenizer.json's Unigram model.
class UnigramModel final : public PieceModel {
  public:
    // vocab [["piece", log-probability], ...] by id, unk_id, byte_fallback.
    UnigramModel(const nlohmann::json& json, const std::string& place);

    // O(bytes x longest piece).
    void encode(std::string_view word, std::vector<TokenId>& out) const override;
    [[nodiscard]] const char* kind() const override {
        return m_byteFallback ? "unigram with byte fallback" : "unigram";
    }

  private:
    // The best way to a place in the word: its last piece and the sum of log-probabilities.
    struct Node {
        bool reached = false;
        double score = 0;
        std::size_t begin = 0;
        TokenId id = 0;
    };
    [[nodiscard]] std::vector<Node> bestPath(std::string_view word) const;
    void addPiece(std::string_view text, std::vector<TokenId>& out) const;

    NameMatcher m_pieces;  // value: id
    std::vector<double> m_scores;
    double m_unknownScore = 0;
    bool m_byteFallback = false;
};

}  // namespace caravan::engine
