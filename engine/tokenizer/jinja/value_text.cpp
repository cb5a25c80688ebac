// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Values as text: Python's str and repr, and JSON.

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/tokenizer/jinja/value.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine::jinja {
namespace {

constexpr int kMaxDepth = 60;
constexpr std::size_t kMaxReprBytes = 4u << 20;

bool printable(char32_t c) {
    if (c < 0x7F) return c >= 0x20;
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
        case UTF8PROC_CATEGORY_CN:
        case UTF8PROC_CATEGORY_CC:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_CS:
        case UTF8PROC_CATEGORY_CO:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
        case UTF8PROC_CATEGORY_ZS:
            return false;
        default:
            return true;
    }
}

std::string escapedCharacter(char32_t c) {
    const auto code = static_cast<std::uint32_t>(c);
    if (c == '\n') return "\\n";
    if (c == '\r') return "\\r";
    if (c == '\t') return "\\t";
    if (c < 0x100) return fmt::format("\\x{:02x}", code);
    return c < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
}

std::string reprOf(const Value& value, int depth);

void appendLimited(std::string& out, const std::string& part) {
    if (out.size() + part.size() > kMaxReprBytes)
        throw Failure("MemoryError", "the text of a value is longer than 4 MiB");
    out += part;
}

std::string joinedReprs(const std::vector<Value>& items, int depth) {
    std::string out;
    for (std::size_t i = 0; i < items.size(); ++i)
        appendLimited(out, (i > 0 ? ", " : "") + reprOf(items[i], depth));
    return out;
}

std::string reprOf(const Sequence& sequence, int depth) {
    const std::string items = joinedReprs(sequence.items, depth + 1);
    switch (sequence.kind) {
        case SequenceKind::List:
            return "[" + items + "]";
        case SequenceKind::Tuple:
            return "(" + items + (sequence.items.size() == 1 ? ",)" : ")");
        case SequenceKind::Items:
            return "dict_items([" + items + "])";
        case SequenceKind::Keys:
            return "dict_keys([" + items + "])";
        case SequenceKind::Values:
            return "dict_values([" + items + "])";
        case SequenceKind::Generator:
            break;
    }
    return "<generator object>";
}

std::string reprOf(const Mapping& mapping, int depth) {
    if (mapping.kind == MappingKind::Loop) {
        const Value *index = mapping.find(std::string_view("index")),
                    *length = mapping.find(std::string_view("length"));
        return "<LoopContext " + (index ? index->repr() : "") + "/" + (length ? length->repr() : "") + ">";
    }
    std::string out;
    for (const auto& [key, value] : mapping.entries)
        appendLimited(out,
                      (out.empty() ? "" : ", ") + reprOf(key, depth + 1) + ": " + reprOf(value, depth + 1));
    return mapping.kind == MappingKind::Namespace ? "<Namespace {" + out + "}>" : "{" + out + "}";
}

std::string reprOf(const Value& value, int depth) {
    if (depth > kMaxDepth) throw Failure("RecursionError", "values are nested too deeply");
    if (value.isUndefined()) return "Undefined";
    if (value.isNone()) return "None";
    if (const auto* flag = value.as<bool>()) return *flag ? "True" : "False";
    if (const auto* whole = value.as<std::int64_t>()) return std::to_string(*whole);
    if (const auto* real = value.as<double>()) return floatText(*real);
    if (value.text()) return quotedText(value.text()->bytes());
    if (value.sequence()) return reprOf(*value.sequence(), depth);
    if (value.mapping()) return reprOf(*value.mapping(), depth);
    return "<function " + value.callable()->name + ">";
}

// Writes JSON as Python's json.dumps does.
class JsonWriter {
  public:
    explicit JsonWriter(const JsonStyle& style) : m_style(style) {
        m_separator = !style.itemSeparator.empty() ? style.itemSeparator : style.indent ? "," : ", ";
    }
    std::string write(const Value& value) {
        put(value, 0);
        return std::move(m_out);
    }

  private:
    void put(const Value& value, int depth) {
        if (depth > kMaxDepth) throw Failure("RecursionError", "values are nested too deeply");
        if (m_out.size() > kMaxTextBytes) throw Failure("MemoryError", "a text is longer than 16 MiB");
        if (value.isNone())
            m_out += "null";
        else if (const auto* flag = value.as<bool>())
            m_out += *flag ? "true" : "false";
        else if (const auto* real = value.as<double>())
            m_out += number(*real);
        else if (value.isNumber())
            m_out += value.repr();
        else if (value.text())
            string(value.text()->bytes());
        else if (value.sequence() && value.sequence()->kind <= SequenceKind::Tuple)
            list(*value.sequence(), depth);
        else if (value.mapping() && value.mapping()->kind == MappingKind::Dictionary)
            object(*value.mapping(), depth);
        else
            typeError(fmt::format("Object of type {} is not JSON serializable", value.typeName()));
    }

    static std::string number(double real) {
        if (std::isnan(real)) return "NaN";
        if (std::isinf(real)) return real > 0 ? "Infinity" : "-Infinity";
        return floatText(real);
    }

    void string(std::string_view text) {
        m_out += '"';
        while (!text.empty()) {
            const utf8::Sequence c = utf8::next(text);
            character(c.code, text.substr(0, c.length));
            text.remove_prefix(c.length);
        }
        m_out += '"';
    }

    void character(char32_t c, std::string_view bytes) {
        static constexpr std::string_view kShort = "\"\\\b\f\n\r\t", kNames = "\"\\bfnrt";
        const std::size_t at = c < 0x80 ? kShort.find(static_cast<char>(c)) : std::string_view::npos;
        if (at != std::string_view::npos) {
            m_out += '\\';
            m_out += kNames[at];
        } else if (c < 0x20 || (m_style.ensureAscii && c > 0x7E && c < 0x10000)) {
            m_out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
        } else if (m_style.ensureAscii && c >= 0x10000) {
            const auto offset = static_cast<std::uint32_t>(c) - 0x10000;
            m_out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (offset >> 10), 0xDC00 + (offset & 0x3FF));
        } else {
            m_out += bytes;
        }
    }

    void newLine(int depth) {
        if (!m_style.indent) return;
        m_out += '\n';
        for (int i = 0; i < depth; ++i)
            m_out += *m_style.indent;
    }

    void list(const Sequence& sequence, int depth) {
        m_out += '[';
        for (std::size_t i = 0; i < sequence.items.size(); ++i) {
            if (i > 0) m_out += m_separator;
            newLine(depth + 1);
            put(sequence.items[i], depth + 1);
        }
        if (!sequence.items.empty()) newLine(depth);
        m_out += ']';
    }

    void object(const Mapping& mapping, int depth) {
        std::vector<const std::pair<Value, Value>*> entries;
        for (const auto& entry : mapping.entries)
            entries.push_back(&entry);
        if (m_style.sortKeys)
            std::stable_sort(entries.begin(), entries.end(),
                             [](const auto* a, const auto* b) { return a->first.lessThan(b->first); });
        m_out += '{';
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (i > 0) m_out += m_separator;
            newLine(depth + 1);
            key(entries[i]->first);
            m_out += m_style.keySeparator;
            put(entries[i]->second, depth + 1);
        }
        if (!entries.empty()) newLine(depth);
        m_out += '}';
    }

    void key(const Value& value) {
        if (value.text()) return string(value.text()->bytes());
        if (!value.isNumber() && !value.isNone())
            typeError(fmt::format("keys must be str, int, float, bool or None, not {}", value.typeName()));
        m_out += '"';
        put(value, 0);
        m_out += '"';
    }

    const JsonStyle& m_style;
    std::string m_separator, m_out;
};

}  // namespace

