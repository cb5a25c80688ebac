// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// "%s of %d" % values.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/tokenizer/jinja/interpreter.h"

namespace caravan::engine::jinja {
namespace {

struct Spec {
    bool left = false, zero = false, plus = false, space = false, alternate = false;
    std::int64_t width = 0, precision = -1;
    char kind = 's';
};

class Formatter {
  public:
    Formatter(Interpreter& interpreter, const Text& pattern, const Value& values)
        : m_interpreter(interpreter), m_pattern(pattern), m_in(pattern.bytes()) {
        if (values.sequence() && values.sequence()->kind == SequenceKind::Tuple)
            m_values = values.sequence()->items;
        else
            m_values = {values};
        m_single = values;
    }

    Text run() {
        Text out;
        while (m_at < m_in.size()) {
            const std::size_t sign = std::min(m_in.find('%', m_at), m_in.size());
            out.append(m_pattern.part(m_at, sign));
            m_at = sign + 1;
            if (sign < m_in.size()) out.append(conversion());
            m_interpreter.chargeText(out.bytes().size());
        }
        if (m_next < m_values.size() && !m_named && !m_single.mapping())
            typeError("not all arguments converted during string formatting");
        return out;
    }

  private:
    [[nodiscard]] char peek() const {
        if (m_at >= m_in.size()) throw Failure("ValueError", "incomplete format");
        return m_in[m_at];
    }
    Value next() {
        if (m_next >= m_values.size()) typeError("not enough arguments for format string");
        return m_values[m_next++];
    }
    std::int64_t number() {
        std::int64_t value = 0;
        if (peek() == '*') {
            ++m_at;
            return next().integer().value_or(0);
        }
        for (; m_at < m_in.size() && m_in[m_at] >= '0' && m_in[m_at] <= '9'; ++m_at)
            value = std::min<std::int64_t>(value * 10 + (m_in[m_at] - '0'), std::int64_t{1} << 40);
        return value;
    }

    Text conversion() {
        std::optional<Value> named;
        if (peek() == '(') {
            const std::size_t end = m_in.find(')', m_at);
            if (end == std::string_view::npos || !m_single.mapping()) typeError("format requires a mapping");
            named = m_interpreter.item(m_single, Value(std::string(m_in.substr(m_at + 1, end - m_at - 1))));
            m_named = true;
            m_at = end + 1;
        }
        Spec spec;
        for (; std::string_view("-0+ #").find(peek()) != std::string_view::npos; ++m_at) {
            spec.left |= peek() == '-';
            spec.zero |= peek() == '0';
            spec.plus |= peek() == '+';
            spec.space |= peek() == ' ';
            spec.alternate |= peek() == '#';
        }
        spec.width = number();
        if (peek() == '.') {
            ++m_at;
            spec.precision = number();
        }
        spec.kind = peek();
        ++m_at;
        if (spec.kind == '%') return Text("%");
        const Value value = named ? *named : next();
        return wide(converted(spec, value), spec);
    }

    Text wide(const Text& text, const Spec& spec) {
        const bool zeros =
            spec.zero && !spec.left && std::string_view("sra").find(spec.kind) == std::string_view::npos;
        if (zeros) {  // between what stands in front of the digits and them
            const bool prefix =
                spec.alternate && std::string_view("xXo").find(spec.kind) != std::string_view::npos;
            const std::size_t sign = text.bytes().find_first_of("0123456789"),
                              lead = std::min(text.bytes().size(),
                                              (sign == std::string::npos ? 0 : sign) + (prefix ? 2 : 0));
            Text out = text.part(0, lead);
            out.append(padded(m_interpreter, text.part(lead, text.bytes().size()),
                              spec.width - static_cast<std::int64_t>(lead), Text("0"), true, false));
            return out;
        }
        return padded(m_interpreter, text, spec.width, Text(" "), !spec.left, spec.left);
    }

    Text converted(const Spec& spec, const Value& value) {
        switch (spec.kind) {
            case 's':
            case 'r':
            case 'a': {
                Text text = spec.kind == 's' ? value.toText() : Text(value.repr());
                return spec.precision < 0 ? text
                                          : characterRange(text, 0, static_cast<std::size_t>(spec.precision));
            }
            case 'd':
            case 'i':
            case 'u':
            case 'x':
            case 'X':
            case 'o':
                return whole(spec, value);
            case 'e':
            case 'E':
            case 'f':
            case 'F':
            case 'g':
            case 'G':
                return real(spec, value);
            case 'c':
                return value.toText();
            default:
                throw Failure("ValueError", fmt::format("unsupported format character '{}'", spec.kind));
        }
    }

    static std::string signOf(const Spec& spec, bool negative) {
        return negative ? "-" : spec.plus ? "+" : spec.space ? " " : "";
    }

    static Text whole(const Spec& spec, const Value& value) {
        if (!value.number())
            typeError(
                fmt::format("%{} format: a real number is required, not {}", spec.kind, value.typeName()));
        const std::int64_t number =
            value.integer() ? *value.integer() : static_cast<std::int64_t>(*value.number());
        const auto size =
            number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
        std::string digits = spec.kind == 'x'   ? fmt::format("{:x}", size)
                             : spec.kind == 'X' ? fmt::format("{:X}", size)
                             : spec.kind == 'o' ? fmt::format("{:o}", size)
                                                : fmt::format("{}", size);
        const std::string prefix = spec.alternate && spec.kind == 'o' ? "0o"
                                   : spec.alternate && (spec.kind == 'x' || spec.kind == 'X')
                                       ? std::string("0") + spec.kind
                                       : "";
        return Text(signOf(spec, number < 0) + prefix + digits);
    }

    static Text real(const Spec& spec, const Value& value) {
        if (!value.number()) typeError(fmt::format("must be real number, not {}", value.typeName()));
        const double number = *value.number();
        const char pattern[] = {'%', '.', '*', spec.kind, 0};
        char buffer[512];
        const int precision =
            static_cast<int>(std::min<std::int64_t>(spec.precision < 0 ? 6 : spec.precision, 100));
        const int length = std::snprintf(buffer, sizeof buffer, pattern, precision, std::fabs(number));
        return Text(signOf(spec, std::signbit(number)) +
                    std::string(buffer, static_cast<std::size_t>(std::clamp(length, 0, 511))));
    }

    Interpreter& m_interpreter;
    const Text& m_pattern;
    std::string_view m_in;
    std::vector<Value> m_values;
    Value m_single;
    std::size_t m_at = 0, m_next = 0;
    bool m_named = false;
};

}  // namespace

Value formatted(Interpreter& interpreter, const Text& pattern, const Value& values) {
    return Value(Formatter(interpreter, pattern, values).run());
}

}  // namespace caravan::engine::jinja
