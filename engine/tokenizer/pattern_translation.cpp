// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/pattern_translation.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace caravan::engine {
namespace {

constexpr std::string_view kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";  // within a set
// Outside of sets Oniguruma counts the numbers of Latin-1 in.
constexpr std::string_view kWordAlone =
    "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}";
// Alphabetic of Unicode 16: some marks became so.
constexpr std::string_view kAlphabeticOrDigit =
    "\\p{Nd}\\p{Alphabetic}\\x{363}-\\x{36F}\\x{C04}\\x{F82}\\x{F83}\\x{1DD3}-\\x{1DE6}\\x{11080}\\x{11081}";
constexpr std::string_view kAlphabetic = kAlphabeticOrDigit.substr(6);
constexpr std::string_view kSpace = "\\p{White_Space}";
constexpr std::string_view kHexadecimal = "0-9a-fA-F";
constexpr int kMaxDepth = 50;  // of sets within sets; deeper ones reach PCRE2 as they are, which refuses them

// One operand of a set: what a PCRE2 class can hold, and what has to stand beside it.
struct Union {
    std::string simple;
    std::vector<std::string> beside;  // each matches one character

    [[nodiscard]] std::string expression() const {
        if (beside.empty()) return simple.empty() ? "(?!)" : "[" + simple + "]";
        std::string out = "(?:";
        if (!simple.empty()) out += "[" + simple + "]|";
        for (std::size_t i = 0; i < beside.size(); ++i)
            out += (i > 0 ? "|" : "") + beside[i];
        return out + ")";
    }
};

std::string outside(std::string_view members) {
    return "[^" + std::string(members) + "]";
}

// Names that PCRE2 would take for a script with its extensions; Oniguruma means the script alone.
bool isScript(std::string_view name) {
    static constexpr std::string_view kOthers[] = {"any",         "alphabetic",   "lowercase", "uppercase",
                                                   "white_space", "ascii",        "emoji",     "ideographic",
                                                   "math",        "dash",         "hex_digit", "id_continue",
                                                   "id_start",    "xid_continue", "xid_start"};
    if (name.size() <= 2 || name.find_first_of(":=&^") != std::string_view::npos) return false;
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return std::find(std::begin(kOthers), std::end(kOthers), lower) == std::end(kOthers);
}

class Translator {
  public:
    explicit Translator(std::string_view in) : m_in(in) {}
    std::string run() {
        while (m_at < m_in.size())
            step();
        m_out.append(static_cast<std::size_t>(m_flagGroups.back()), ')');
        return std::move(m_out);
    }

  private:
    void step() {
        const char c = m_in[m_at++];
        if (c == '\\' && m_at < m_in.size()) return escape(m_in[m_at++]);
        if (c == '[') {
            m_out += set(0);
        } else if (c == '(') {
            openGroup();
        } else if (c == ')' && m_flagGroups.size() > 1) {
            m_out.append(static_cast<std::size_t>(m_flagGroups.back()) + 1, ')');
            m_flagGroups.pop_back();
        } else {
            m_out += c;
        }
    }

    // "(?i)" concerns the rest of its group, alternatives included: a group of its own up to the end.
    void openGroup() {
        m_out += '(';
        if (!m_in.substr(m_at).starts_with("?")) return m_flagGroups.push_back(0);
        const std::size_t end = m_in.find_first_not_of("imx-", m_at + 1);
        const bool flags =
            end != std::string_view::npos && end > m_at + 1 && (m_in[end] == ':' || m_in[end] == ')');
        m_out += '?';
        ++m_at;
        if (!flags) return m_flagGroups.push_back(0);
        for (; m_at < end; ++m_at)
            m_out += m_in[m_at] == 'm' ? 's' : m_in[m_at];
        ++m_at;
        m_out += ':';
        if (m_in[end] == ')')
            ++m_flagGroups.back();
        else
            m_flagGroups.push_back(0);
    }

    // Behind '[': sets within sets, "&&" and negated members, which PCRE2's classes lack.
    std::string set(int depth) {
        const bool negated = next('^');
        std::vector<Union> operands(1);
        if (m_at < m_in.size() && m_in[m_at] == ']') {
            operands.back().simple += "\\]";
            ++m_at;
        }
        while (m_at < m_in.size() && m_in[m_at] != ']') {
            if (m_in.substr(m_at).starts_with("&&")) {
                m_at += 2;
                operands.emplace_back();
            } else {
                member(operands.back(), depth);
            }
        }
        if (m_at == m_in.size()) return "[";  // without an end: PCRE2 says so
        ++m_at;
        if (operands.size() == 1 && operands[0].beside.empty() && !operands[0].simple.empty())
            return (negated ? "[^" : "[") + operands[0].simple + "]";
        std::string all = operands.back().expression();
        for (std::size_t i = operands.size() - 1; i-- > 0;)
            all = "(?:(?=" + operands[i].expression() + ")" + all + ")";
        return negated ? "(?:(?!" + all + ")(?s:.))" : all;
    }

