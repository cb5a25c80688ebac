// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/jinja/token_stream.h"

#include <algorithm>

#include "engine/tokenizer/jinja/value.h"

namespace caravan::engine::jinja {
namespace {

std::string kindName(TokenKind kind) {
    switch (kind) {
        case TokenKind::Data:
            return "template data / text";
        case TokenKind::OutputBegin:
            return "begin of print statement";
        case TokenKind::OutputEnd:
            return "end of print statement";
        case TokenKind::BlockBegin:
            return "begin of statement block";
        case TokenKind::BlockEnd:
            return "end of statement block";
        case TokenKind::Name:
            return "name";
        case TokenKind::String:
            return "string";
        case TokenKind::Integer:
            return "integer";
        case TokenKind::Float:
            return "float";
        case TokenKind::End:
            return "end of template";
        case TokenKind::Sign:
            break;
    }
    return "sign";
}

}  // namespace

bool TokenStream::atAnyName(std::initializer_list<std::string_view> names) const {
    return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return atName(name); });
}

bool TokenStream::mentions(std::string_view name, std::size_t from) const {
    for (std::size_t i = from; i < m_at; ++i)
        if (m_tokens[i].kind == TokenKind::Name && m_tokens[i].text == name) return true;
    return false;
}

Token TokenStream::take() {
    Token token = current();
    if (m_at + 1 < m_tokens.size()) ++m_at;
    return token;
}

bool TokenStream::skipSign(std::string_view sign) {
    if (!atSign(sign)) return false;
    take();
    return true;
}

bool TokenStream::skipName(std::string_view name) {
    if (!atName(name)) return false;
    take();
    return true;
}

void TokenStream::expectSign(std::string_view sign) {
    if (!skipSign(sign)) failHere("'" + std::string(sign) + "'");
}

void TokenStream::expect(TokenKind kind) {
    if (!at(kind)) failHere("'" + kindName(kind) + "'");
    take();
}

std::string TokenStream::expectName() {
    if (!at(TokenKind::Name)) failHere("'name'");
    return take().text;
}

void TokenStream::fail(const std::string& message) const {
    Failure failure("TemplateSyntaxError", message);
    failure.line = current().line;
    throw failure;
}

void TokenStream::failHere(std::string_view expected) const {
    const bool named = at(TokenKind::Sign) || at(TokenKind::Name);
    const std::string here = quotedText(named ? current().text : kindName(current().kind));
    if (expected == "unexpected") fail("unexpected " + here);
    fail((expected.starts_with('E') ? std::string(expected)
                                    : "expected token " + std::string(expected) + ",") +
         " got " + here);
}

}  // namespace caravan::engine::jinja
