// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/characters.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <charconv>

#include "engine/tokenizer/reference_unicode.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

utf8proc_category_t category(char32_t c) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

struct ByteTable {
    std::array<char32_t, 256> characters{};
    std::array<int, 512> bytes{};
    ByteTable() {
        bytes.fill(-1);
        char32_t next = 256;
        for (unsigned b = 0; b < 256; ++b) {
            const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            characters[b] = printable ? b : next++;
            bytes[characters[b]] = static_cast<int>(b);
        }
    }
};

const ByteTable& byteTable() {
    static const ByteTable table;
    return table;
}

template <class Map>
std::string mapped(std::string_view text, Map map) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const utf8::Sequence c = utf8::next(text);
        if (c.kind == utf8::Sequence::Kind::Character)
            map(out, c.code);
        else
            out.append(text.substr(0, c.length));
        text.remove_prefix(c.length);
    }
    return out;
}

}  // namespace

bool isWhiteSpace(char32_t c) {
    if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool isNumeric(char32_t c) {
    const auto k = category(c);
    return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO ||
           reference::isNewerNumber(c);
}

bool isPunctuation(char32_t c) {
    if (c < 0x80)
        return (c >= 0x21 && c <= 0x2F) || (c >= 0x3A && c <= 0x40) || (c >= 0x5B && c <= 0x60) ||
               (c >= 0x7B && c <= 0x7E);
    const auto k = category(c);
    return (k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO) != reference::differsAsPunctuation(c);
}

bool isWordCharacter(char32_t c) {
    const auto k = category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME) || k == UTF8PROC_CATEGORY_ND ||
           k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_PC;
}

bool isMark(char32_t c) {
    const auto k = category(c);
    return k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME;
}
bool isUpper(char32_t c) {
    return utf8proc_isupper(static_cast<utf8proc_int32_t>(c)) != 0;
}
bool isLower(char32_t c) {
    return utf8proc_islower(static_cast<utf8proc_int32_t>(c)) != 0;
}

std::string lowered(std::string_view text) {
    return mapped(text, [](std::string& out, char32_t c) {
        if (c == 0x130)
            out += "i\xCC\x87";  // the one letter whose small form is two characters
        else
            utf8::append(out, reference::newerSmallLetter(c).value_or(
                                  static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)))));
    });
}

std::string uppered(std::string_view text) {
    return mapped(text, [](std::string& out, char32_t c) {
        if (c == 0xDF)
            out += "SS";
        else
            utf8::append(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
    });
}

char32_t characterOfByte(unsigned char byte) {
    return byteTable().characters[byte];
}

std::optional<unsigned char> byteOfCharacter(char32_t c) {
    if (c >= byteTable().bytes.size() || byteTable().bytes[c] < 0) return std::nullopt;
    return static_cast<unsigned char>(byteTable().bytes[c]);
}

std::string byteLevelText(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char byte : bytes)
        utf8::append(out, characterOfByte(static_cast<unsigned char>(byte)));
    return out;
}

std::optional<std::string> bytesOfByteLevel(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const utf8::Sequence c = utf8::next(text);
        const auto byte = byteOfCharacter(c.code);
        if (c.kind != utf8::Sequence::Kind::Character || !byte) return std::nullopt;
        out.push_back(static_cast<char>(*byte));
        text.remove_prefix(c.length);
    }
    return out;
}

std::string bytePieceName(unsigned char byte) {
    return fmt::format("<0x{:02X}>", byte);
}

std::optional<unsigned char> byteOfPieceName(std::string_view name) {
    if (name.size() != 6 || !name.starts_with("<0x") || name.back() != '>') return std::nullopt;
    unsigned char value = 0;
    const auto [end, error] = std::from_chars(name.data() + 3, name.data() + 5, value, 16);
    return error == std::errc{} && end == name.data() + 5 ? std::optional(value) : std::nullopt;
}

}  // namespace caravan::engine
