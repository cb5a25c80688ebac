// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/utf8.h"

#include <algorithm>

namespace caravan::engine::utf8 {
namespace {

struct Lead {
    std::size_t length = 0;  // of the whole character; 0 = no character starts so
    unsigned char secondLow = 0x80, secondHigh = 0xBF;
};

Lead leadOf(unsigned char byte) {
    if (byte >= 0xC2 && byte <= 0xDF) return {2};
    if (byte == 0xE0) return {3, 0xA0, 0xBF};
    if (byte == 0xED) return {3, 0x80, 0x9F};
    if (byte >= 0xE1 && byte <= 0xEF) return {3};
    if (byte == 0xF0) return {4, 0x90, 0xBF};
    if (byte >= 0xF1 && byte <= 0xF3) return {4};
    if (byte == 0xF4) return {4, 0x80, 0x8F};
    return {};
}

template <class OnInvalid>
std::string replaceInvalid(std::string_view bytes, OnInvalid onInvalid) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const Sequence s = next(bytes);
        if (s.kind == Sequence::Kind::Character)
            out.append(bytes.substr(0, s.length));
        else
            onInvalid(out, s.length);
        bytes.remove_prefix(s.length);
    }
    return out;
}

}  // namespace

Sequence next(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (at(0) < 0x80) return {Sequence::Kind::Character, 1, at(0)};
    const Lead lead = leadOf(at(0));
    if (lead.length == 0) return {Sequence::Kind::Invalid, 1, 0};
    char32_t code = at(0) & (0x7Fu >> lead.length);
    for (std::size_t i = 1; i < lead.length; ++i) {
        if (i >= bytes.size()) return {Sequence::Kind::Incomplete, i, 0};
        const unsigned char low = i == 1 ? lead.secondLow : 0x80, high = i == 1 ? lead.secondHigh : 0xBF;
        if (at(i) < low || at(i) > high) return {Sequence::Kind::Invalid, i, 0};
        code = (code << 6) | (at(i) & 0x3Fu);
    }
    return {Sequence::Kind::Character, lead.length, code};
}

std::size_t firstInvalid(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size();) {
        if (static_cast<unsigned char>(bytes[i]) < 0x80) {
            ++i;
            continue;
        }
        const Sequence s = next(bytes.substr(i));
        if (s.kind != Sequence::Kind::Character) return i;
        i += s.length;
    }
    return std::string_view::npos;
}

std::string lossy(std::string_view bytes) {
    if (firstInvalid(bytes) == std::string_view::npos) return std::string(bytes);
    return replaceInvalid(bytes, [](std::string& out, std::size_t) { out.append(kReplacement); });
}

std::string lossyPerByte(std::string_view bytes) {
    return replaceInvalid(bytes, [](std::string& out, std::size_t count) {
        while (count-- > 0)
            out.append(kReplacement);
    });
}

std::size_t unfinishedTail(std::string_view bytes) {
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
        const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
        if (byte < 0x80) return 0;
        if (byte < 0xC0) continue;
        return next(bytes.substr(bytes.size() - back)).kind == Sequence::Kind::Incomplete ? back : 0;
    }
    return 0;
}

void append(std::string& out, char32_t code) {
    const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) return put(code);
    if (code < 0x800) {
        put(0xC0 | (code >> 6));
    } else {
        if (code < 0x10000) {
            put(0xE0 | (code >> 12));
        } else {
            put(0xF0 | (code >> 18));
            put(0x80 | ((code >> 12) & 0x3F));
        }
        put(0x80 | ((code >> 6) & 0x3F));
    }
    put(0x80 | (code & 0x3F));
}

std::size_t countCharacters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace caravan::engine::utf8
