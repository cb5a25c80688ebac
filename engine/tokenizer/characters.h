// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace caravan::engine {

// Unicode classes as the tokenizer files mean them.
[[nodiscard]] bool isWhiteSpace(char32_t c);     // property White_Space
[[nodiscard]] bool isNumeric(char32_t c);        // Nd, Nl, No
[[nodiscard]] bool isPunctuation(char32_t c);    // P*, and ASCII symbols
[[nodiscard]] bool isWordCharacter(char32_t c);  // letters, marks, decimal digits, connectors
[[nodiscard]] bool isMark(char32_t c);           // Mn, Mc, Me
[[nodiscard]] bool isUpper(char32_t c);
[[nodiscard]] bool isLower(char32_t c);
[[nodiscard]] std::string lowered(std::string_view text);  // full mapping, without context
[[nodiscard]] std::string uppered(std::string_view text);

// The 256 printable characters that stand for bytes in byte-level vocabularies (GPT-2's table).
[[nodiscard]] char32_t characterOfByte(unsigned char byte);
[[nodiscard]] std::optional<unsigned char> byteOfCharacter(char32_t c);
[[nodiscard]] std::string byteLevelText(std::string_view bytes);
// The bytes that byte-level text stands for; nullopt if a character stands for none.
[[nodiscard]] std::optional<std::string> bytesOfByteLevel(std::string_view text);

// "<0x0A>" <-> 10, the byte pieces of SentencePiece vocabularies.
[[nodiscard]] std::string bytePieceName(unsigned char byte);
[[nodiscard]] std::optional<unsigned char> byteOfPieceName(std::string_view name);

}  // namespace caravan::engine
