// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// What string methods and filters share.

#include <algorithm>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/jinja/interpreter.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine::jinja {

Text trimmed(const Text& text, const Value& given, bool left, bool right) {
    if (given.isUndefined()) raise(given.undefined());
    if (!given.isNone() && !given.text()) typeError("strip arg must be None or str");
    const std::string* set = given.text() ? &given.text()->bytes() : nullptr;
    const auto goes = [&](std::string_view character) {
        return set ? set->find(character) != std::string::npos
                   : isWhiteSpace(utf8::next(character).code) ||
                         (character[0] >= 0x1C && character[0] <= 0x1F);
    };
    const std::string_view bytes = text.bytes();
    std::size_t begin = 0, end = bytes.size();
    while (left && begin < end) {
        const std::size_t length = utf8::next(bytes.substr(begin)).length;
        if (!goes(bytes.substr(begin, length))) break;
        begin += length;
    }
    while (right && end > begin) {
        std::size_t at = end - 1;
        while (at > begin && (static_cast<unsigned char>(bytes[at]) & 0xC0) == 0x80)
            --at;
        if (!goes(bytes.substr(at, end - at))) break;
        end = at;
    }
    return text.part(begin, end);
}

Text replaced(Interpreter& interpreter, const Text& text, const Text& from, const Text& to,
              std::int64_t count) {
    const std::string& bytes = text.bytes();
    Text out;
    std::size_t done = 0;
    const auto put = [&](std::size_t at, std::size_t length) {
        out.append(text.part(done, at));
        out.append(to);
        done = at + length;
        if (out.bytes().size() > kMaxTextBytes) interpreter.chargeText(out.bytes().size());
    };
    if (from.bytes().empty()) {  // between all characters
        for (std::size_t at = 0; count != 0; --count) {
            put(at, 0);
            if (at >= bytes.size()) break;
            at += utf8::next(std::string_view(bytes).substr(at)).length;
        }
    } else {
        for (std::size_t at = bytes.find(from.bytes()); at != std::string::npos && count != 0;
             at = bytes.find(from.bytes(), done), --count)
            put(at, from.bytes().size());
    }
    out.append(text.part(done, bytes.size()));
    interpreter.chargeText(out.bytes().size());
    return out;
}

// left and right say on which sides fill goes; on both sides as Python's str.center shares it.
Text padded(Interpreter& interpreter, const Text& text, std::int64_t width, const Text& fill, bool left,
            bool right) {
    const auto length = static_cast<std::int64_t>(utf8::countCharacters(text.bytes()));
    if (width <= length) return text;
    interpreter.chargeText(static_cast<std::size_t>(std::min<std::int64_t>(width, 1 << 30)) *
                           std::max<std::size_t>(1, fill.bytes().size()));
    const std::int64_t total = width - length;
    const std::int64_t before = left && right ? total / 2 + (total & width & 1) : left ? total : 0;
    Text out;
    for (std::int64_t i = 0; i < before; ++i)
        out.append(fill);
    out.append(text);
    for (std::int64_t i = before; i < total; ++i)
        out.append(fill);
    return out;
}

Text zeroFilled(Interpreter& interpreter, const Text& text, std::int64_t width) {
    const bool sign =
        !text.bytes().empty() && std::string_view("+- ").find(text.bytes()[0]) != std::string_view::npos;
    Text out = text.part(0, sign ? 1 : 0);
    out.append(padded(interpreter, text.part(sign ? 1 : 0, text.bytes().size()), width - (sign ? 1 : 0),
                      Text("0"), true, false));
    return out;
}

std::vector<Value> splitLines(const Text& text, bool keepEnds) {
    std::vector<Value> lines;
    const std::string_view bytes = text.bytes();
    std::size_t begin = 0;
    for (std::size_t at = 0; at < bytes.size();) {
        const utf8::Sequence c = utf8::next(bytes.substr(at));
        const bool ends = (c.code >= 0x0A && c.code <= 0x0D) || (c.code >= 0x1C && c.code <= 0x1E) ||
                          c.code == 0x85 || c.code == 0x2028 || c.code == 0x2029;
        if (!ends) {
            at += c.length;
            continue;
        }
        const std::size_t end = at;
        at += c.code == '\r' && bytes.substr(at + 1).starts_with('\n') ? 2 : c.length;
        lines.emplace_back(text.part(begin, keepEnds ? at : end));
        begin = at;
    }
    if (begin < bytes.size()) lines.emplace_back(text.part(begin, bytes.size()));
    return lines;
}

}  // namespace caravan::engine::jinja