std::string floatText(double number) {
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
    char buffer[64];
    const double size = std::fabs(number);
    const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number,
                                            plain ? std::chars_format::fixed : std::chars_format::scientific);
    std::string text(buffer, end);
    if (plain && text.find('.') == std::string::npos) text += ".0";
    return text;
}

std::string quotedText(std::string_view text) {
    const bool single = text.find('\'') == std::string_view::npos || text.find('"') != std::string_view::npos;
    const char quote = single ? '\'' : '"';
    std::string out(1, quote);
    while (!text.empty()) {
        const utf8::Sequence c = utf8::next(text);
        if (c.code == static_cast<char32_t>(quote) || c.code == '\\') out += '\\';
        if (printable(c.code))
            out += text.substr(0, c.length);
        else
            out += escapedCharacter(c.code);
        text.remove_prefix(c.length);
    }
    return out + quote;
}

std::string Value::repr() const {
    return reprOf(*this, 0);
}

Text Value::toText() const {
    if (text()) return *text();
    if (isUndefined()) return {};
    std::string bytes = repr();
    return isNumber() || isNone() ? Text(std::move(bytes)) : Text::written(std::move(bytes));
}

std::string toJsonText(const Value& value, const JsonStyle& style) {
    return JsonWriter(style).write(value);
}

}  // namespace caravan::engine::jinja
