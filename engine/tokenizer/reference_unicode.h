// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

// The tokenizers library mixes the tables of several Unicode versions: 16 in patterns, older ones for forms,
// marks and punctuation. What differs from the tables of PCRE2 (14) and utf8proc (15) stands here.
namespace caravan::engine::reference {

// The text with a character of the same class and length for each one that patterns know since Unicode 15
// or 16, so that places stay; nothing if there is none.
[[nodiscard]] std::optional<std::string> withStandIns(std::string_view text);

[[nodiscard]] bool differsAsPunctuation(char32_t c);  // the other answer than utf8proc's category
[[nodiscard]] bool differsAsMark(char32_t c);         // the same
[[nodiscard]] bool isNewerNumber(char32_t c);
[[nodiscard]] bool isUnknownToForms(char32_t c);  // NFC and the others leave it and its place alone
[[nodiscard]] std::optional<char32_t> newerSmallLetter(char32_t c);

}  // namespace caravan::engine::reference
