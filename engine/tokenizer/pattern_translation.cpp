// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/pattern_translation.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace caravan::engine {
namespace {

constexpr std::string_view kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";

class Translator {
  public:
    explicit Translator(std::string_view in) : m_in(in) {}
    std::string run() {
        while (m_at < m_in.size())
            step();
        return std::move(m_out);
    }

  private:
    void step() {
        const char c = m_in[m_at++];
        if (c == '\\' && m_at < m_in.size()) return escape(m_in[m_at++]);
        if (m_classDepth == 0 && c == '(' && m_in.substr(m_at).starts_with("?")) return group();
        m_out += c;
        if (c == '[') {
            openClass();
        } else if (c == ']' && m_classDepth > 0) {
            --m_classDepth;
        }
    }

    // PCRE2 has no classes inside classes: an inner bracket is text unless it opens [:name:].
    void openClass() {
        if (m_classDepth > 0) {
            if (m_in.substr(m_at).starts_with(":")) {
                const std::size_t end = m_in.find(":]", m_at + 1);
                if (end != std::string_view::npos)
                    return namedClass(m_in.substr(m_at + 1, end - m_at - 1), end + 2);
            }
            m_out.insert(m_out.size() - 1, "\\");
            return;
        }
        ++m_classDepth;
        if (m_at < m_in.size() && m_in[m_at] == '^') m_out += m_in[m_at++];
        if (m_at < m_in.size() && m_in[m_at] == ']') {
            m_out += "\\]";
            ++m_at;
        }
    }

    // [:name:] by Unicode property, as Oniguruma reads it.
    void namedClass(std::string_view name, std::size_t end) {
        static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
            {"alpha", "p{Alphabetic}"},   {"^alpha", "P{Alphabetic}"}, {"space", "p{White_Space}"},
            {"^space", "P{White_Space}"}, {"upper", "p{Uppercase}"},   {"^upper", "P{Uppercase}"},
            {"lower", "p{Lowercase}"},    {"^lower", "P{Lowercase}"},  {"digit", "p{Nd}"},
            {"^digit", "P{Nd}"}};
        const auto found = std::find_if(std::begin(kNames), std::end(kNames),
                                        [&](const auto& entry) { return entry.first == name; });
        m_at = end;
        m_out.pop_back();  // the bracket
        if (found != std::end(kNames))
            m_out += "\\" + std::string(found->second);
        else if (name == "alnum")
            m_out += "\\p{Alphabetic}\\p{Nd}";
        else if (name == "word")
            m_out += kWord;
        else
            m_out += "[:" + std::string(name) + ":]";
    }

    void group() {
        m_out += "(?";
        ++m_at;
        const std::size_t end = m_in.find_first_not_of("imx-", m_at);
        const bool flags =
            end != std::string_view::npos && end > m_at && (m_in[end] == ':' || m_in[end] == ')');
        if (!flags) return;
        for (; m_at < end; ++m_at)
            m_out += m_in[m_at] == 'm' ? 's' : m_in[m_at];
    }

    void escape(char c) {
        const bool inClass = m_classDepth > 0;
        switch (c) {
            case 's':
                m_out += "\\p{White_Space}";
                break;
            case 'S':
                m_out += "\\P{White_Space}";
                break;
            case 'w':
                m_out += inClass ? std::string(kWord) : "[" + std::string(kWord) + "]";
                break;
            case 'W':
                m_out += inClass ? "\\W" : "[^" + std::string(kWord) + "]";
                break;
            case 'b':
                boundary(inClass ? "\\b" : "(?:(?<=W)(?!W)|(?<!W)(?=W))");
                break;
            case 'B':
                boundary(inClass ? "\\B" : "(?:(?<=W)(?=W)|(?<!W)(?!W))");
                break;
            case 'h':
                m_out += inClass ? "0-9a-fA-F" : "[0-9a-fA-F]";
                break;
            case 'H':
                m_out += inClass ? "\\H" : "[^0-9a-fA-F]";
                break;
            case 'u':
                codePoint(4);
                break;
            default:
                m_out += '\\';
                m_out += c;
        }
    }

    // W in the pattern stands for a word character.
    void boundary(std::string_view pattern) {
        for (const char c : pattern) {
            if (c == 'W')
                m_out += "[" + std::string(kWord) + "]";
            else
                m_out += c;
        }
    }

    void codePoint(std::size_t digits) {
        const std::string_view hex = m_in.substr(m_at, digits);
        if (hex.size() < digits ||
            hex.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
            m_out += "u";
            return;
        }
        m_out += "\\x{" + std::string(hex) + "}";
        m_at += digits;
    }

    std::string_view m_in;
    std::string m_out;
    std::size_t m_at = 0;
    int m_classDepth = 0;
};

}  // namespace

std::string translatePattern(std::string_view onigurumaPattern) {
    return Translator(onigurumaPattern).run();
}

}  // namespace caravan::engine
