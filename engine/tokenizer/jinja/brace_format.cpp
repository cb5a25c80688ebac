// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// "{} of {name!r:>8}".format(values), as Python has it.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/tokenizer/jinja/interpreter.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine::jinja {
namespace {

constexpr std::int64_t kMaxWidth = 100'000;

// [[fill]align][sign][#][0][width][,][.precision][type]
struct Spec {
    std::string fill = " ";
    char align = 0, sign = '-', kind = 0, grouping = 0;
    bool alternate = false;
    std::int64_t width = 0, precision = -1;
};

class SpecReader {
  public:
    explicit SpecReader(std::string_view text) : m_rest(text) {}

    Spec run() {
        Spec spec;
        alignment(spec);
        if (const char c = one("+- ")) spec.sign = c;
        spec.alternate = one("#") != 0;
        if (one("0") && spec.align == 0) {
            spec.fill = "0";
            spec.align = '=';
        }
        spec.width = std::max<std::int64_t>(0, number());
        spec.grouping = one(",_");
        if (one(".")) {
            spec.precision = number();
            if (spec.precision < 0) throw Failure("ValueError", "Format specifier missing precision");
        }
        if (m_rest.size() > 1) throw Failure("ValueError", "Invalid format specifier");
        if (!m_rest.empty()) spec.kind = m_rest[0];
        return spec;
    }

  private:
    void alignment(Spec& spec) {
        const std::size_t first = m_rest.empty() ? 0 : utf8::next(m_rest).length;
        const auto isAlign = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
        if (first > 0 && m_rest.size() > first && isAlign(m_rest[first])) {
            spec.fill = m_rest.substr(0, first);
            spec.align = m_rest[first];
            m_rest.remove_prefix(first + 1);
        } else if (!m_rest.empty() && isAlign(m_rest[0])) {
            spec.align = m_rest[0];
            m_rest.remove_prefix(1);
        }
    }
    char one(std::string_view choices) {
        if (m_rest.empty() || choices.find(m_rest[0]) == std::string_view::npos) return 0;
        const char c = m_rest[0];
        m_rest.remove_prefix(1);
        return c;
    }
    std::int64_t number() {  // -1: none
        std::int64_t value = -1;
        while (!m_rest.empty() && m_rest[0] >= '0' && m_rest[0] <= '9') {
            value = std::min(kMaxWidth, std::max<std::int64_t>(value, 0) * 10 + (m_rest[0] - '0'));
            m_rest.remove_prefix(1);
        }
        return value;
    }
    std::string_view m_rest;
};

std::string grouped(std::string digits, char sign) {
    if (sign == 0) return digits;
    const std::size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
    for (std::size_t at = whole; at > 3;) {
        at -= 3;
        digits.insert(at, 1, sign);
    }
    return digits;
}

[[noreturn]] void unknownKind(const Spec& spec, const Value& value) {
    throw Failure("ValueError", fmt::format("Unknown format code '{}' for object of type '{}'", spec.kind,
                                            value.typeName()));
}

std::string wholeDigits(const Spec& spec, const Value& value) {
    const std::int64_t number = *value.integer();
    const auto size =
        number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    switch (spec.kind) {
        case 0:
        case 'd':
        case 'n':
            return grouped(fmt::format("{}", size), spec.grouping);
        case 'x':
            return (spec.alternate ? "0x" : "") + fmt::format("{:x}", size);
        case 'X':
            return (spec.alternate ? "0X" : "") + fmt::format("{:X}", size);
        case 'o':
            return (spec.alternate ? "0o" : "") + fmt::format("{:o}", size);
        case 'b':
            return (spec.alternate ? "0b" : "") + fmt::format("{:b}", size);
        default:
            unknownKind(spec, value);
    }
}

std::string realDigits(const Spec& spec, const Value& value) {
    const double number = std::fabs(*value.number());
    const int precision =
        static_cast<int>(std::min<std::int64_t>(spec.precision < 0 ? 6 : spec.precision, 100));
    switch (spec.kind) {
        case 0:
            return grouped(spec.precision < 0 ? floatText(number) : fmt::format("{:.{}}", number, precision),
                           spec.grouping);
        case 'f':
        case 'F':
            return grouped(fmt::format("{:.{}f}", number, precision), spec.grouping);
        case 'e':
            return fmt::format("{:.{}e}", number, precision);
        case 'E':
            return fmt::format("{:.{}E}", number, precision);
        case 'g':
            return grouped(fmt::format("{:.{}g}", number, std::max(1, precision)), spec.grouping);
        case '%':
            return fmt::format("{:.{}f}%", number * 100, precision);
        default:
            unknownKind(spec, value);
    }
}

// In the middle the smaller half of the fill stands in front, unlike str.center's.
Text aligned(Interpreter& interpreter, const Text& text, const Spec& spec, char usual) {
    const char align = spec.align != 0 ? spec.align : usual;
    const auto length = static_cast<std::int64_t>(utf8::countCharacters(text.bytes()));
    const std::int64_t front =
        align == '^' ? length + std::max<std::int64_t>(0, spec.width - length) / 2 : spec.width;
    const Text out = align == '<' ? text : padded(interpreter, text, front, Text(spec.fill), true, false);
    return align == '>' ? out : padded(interpreter, out, spec.width, Text(spec.fill), false, true);
}

Text number(Interpreter& interpreter, const Spec& spec, const Value& value) {
    const bool real =
        !value.integer() || std::string_view("eEfFgG%").find(spec.kind) != std::string_view::npos;
    const bool negative = value.integer() ? *value.integer() < 0 : std::signbit(*value.number());
    const std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
    const Text digits(spec.kind == 0 || !real || spec.kind != 'n'
                          ? (real ? realDigits(spec, value) : wholeDigits(spec, value))
                          : floatText(std::fabs(*value.number())));
    if (spec.align == '=') {
        Text out(sign);
        out.append(padded(interpreter, digits, spec.width - static_cast<std::int64_t>(sign.size()),
                          Text(spec.fill), true, false));
        return out;
    }
    Text out(sign);
    out.append(digits);
    return aligned(interpreter, out, spec, '>');
}

Text shown(Interpreter& interpreter, const Spec& spec, const Value& value) {
    if (value.isNumber()) return number(interpreter, spec, value);
    if (!value.text())
        typeError(fmt::format("unsupported format string passed to {}.__format__", value.typeName()));
    if (spec.kind != 0 && spec.kind != 's') unknownKind(spec, value);
    Text text = value.toText();
    if (spec.precision >= 0) text = characterRange(text, 0, static_cast<std::size_t>(spec.precision));
    return aligned(interpreter, text, spec, '<');
}

class BraceFormatter {
  public:
    BraceFormatter(Interpreter& interpreter, const Text& pattern, const Arguments& arguments)
        : m_interpreter(interpreter), m_pattern(pattern), m_in(pattern.bytes()), m_arguments(arguments) {}

