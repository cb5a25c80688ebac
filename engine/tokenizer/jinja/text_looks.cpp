// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/jinja/text_looks.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine::jinja {

bool isCased(char32_t c) {
    return isUpper(c) || isLower(c);
}

std::string caseFolded(const std::string& text) {
    utf8proc_uint8_t* made = nullptr;
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &made, UTF8PROC_CASEFOLD);
    if (length < 0) return lowered(text);
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> held(made, &std::free);
    return std::string(reinterpret_cast<const char*>(made), static_cast<std::size_t>(length));
}

bool isTitle(const Text& text) {
    bool inWord = false, any = false;
    for (const Text& character : characters(text)) {
        const char32_t c = utf8::next(character.bytes()).code;
        if ((isUpper(c) && inWord) || (isLower(c) && !inWord)) return false;
        inWord = isCased(c);
        any = any || inWord;
    }
    return any;
}

bool isIdentifier(const Text& text) {
    const std::vector<Text> all = characters(text);
    const auto code = [](const Text& c) { return utf8::next(c.bytes()).code; };
    return !all.empty() && !isNumeric(code(all[0])) &&
           std::all_of(all.begin(), all.end(), [&](const Text& c) { return isWordCharacter(code(c)); });
}

Text tabsExpanded(Interpreter& interpreter, const Text& text, std::int64_t size) {
    Text out;
    std::int64_t column = 0;
    for (const Text& character : characters(text)) {
        const char c = character.bytes()[0];
        if (c == '\t') {
            const std::int64_t width = size > 0 ? size - column % size : 0;
            out.append(padded(interpreter, Text(), width, Text(" "), true, false));
            column += width;
        } else {
            out.append(character);
            column = c == '\n' || c == '\r' ? 0 : column + 1;
        }
        if (out.bytes().size() > kMaxTextBytes) interpreter.chargeText(out.bytes().size());
    }
    return out;
}

}  // namespace caravan::engine::jinja
