// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/jinja/value.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine::jinja {
namespace {

constexpr std::array<std::string_view, 24> kSigns = {"//", "**", "==", "!=", ">=", "<=", "+", "-",
                                                     "/",  "*",  "%",  "~",  "[",  "]",  "(", ")",
                                                     ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

std::string normalized(std::string_view source) {
    std::string out;
    out.reserve(source.size());
    for (std::size_t i = 0; i < source.size(); ++i) {
        if (source[i] != '\r') {
            out += source[i];
            continue;
        }
        out += '\n';
        if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
    if (out.ends_with('\n')) out.pop_back();
    return out;
}

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

class Lexer {
  public:
    explicit Lexer(std::string_view source) : m_source(normalized(source)), m_in(m_source) {}

    std::vector<Token> run() {
        while (m_at < m_in.size())
            root();
        put(TokenKind::End, "");
        return std::move(m_tokens);
    }

  private:
    [[noreturn]] void fail(const std::string& message) const {
        Failure failure("TemplateSyntaxError", message);
        failure.line = lineAt(m_at);
        throw failure;
    }
    [[nodiscard]] int lineAt(std::size_t position) const {
        for (; m_lineAt < position && m_lineAt < m_in.size(); ++m_lineAt)
            m_line += m_in[m_lineAt] == '\n' ? 1 : 0;
        return m_line;
    }
    [[nodiscard]] std::string_view rest() const { return m_in.substr(std::min(m_at, m_in.size())); }
    [[nodiscard]] bool skip(std::string_view text) {
        if (!rest().starts_with(text)) return false;
        m_at += text.size();
        return true;
    }
    void skipSpace() {
        while (m_at < m_in.size()) {
            const utf8::Sequence c = utf8::next(rest());
            if (!isWhiteSpace(c.code)) break;
            m_at += c.length;
        }
    }
    Token& put(TokenKind kind, std::string text) {
        Token& token = m_tokens.emplace_back();
        token.kind = kind;
        token.text = std::move(text);
        token.line = lineAt(m_at);
        return token;
    }

    // Text up to the next tag, then that tag.
    void root() {
        std::size_t open = m_at;
        for (;; ++open) {
            open = m_in.find('{', open);
            if (open == std::string_view::npos || open + 1 >= m_in.size()) {
                put(TokenKind::Data, std::string(rest()));
                m_at = m_in.size();
                return;
            }
            if (m_in[open + 1] == '%' || m_in[open + 1] == '{' || m_in[open + 1] == '#') break;
        }
        const char type = m_in[open + 1];
        const char control =
            open + 2 < m_in.size() && (m_in[open + 2] == '-' || m_in[open + 2] == '+') ? m_in[open + 2] : ' ';
        data(m_in.substr(m_at, open - m_at), control, type != '{');
        m_at = open + (control == ' ' ? 2 : 3);
        if (type == '#')
            comment();
        else if (type == '{')
            output();
        else if (!rawBlock())
            block();
        m_lineStarts = m_at > 0 && m_in[m_at - 1] == '\n';
    }

    // Text in front of a tag, with what its sign and lstrip_blocks take away.
    void data(std::string_view text, char control, bool stripsLine) {
        if (control == '-') {
            while (!text.empty()) {
                std::size_t at = text.size() - 1;
                while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)
                    --at;
                if (!isWhiteSpace(utf8::next(text.substr(at)).code)) break;
                text = text.substr(0, at);
            }
        } else if (control != '+' && stripsLine) {
            const std::size_t feed = text.rfind('\n');
            const std::size_t start = feed == std::string_view::npos ? 0 : feed + 1;
            if ((start > 0 || m_lineStarts) && allSpace(text.substr(start))) text = text.substr(0, start);
        }
        if (!text.empty()) put(TokenKind::Data, std::string(text));
    }
    static bool allSpace(std::string_view text) {
        while (!text.empty()) {
            const utf8::Sequence c = utf8::next(text);
            if (!isWhiteSpace(c.code)) return false;
            text.remove_prefix(c.length);
        }
        return true;
    }

    // The end of a tag if it stands here: "+%}", "-%}" and white space, "%}" and one line feed.
    bool blockEnd(std::string_view end) {
        const std::size_t before = m_at;
        if (skip("+") && skip(end)) return true;
        m_at = before;
        if (skip("-") && skip(end)) {
            skipSpace();
            return true;
        }
        m_at = before;
        if (!skip(end)) return false;
        static_cast<void>(skip("\n"));
        return true;
    }

    void comment() {
        for (; m_at < m_in.size(); ++m_at)
            if (blockEnd("#}")) return;
        fail("Missing end of comment tag");
    }

    bool rawBlock() {
        const std::size_t before = m_at;
        skipSpace();
        if (skip("raw")) {
            skipSpace();
            if (skip("-%}")) {
                skipSpace();
                return rawBody();
            }
            if (skip("%}")) return rawBody();
        }
        m_at = before;
        return false;
    }
    bool rawBody() {
        const std::size_t begin = m_at;
        for (std::size_t open = m_in.find("{%", begin); open != std::string_view::npos;
             open = m_in.find("{%", open + 1)) {
            m_at = open + 2;
            const char control = rest().empty() || (rest()[0] != '-' && rest()[0] != '+') ? ' ' : rest()[0];
            if (control != ' ') ++m_at;
            skipSpace();
            if (!skip("endraw")) continue;
            skipSpace();
            if (!blockEnd("%}")) continue;
            data(m_in.substr(begin, open - begin), control, true);
            return true;
        }
        fail("Missing end of raw directive");
    }

    void block() {
        put(TokenKind::BlockBegin, "");
        for (;;) {
            skipSpace();
            if (m_open.empty() && blockEnd("%}")) break;
            tagToken();
        }
        put(TokenKind::BlockEnd, "");
    }
    void output() {
        put(TokenKind::OutputBegin, "");
        for (;;) {
            skipSpace();
            if (m_open.empty() && skip("-}}")) {
                skipSpace();
                break;
            }
            if (m_open.empty() && skip("}}")) break;
            tagToken();
        }
        put(TokenKind::OutputEnd, "");
    }

    void tagToken() {
        if (m_at >= m_in.size()) fail("unexpected end of template");
        const char c = m_in[m_at];
        if (isDigit(c)) return number();
        if (c == '\'' || c == '"') return string(c);
        const utf8::Sequence first = utf8::next(rest());
        if (isWordCharacter(first.code)) return name();
        sign(c);
    }

    void name() {
        const std::size_t begin = m_at;
        while (m_at < m_in.size()) {
            const utf8::Sequence c = utf8::next(rest());
            if (!isWordCharacter(c.code)) break;
            m_at += c.length;
        }
        put(TokenKind::Name, std::string(m_in.substr(begin, m_at - begin)));
    }

    void digits(std::string& out) {
        while (m_at < m_in.size() && (isDigit(m_in[m_at]) || (m_in[m_at] == '_' && m_at + 1 < m_in.size() &&
                                                              isDigit(m_in[m_at + 1])))) {
            if (m_in[m_at] != '_') out += m_in[m_at];
            ++m_at;
        }
    }

    void number() {
        const bool afterDot = m_at > 0 && m_in[m_at - 1] == '.';
        std::string text;
        if (rest().size() > 2 && rest()[0] == '0' &&
            std::string_view("xXoObB").find(rest()[1]) != std::string_view::npos)
            return radixNumber();
        digits(text);
        bool real = false;
        const auto digitAt = [&](std::size_t offset) {
            return m_at + offset < m_in.size() && isDigit(m_in[m_at + offset]);
        };
        if (!afterDot && rest().starts_with('.') && digitAt(1)) {
            real = true;
            text += '.';
            ++m_at;
            digits(text);
        }
        if (!afterDot && !rest().empty() && (rest()[0] == 'e' || rest()[0] == 'E')) {
            const bool sign = rest().size() > 1 && (rest()[1] == '+' || rest()[1] == '-');
            if (digitAt(sign ? 2 : 1)) {
                real = true;
                text += m_in.substr(m_at, sign ? 2 : 1);
                m_at += sign ? 2 : 1;
                digits(text);
            }
        }
        Token& token = put(real ? TokenKind::Float : TokenKind::Integer, text);
        const char* end = text.data() + text.size();
        const std::errc error = real ? std::from_chars(text.data(), end, token.real).ec
                                     : std::from_chars(text.data(), end, token.integer).ec;
        if (error != std::errc{}) fail("the number " + text + " is too large");
    }
    void radixNumber() {
        const char kind = static_cast<char>(rest()[1] | 0x20);
        const int radix = kind == 'x' ? 16 : kind == 'o' ? 8 : 2;
        m_at += 2;
        Token& token = put(TokenKind::Integer, "");
        const auto [end, error] =
            std::from_chars(m_in.data() + m_at, m_in.data() + m_in.size(), token.integer, radix);
        if (error != std::errc{}) fail("a number was expected");
        m_at = static_cast<std::size_t>(end - m_in.data());
    }

    void string(char quote) {
        std::string value;
        const std::size_t begin = m_at++;
        while (m_at < m_in.size() && m_in[m_at] != quote) {
            if (m_in[m_at] == '\\' && m_at + 1 < m_in.size()) {
                ++m_at;
                escape(value);
            } else {
                value += m_in[m_at++];
            }
        }
        if (m_at >= m_in.size()) {
            m_at = begin;
            fail(fmt::format("unexpected char {} at {}", jinja::quotedText(std::string(1, quote)), begin));
        }
        ++m_at;
        put(TokenKind::String, std::move(value));
    }

    void escape(std::string& out) {
        static constexpr std::string_view kLetters = "\\'\"abfnrtv", kValues = "\\'\"\a\b\f\n\r\t\v";
        const char c = m_in[m_at++];
        if (const std::size_t at = kLetters.find(c); at != std::string_view::npos) {
            out += kValues[at];
        } else if (c == '\n') {
        } else if (c == 'x') {
            hexadecimal(out, 2);
        } else if (c == 'u') {
            hexadecimal(out, 4);
        } else if (c == 'U') {
            hexadecimal(out, 8);
        } else if (c >= '0' && c <= '7') {
            std::uint32_t code = static_cast<std::uint32_t>(c - '0');
            for (int i = 0; i < 2 && m_at < m_in.size() && m_in[m_at] >= '0' && m_in[m_at] <= '7'; ++i)
                code = code * 8 + static_cast<std::uint32_t>(m_in[m_at++] - '0');
            utf8::append(out, code);
        } else {
            out += '\\';
            out += c;
        }
    }
    void hexadecimal(std::string& out, std::size_t count) {
        std::uint32_t code = 0;
        const std::string_view text = m_in.substr(m_at, count);
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
        if (text.size() < count || error != std::errc{} || end != text.data() + count)
            fail("truncated escape in a string");
        if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            fail("an escape in a string is not a character");
        utf8::append(out, code);
        m_at += count;
    }

    void sign(char c) {
        if (c == '{' || c == '}') return bracket(c, 1);
        const auto found = std::find_if(kSigns.begin(), kSigns.end(),
                                        [&](std::string_view s) { return rest().starts_with(s); });
        if (found == kSigns.end())
            fail(fmt::format("unexpected char {} at {}",
                             jinja::quotedText(rest().substr(0, utf8::next(rest()).length)), m_at));
        bracket(c, found->size());
    }
    void bracket(char c, std::size_t length) {
        const std::size_t open = std::string_view("([{").find(c), close = std::string_view(")]}").find(c);
        if (open != std::string_view::npos) m_open += ")]}"[open];
        if (close != std::string_view::npos) {
            if (m_open.empty()) fail(fmt::format("unexpected '{}'", c));
            if (m_open.back() != c) fail(fmt::format("unexpected '{}', expected '{}'", c, m_open.back()));
            m_open.pop_back();
        }
        put(TokenKind::Sign, std::string(rest().substr(0, length)));
        m_at += length;
    }

    std::string m_source;
    std::string_view m_in;
    std::size_t m_at = 0;
    mutable std::size_t m_lineAt = 0;
    mutable int m_line = 1;
    bool m_lineStarts = true;
    std::string m_open;  // closing brackets that are awaited
    std::vector<Token> m_tokens;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
    return Lexer(source).run();
}

}  // namespace caravan::engine::jinja
