// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What follows a value: attributes, subscripts and slices, calls, filters and tests.
#include "engine/tokenizer/jinja/expression_parser.h"
#include "engine/tokenizer/jinja/expression_parts.h"

namespace caravan::engine::jinja {
namespace {

std::string dottedName(TokenStream& stream) {
    std::string name = stream.expectName();
    while (stream.skipSign("."))
        name += "." + stream.expectName();
    return name;
}

}  // namespace

ExpressionPtr ExpressionParser::postfix(ExpressionPtr value) {
    for (;;) {
        if (m_stream.atSign(".") || m_stream.atSign("["))
            value = subscript(std::move(value));
        else if (m_stream.atSign("("))
            value = call(std::move(value));
        else
            return value;
    }
}

ExpressionPtr ExpressionParser::filtersAndTests(ExpressionPtr value) {
    for (;;) {
        if (m_stream.atSign("|"))
            value = filterChain(std::move(value), false);
        else if (m_stream.atName("is"))
            value = test(std::move(value));
        else if (m_stream.atSign("("))
            value = call(std::move(value));
        else
            return value;
    }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr value) {
    if (m_stream.skipSign(".")) {
        if (m_stream.at(TokenKind::Integer))
            return make(ExpressionKind::Item,
                        parts(std::move(value), constant(Value(m_stream.take().integer))));
        if (!m_stream.at(TokenKind::Name)) m_stream.fail("expected name or number");
        std::string name = m_stream.take().text;
        return make(ExpressionKind::Attribute, parts(std::move(value)), std::move(name));
    }
    m_stream.expectSign("[");
    std::vector<ExpressionPtr> items;
    while (!m_stream.atSign("]")) {
        if (!items.empty()) m_stream.expectSign(",");
        items.push_back(subscribed());
    }
    m_stream.expectSign("]");
    ExpressionPtr index =
        items.size() == 1 ? std::move(items.front()) : make(ExpressionKind::Tuple, std::move(items));
    return make(ExpressionKind::Item, parts(std::move(value), std::move(index)));
}

ExpressionPtr ExpressionParser::subscribed() {
    ExpressionPtr bounds[3];
    if (!m_stream.atSign(":")) {
        bounds[0] = expression();
        if (!m_stream.atSign(":")) return std::move(bounds[0]);
    }
    for (int i = 1; i < 3 && m_stream.skipSign(":"); ++i)
        if (!m_stream.atSign(":") && !m_stream.atSign("]") && !m_stream.atSign(",")) bounds[i] = expression();
    return make(ExpressionKind::Slice,
                parts(std::move(bounds[0]), std::move(bounds[1]), std::move(bounds[2])));
}

ExpressionPtr ExpressionParser::call(ExpressionPtr callee) {
    ExpressionPtr made = make(ExpressionKind::Call, parts(std::move(callee)));
    callArguments(*made);
    return made;
}

void ExpressionParser::callArguments(Expression& into) {
    m_stream.expectSign("(");
    bool needsComma = false;
    while (!m_stream.atSign(")")) {
        if (needsComma) {
            m_stream.expectSign(",");
            if (m_stream.atSign(")")) break;
        }
        if (m_stream.skipSign("*")) {
            into.starred = expression();
        } else if (m_stream.skipSign("**")) {
            into.doubleStarred = expression();
        } else if (m_stream.at(TokenKind::Name) && m_stream.ahead().kind == TokenKind::Sign &&
                   m_stream.ahead().text == "=") {
            std::string name = m_stream.take().text;
            m_stream.take();
            into.named.emplace_back(std::move(name), expression());
        } else {
            if (!into.named.empty() || into.starred || into.doubleStarred)
                m_stream.fail("invalid syntax for function call expression");
            into.children.push_back(expression());
        }
        needsComma = true;
    }
    m_stream.expectSign(")");
}

ExpressionPtr ExpressionParser::filterChain(ExpressionPtr value, bool startsInline) {
    while (startsInline || m_stream.skipSign("|")) {
        startsInline = false;
        std::string name = dottedName(m_stream);
        value = make(ExpressionKind::Filter, parts(std::move(value)), std::move(name));
        if (m_stream.atSign("(")) callArguments(*value);
    }
    return value;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr value) {
    m_stream.take();
    const bool negated = m_stream.skipName("not");
    std::string name = dottedName(m_stream);
    ExpressionPtr made = make(ExpressionKind::Test, parts(std::move(value)), std::move(name));
    const bool value1 = m_stream.at(TokenKind::Name) || m_stream.at(TokenKind::String) ||
                        m_stream.at(TokenKind::Integer) || m_stream.at(TokenKind::Float);
    if (m_stream.atSign("(")) {
        callArguments(*made);
    } else if ((value1 || m_stream.atSign("[") || m_stream.atSign("{")) &&
               !m_stream.atAnyName({"else", "or", "and"})) {
        if (m_stream.atName("is")) m_stream.fail("You cannot chain multiple tests with is");
        made->children.push_back(primaryWithPostfix());
    }
    return negated ? make(ExpressionKind::Not, parts(std::move(made))) : std::move(made);
}

}  // namespace caravan::engine::jinja
