// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {

// One entry of tokenizer.json's added_tokens or of tokenizer_config.json's added_tokens_decoder.
struct AddedToken {
    TokenId id = 0;
    std::string content;
    bool singleWord = false;                     // only between non-word characters
    bool leftStrip = false, rightStrip = false;  // takes the white space beside it
    bool normalized = false;                     // looked for in the normalized text, itself normalized
    bool special = false;
    friend bool operator==(const AddedToken&, const AddedToken&) = default;
};

using IdLookup = std::function<std::optional<TokenId>(std::string_view)>;

// bos, eos, pad, unk and the stop list from the files beside a tokenizer. base: what the tokenizer file
// itself says. tokenizer_config.json decides, then special_tokens_map.json, then base, then config.json.
// Throws EngineException.
[[nodiscard]] Tokenizer::Specials readSpecials(const std::filesystem::path& folder, const IdLookup& lookup,
                                               std::size_t vocabulary, const Tokenizer::Specials& base);

// added_tokens_decoder of tokenizer_config.json and added_tokens.json, ascending by id; empty without them.
[[nodiscard]] std::vector<AddedToken> readAddedTokens(const std::filesystem::path& folder);

}  // namespace caravan::engine
