// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/normalizer.h"

#include <utf8proc.h>

#include <cstdlib>
#include <new>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/pattern.h"
#include "engine/tokenizer/reference_unicode.h"
#include "engine/tokenizer/tokenizer_fields.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

using Json = nlohmann::json;

bool isAscii(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) >= 0x80) return false;
    return true;
}

std::string formOfPart(const std::string& text, int form) {
    if (isAscii(text)) return text;
    utf8proc_uint8_t* mapped = nullptr;
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                     static_cast<utf8proc_option_t>(form));
    if (length == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
    if (length < 0) return text;
    std::string out(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length));
    std::free(mapped);
    return out;
}

// Characters that the reference's form does not know part the text: nothing moves or joins across them.
std::string unicodeForm(const std::string& text, int form) {
    if (isAscii(text)) return text;
    std::string out, part;
    for (std::string_view rest = text; !rest.empty();) {
        const utf8::Sequence c = utf8::next(rest);
        const bool parts =
            c.kind == utf8::Sequence::Kind::Character && c.length > 1 && reference::isUnknownToForms(c.code);
        if (parts) {
            out += formOfPart(part, form);
            part.clear();
        }
        (parts ? out : part).append(rest.substr(0, c.length));
        rest.remove_prefix(c.length);
    }
    return out + formOfPart(part, form);
}

std::string strip(std::string_view text, bool left, bool right) {
    while (left && !text.empty()) {
        const utf8::Sequence c = utf8::next(text);
        if (!isWhiteSpace(c.code)) break;
        text.remove_prefix(c.length);
    }
    std::size_t end = right ? 0 : text.size();
    for (std::size_t i = 0; right && i < text.size();) {
        const utf8::Sequence c = utf8::next(text.substr(i));
        i += c.length;
        if (!isWhiteSpace(c.code)) end = i;
    }
    return std::string(text.substr(0, end));
}

std::string withoutMarks(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const utf8::Sequence c = utf8::next(text);
        if (isMark(c.code) == reference::differsAsMark(c.code)) out.append(text.substr(0, c.length));
        text.remove_prefix(c.length);
    }
    return out;
}

std::function<std::string(std::string)> formStep(int form) {
    return [form](const std::string& text) { return unicodeForm(text, form | UTF8PROC_STABLE); };
}

}  // namespace

Normalizer Normalizer::fromJson(const Json& json, const std::string& place) {
    Normalizer normalizer;
    if (json.is_null()) return normalizer;
    const TokenizerFields fields(json, place);
    const std::string type = fields.text("type");
    auto& steps = normalizer.m_steps;
    if (type == "Sequence") {
        const Json& list = fields.list("normalizers");
        for (std::size_t i = 0; i < list.size(); ++i) {
            Normalizer part = fromJson(list[i], fields.place("normalizers[" + std::to_string(i) + "]"));
            for (Step& step : part.m_steps)
                steps.push_back(std::move(step));
        }
    } else if (type == "NFC") {
        steps.push_back(formStep(UTF8PROC_COMPOSE));
    } else if (type == "NFD") {
        steps.push_back(formStep(UTF8PROC_DECOMPOSE));
    } else if (type == "NFKC") {
        steps.push_back(formStep(UTF8PROC_COMPOSE | UTF8PROC_COMPAT));
    } else if (type == "NFKD") {
        steps.push_back(formStep(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT));
    } else if (type == "Lowercase") {
        steps.push_back([](const std::string& text) { return lowered(text); });
    } else if (type == "Prepend") {
        steps.push_back([prefix = fields.text("prepend")](std::string text) {
            return text.empty() ? text : prefix + text;
        });
    } else if (type == "Replace") {
        steps.push_back([pattern = Pattern::fromJson(fields.value("pattern"), fields.place("pattern")),
                         with = fields.text("content")](const std::string& text) {
            return pattern.replaced(text, with);
        });
    } else if (type == "Strip") {
        steps.push_back([left = fields.flagOr("strip_left", true),
                         right = fields.flagOr("strip_right", true)](const std::string& text) {
            return strip(text, left, right);
        });
    } else if (type == "StripAccents") {
        steps.push_back([](const std::string& text) { return withoutMarks(text); });
    } else if (type == "ByteLevel") {
        steps.push_back([](const std::string& text) { return byteLevelText(text); });
    } else {
        refuseType(place, type);
    }
    return normalizer;
}

std::string Normalizer::apply(std::string text) const {
    for (const Step& step : m_steps)
        text = step(std::move(text));
    return text;
}

}  // namespace caravan::engine