    void member(Union& into, int depth) {
        const char c = m_in[m_at++];
        if (c == '[' && m_in.substr(m_at).starts_with(":") &&
            m_in.find(":]", m_at + 1) != std::string_view::npos) {
            namedClass(into);
        } else if (c == '[' && depth < kMaxDepth) {
            into.beside.push_back(set(depth + 1));
        } else if (c == '[') {
            into.simple += "\\[";
            return;
        } else if (c == '\\' && m_at < m_in.size()) {
            if (!memberEscape(into, m_in[m_at++])) return;
        } else {
            into.simple += c;
            return;
        }
        // Behind a whole class a hyphen is itself, not the middle of a range.
        if (m_at + 1 < m_in.size() && m_in[m_at] == '-' && m_in[m_at + 1] != ']') {
            into.simple += "\\-";
            ++m_at;
        }
    }

    // [:name:] by Unicode property, as Oniguruma reads it.
    void namedClass(Union& into) {
        static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
            {"alpha", kAlphabetic},      {"space", kSpace},       {"upper", "\\p{Uppercase}"},
            {"lower", "\\p{Lowercase}"}, {"digit", "\\p{Nd}"},    {"alnum", kAlphabeticOrDigit},
            {"punct", "\\p{P}\\p{S}"},   {"blank", "\\p{Zs}\\t"}, {"cntrl", "\\p{Cc}"},
            {"xdigit", kHexadecimal},    {"word", kWord}};
        const std::size_t end = m_in.find(":]", m_at + 1);
        std::string_view name = m_in.substr(m_at + 1, end - m_at - 1);
        m_at = end + 2;
        const bool negated = name.starts_with('^');
        if (negated) name.remove_prefix(1);
        const auto found = std::find_if(std::begin(kNames), std::end(kNames),
                                        [&](const auto& entry) { return entry.first == name; });
        if (name == "graph" || name == "print") {
            constexpr std::string_view kUnseen = "\\p{White_Space}\\p{Cc}\\p{Cn}\\p{Cs}";
            const std::string seen =
                name == "graph" ? outside(kUnseen) : "(?:" + outside(kUnseen) + "|\\p{Zs})";
            into.beside.push_back(negated ? "(?:(?!" + seen + ")(?s:.))" : seen);
        } else if (found == std::end(kNames)) {
            into.simple += "[:" + std::string(name) + ":]";
        } else if (negated) {
            into.beside.push_back(outside(found->second));
        } else {
            into.simple += found->second;
        }
    }

    // False: a single character, which may begin a range.
    bool memberEscape(Union& into, char c) {
        switch (c) {
            case 's':
                into.simple += kSpace;
                return true;
            case 'S':
                into.simple += "\\P{White_Space}";
                return true;
            case 'w':
                into.simple += kWord;
                return true;
            case 'W':
                into.beside.push_back(outside(kWord));
                return true;
            case 'h':
                into.simple += kHexadecimal;
                return true;
            case 'H':
                into.beside.push_back(outside(kHexadecimal));
                return true;
            case 'd':
            case 'D':
                into.simple += std::string("\\") + c;
                return true;
            case 'p':
            case 'P':
                into.simple += property(c);
                return true;
            case 'u':
                into.simple += codePoint();
                return false;
            default:
                into.simple += '\\';
                into.simple += c;
                return false;
        }
    }

    // Behind \p or \P.
    std::string property(char c) {
        std::string out{'\\', c};
        const std::size_t end = m_in.find('}', m_at);
        if (m_at >= m_in.size() || m_in[m_at] != '{' || end == std::string_view::npos) return out;
        std::string_view name = m_in.substr(m_at + 1, end - m_at - 1);
        m_at = end + 1;
        const bool caret = name.starts_with('^');
        if (caret) name.remove_prefix(1);
        return out + (caret ? "{^" : "{") + (isScript(name) ? "sc:" : "") + std::string(name) + "}";
    }

    void escape(char c) {
        switch (c) {
            case 's':
                m_out += kSpace;
                break;
            case 'S':
                m_out += "\\P{White_Space}";
                break;
            case 'w':
                m_out += "[" + std::string(kWordAlone) + "]";
                break;
            case 'W':
                m_out += outside(kWordAlone);
                break;
            case 'b':
                boundary("(?:(?<=W)(?!W)|(?<!W)(?=W))");
                break;
            case 'B':
                boundary("(?:(?<=W)(?=W)|(?<!W)(?!W))");
                break;
            case 'h':
                m_out += "[" + std::string(kHexadecimal) + "]";
                break;
            case 'H':
                m_out += outside(kHexadecimal);
                break;
            case 'p':
            case 'P':
                m_out += property(c);
                break;
            case 'u':
                m_out += codePoint();
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
                m_out += "[" + std::string(kWordAlone) + "]";
            else
                m_out += c;
        }
    }

    // Behind \u: four hexadecimal digits.
    std::string codePoint() {
        const std::string_view hex = m_in.substr(m_at, 4);
        if (hex.size() < 4 || hex.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
            return "u";
        m_at += 4;
        return "\\x{" + std::string(hex) + "}";
    }

    bool next(char c) {
        if (m_at >= m_in.size() || m_in[m_at] != c) return false;
        ++m_at;
        return true;
    }

    std::string_view m_in;
    std::string m_out;
    std::size_t m_at = 0;
    std::vector<int> m_flagGroups{0};  // "(?i:" opened for flags in each open group, the whole first
};

}  // namespace

std::string translatePattern(std::string_view onigurumaPattern) {
    return Translator(onigurumaPattern).run();
}

}  // namespace caravan::engine
