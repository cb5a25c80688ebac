// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/tokenizer/name_matcher.h"
#include "engine/tokenizer/normalizer.h"
#include "engine/tokenizer/special_tokens.h"

namespace caravan::engine {

// A stretch of a text: an added token, or text for the model.
struct AddedSegment {
    std::size_t begin = 0, end = 0;
    std::optional<TokenId> id;
};

// The added tokens of tokenizer.json. Immutable after build(). Tokens that are not `normalized` are looked
// for in the raw text, the others in the normalized text under their own normalized name.
class AddedVocabulary {
  public:
    void build(std::vector<AddedToken> tokens, const Normalizer& normalizer);

    struct Query {
        bool parseSpecials = false;
        std::span<const TextRange> plain = {};  // in the text given
        bool allPlain = false;  // a person wrote part of this text, at a place no longer known
    };
    [[nodiscard]] std::vector<AddedSegment> splitRaw(std::string_view text, const Query& query) const {
        return split(m_raw, text, query);
    }
    [[nodiscard]] std::vector<AddedSegment> splitNormalized(std::string_view text, const Query& query) const {
        return split(m_normalized, text, query);
    }
    [[nodiscard]] const AddedToken* byId(TokenId id) const;
    [[nodiscard]] const std::string* decoded(TokenId id) const;  // nullptr: no added token
    [[nodiscard]] const AddedToken* byName(std::string_view name) const;
    [[nodiscard]] std::size_t idEnd() const;  // one past the largest id
    [[nodiscard]] std::size_t size() const { return m_tokens.size(); }

  private:
    [[nodiscard]] std::vector<AddedSegment> split(const NameMatcher& names, std::string_view text,
                                                  const Query& query) const;
    std::vector<AddedToken> m_tokens;
    std::vector<std::string> m_shown;  // what decoding gives for each: normalized as it is looked for
    std::unordered_map<TokenId, std::size_t> m_byId;
    NameMatcher m_raw, m_normalized;  // -> index into m_tokens
};

}  // namespace caravan::engine
