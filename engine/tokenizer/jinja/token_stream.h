// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/jinja/lexer.h"

namespace caravan::engine::jinja {

// The tokens of a template, read once from front to back.
class TokenStream {
  public:
    explicit TokenStream(std::vector<Token> tokens) : m_tokens(std::move(tokens)) {}
    [[nodiscard]] const Token& current() const { return m_tokens[m_at]; }
    [[nodiscard]] const Token& ahead() const {
        return m_tokens[m_at + 1 < m_tokens.size() ? m_at + 1 : m_at];
    }
    [[nodiscard]] bool at(TokenKind kind) const { return current().kind == kind; }
    [[nodiscard]] bool atSign(std::string_view sign) const {
        return at(TokenKind::Sign) && current().text == sign;
    }
    [[nodiscard]] bool atName(std::string_view name) const {
        return at(TokenKind::Name) && current().text == name;
    }
    [[nodiscard]] bool atAnyName(std::initializer_list<std::string_view> names) const;
    [[nodiscard]] std::size_t position() const { return m_at; }
    // Whether a name occurs between a position and the current token.
    [[nodiscard]] bool mentions(std::string_view name, std::size_t from) const;
    Token take();
    bool skipSign(std::string_view sign);
    bool skipName(std::string_view name);
    void expectSign(std::string_view sign);
    void expect(TokenKind kind);
    std::string expectName();
    [[noreturn]] void fail(const std::string& message) const;
    [[noreturn]] void failHere(std::string_view expected) const;  // names what stands here instead

  private:
    std::vector<Token> m_tokens;
    std::size_t m_at = 0;
};

}  // namespace caravan::engine::jinja
