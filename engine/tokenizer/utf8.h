// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace caravan::engine::utf8 {

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
inline constexpr std::string_view kMetaspace =
    "\xE2\x96\x81";  // U+2581, a space inside SentencePiece's pieces

// What the bytes at one place are.
struct Sequence {
    enum class Kind { Character, Invalid, Incomplete } kind = Kind::Invalid;
    std::size_t length =
        0;  // bytes: of the character, or of the longest prefix that could have begun one (at least 1)
    char32_t code = 0;  // of a Character
};
// bytes must not be empty. Incomplete: everything up to the end could begin a character.
[[nodiscard]] Sequence next(std::string_view bytes);

// Position of the first byte that is not UTF-8, or npos.
[[nodiscard]] std::size_t firstInvalid(std::string_view bytes);
// Each longest invalid prefix becomes one U+FFFD (the rule of the Unicode standard, and of lossy decoding in
// Rust).
[[nodiscard]] std::string lossy(std::string_view bytes);
// Each invalid byte becomes U+FFFD.
[[nodiscard]] std::string lossyPerByte(std::string_view bytes);
// Bytes at the end that may be the beginning of a character.
[[nodiscard]] std::size_t unfinishedTail(std::string_view bytes);

void append(std::string& out, char32_t code);
[[nodiscard]] std::size_t countCharacters(std::string_view text);  // of valid UTF-8

}  // namespace caravan::engine::utf8