    Text run() {
        Text out;
        while (m_at < m_in.size()) {
            const char c = m_in[m_at];
            if ((c == '{' || c == '}') && m_at + 1 < m_in.size() && m_in[m_at + 1] == c) {
                out.append(m_pattern.part(m_at, m_at + 1));
                m_at += 2;
            } else if (c == '}') {
                throw Failure("ValueError", "Single '}' encountered in format string");
            } else if (c == '{') {
                ++m_at;
                out.append(field());
            } else {
                const std::size_t end = std::min(m_in.find_first_of("{}", m_at), m_in.size());
                out.append(m_pattern.part(m_at, end));
                m_at = end;
            }
            m_interpreter.chargeText(out.bytes().size());
        }
        return out;
    }

  private:
    Text field() {
        const std::size_t end = m_in.find('}', m_at);
        if (end == std::string_view::npos)
            throw Failure("ValueError", m_at < m_in.size() ? "expected '}' before end of string"
                                                           : "Single '{' encountered in format string");
        const std::string_view all = m_in.substr(m_at, end - m_at);
        m_at = end + 1;
        if (all.find('{') != std::string_view::npos)
            throw Failure("ValueError", "a format inside of a format is not supported");
        const std::size_t colon = std::min(all.find(':'), all.size());
        std::string_view name = all.substr(0, colon);
        char conversion = 0;
        if (const std::size_t mark = name.find('!'); mark != std::string_view::npos) {
            conversion = mark + 1 < name.size() ? name[mark + 1] : '?';
            name = name.substr(0, mark);
        }
        Value value = valueOf(name);
        if (conversion == 'r' || conversion == 'a')
            value = Value(value.repr());
        else if (conversion == 's')
            value = Value(value.toText());
        else if (conversion != 0)
            throw Failure("ValueError", "Unknown conversion specifier");
        if (colon == all.size() || colon + 1 == all.size()) return value.toText();
        return shown(m_interpreter, SpecReader(all.substr(colon + 1)).run(), value);
    }

    // name, 0, "", each with .attribute and [key] behind it.
    Value valueOf(std::string_view name) {
        const std::size_t end = std::min(name.find_first_of(".["), name.size());
        const std::string first(name.substr(0, end));
        const bool digits = first.size() < 6 && first.find_first_not_of("0123456789") == std::string::npos;
        const std::size_t place = first.empty() ? m_automatic++
                                  : digits      ? static_cast<std::size_t>(std::stoul(first))
                                                : m_arguments.positional.size();
        const Value* found = m_arguments.find(place, first);
        if (!found && digits) throw Failure("IndexError", "tuple index out of range");
        if (!found) throw Failure("KeyError", jinja::quotedText(first));
        Value value = *found;
        name.remove_prefix(end);
        while (!name.empty()) {
            const bool key = name[0] == '[';
            const std::size_t stop = std::min(name.find_first_of(key ? "]" : ".[", 1), name.size());
            const std::string part(name.substr(1, stop - 1));
            const bool index = key && !part.empty() && part.size() < 10 &&
                               part.find_first_not_of("0123456789") == std::string::npos;
            value = key ? m_interpreter.item(
                              value, index ? Value(static_cast<std::int64_t>(std::stoll(part))) : Value(part))
                        : m_interpreter.attribute(value, part);
            name.remove_prefix(std::min(name.size(), stop + (key ? 1 : 0)));
        }
        return value;
    }

    Interpreter& m_interpreter;
    const Text& m_pattern;
    std::string_view m_in;
    const Arguments& m_arguments;
    std::size_t m_at = 0, m_automatic = 0;
};

}  // namespace

Text braceFormatted(Interpreter& interpreter, const Text& pattern, const Arguments& arguments) {
    return BraceFormatter(interpreter, pattern, arguments).run();
}

}  // namespace caravan::engine::jinja
