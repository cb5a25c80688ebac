// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/jinja/expression_parser.h"

#include <algorithm>

#include "engine/tokenizer/jinja/expression_parts.h"

namespace caravan::engine::jinja {
namespace {

constexpr int kMaxNesting = 100;    // of brackets in one expression
constexpr int kMaxTreeDepth = 400;  // of chains such as a + b + c

}  // namespace

class ExpressionParser::DepthGuard {
  public:
    explicit DepthGuard(ExpressionParser& parser) : m_parser(parser) {
        if (++m_parser.m_depth > kMaxNesting) m_parser.m_stream.fail("expressions are nested too deeply");
    }
    DepthGuard(const DepthGuard&) = delete;
    DepthGuard& operator=(const DepthGuard&) = delete;
    ~DepthGuard() { --m_parser.m_depth; }

  private:
    ExpressionParser& m_parser;
};

ExpressionPtr ExpressionParser::make(ExpressionKind kind, std::vector<ExpressionPtr> children,
                                     std::string name) {
    auto made = std::make_unique<Expression>();
    made->kind = kind;
    made->line = m_stream.current().line;
    made->name = std::move(name);
    for (const ExpressionPtr& child : children) {
        if (!child) continue;
        made->line = std::min(made->line, child->line);
        made->depth = std::max(made->depth, child->depth + 1);
    }
    if (made->depth > kMaxTreeDepth) m_stream.fail("an expression is too long");
    made->children = std::move(children);
    return made;
}

ExpressionPtr ExpressionParser::constant(Value value) {
    ExpressionPtr made = make(ExpressionKind::Constant);
    made->constant = std::move(value);
    return made;
}

ExpressionPtr ExpressionParser::expression(bool withCondition) {
    const DepthGuard guard(*this);
    return withCondition ? condition() : orExpression();
}

ExpressionPtr ExpressionParser::condition() {
    ExpressionPtr value = orExpression();
    while (m_stream.skipName("if")) {
        ExpressionPtr test = orExpression();
        ExpressionPtr otherwise;
        if (m_stream.skipName("else")) {
            const DepthGuard guard(*this);
            otherwise = condition();
        }
        value =
            make(ExpressionKind::Condition, parts(std::move(test), std::move(value), std::move(otherwise)));
    }
    return value;
}

ExpressionPtr ExpressionParser::orExpression() {
    ExpressionPtr left = andExpression();
    while (m_stream.skipName("or"))
        left = make(ExpressionKind::Or, parts(std::move(left), andExpression()));
    return left;
}

ExpressionPtr ExpressionParser::andExpression() {
    ExpressionPtr left = notExpression();
    while (m_stream.skipName("and"))
        left = make(ExpressionKind::And, parts(std::move(left), notExpression()));
    return left;
}

ExpressionPtr ExpressionParser::notExpression() {
    if (!m_stream.skipName("not")) return comparison();
    const DepthGuard guard(*this);
    return make(ExpressionKind::Not, parts(notExpression()));
}

ExpressionPtr ExpressionParser::comparison() {
    std::vector<ExpressionPtr> operands = parts(sum());
    std::vector<std::string> signs;
    for (;;) {
        static constexpr std::string_view kSigns[] = {"==", "!=", "<", "<=", ">", ">="};
        const bool sign =
            m_stream.at(TokenKind::Sign) &&
            std::find(std::begin(kSigns), std::end(kSigns), m_stream.current().text) != std::end(kSigns);
        if (sign) {
            signs.push_back(m_stream.take().text);
        } else if (m_stream.skipName("in")) {
            signs.emplace_back("in");
        } else if (m_stream.atName("not") && m_stream.ahead().kind == TokenKind::Name &&
                   m_stream.ahead().text == "in") {
            m_stream.take();
            m_stream.take();
            signs.emplace_back("not in");
        } else {
            break;
        }
        operands.push_back(sum());
    }
    if (signs.empty()) return std::move(operands.front());
    ExpressionPtr made = make(ExpressionKind::Compare, std::move(operands));
    made->signs = std::move(signs);
    return made;
}

ExpressionPtr ExpressionParser::sum() {
    ExpressionPtr left = concatenation();
    while (m_stream.atSign("+") || m_stream.atSign("-")) {
        std::string sign = m_stream.take().text;
        left = make(ExpressionKind::Binary, parts(std::move(left), concatenation()), std::move(sign));
    }
    return left;
}

ExpressionPtr ExpressionParser::concatenation() {
    std::vector<ExpressionPtr> operands = parts(product());
    while (m_stream.skipSign("~"))
        operands.push_back(product());
    if (operands.size() == 1) return std::move(operands.front());
    return make(ExpressionKind::Concat, std::move(operands));
}

ExpressionPtr ExpressionParser::product() {
    ExpressionPtr left = power();
    while (m_stream.atSign("*") || m_stream.atSign("/") || m_stream.atSign("//") || m_stream.atSign("%")) {
        std::string sign = m_stream.take().text;
        left = make(ExpressionKind::Binary, parts(std::move(left), power()), std::move(sign));
    }
    return left;
}

ExpressionPtr ExpressionParser::power() {
    ExpressionPtr left = unary();
    while (m_stream.skipSign("**"))
        left = make(ExpressionKind::Binary, parts(std::move(left), unary()), "**");
    return left;
}

ExpressionPtr ExpressionParser::unary(bool withFilter) {
    const DepthGuard guard(*this);
    ExpressionPtr value;
    if (m_stream.skipSign("-"))
        value = make(ExpressionKind::Negative, parts(unary(false)));
    else if (m_stream.skipSign("+"))
        value = make(ExpressionKind::Positive, parts(unary(false)));
    else
        value = primary();
    value = postfix(std::move(value));
    return withFilter ? filtersAndTests(std::move(value)) : std::move(value);
}

ExpressionPtr ExpressionParser::primaryWithPostfix() {
    return postfix(primary());
}

ExpressionPtr ExpressionParser::primary() {
    const Token& token = m_stream.current();
    switch (token.kind) {
        case TokenKind::Name: {
            const std::string name = m_stream.take().text;
            if (name == "true" || name == "True") return constant(Value(true));
            if (name == "false" || name == "False") return constant(Value(false));
            if (name == "none" || name == "None") return constant(Value());
            return make(ExpressionKind::Name, {}, name);
        }
        case TokenKind::String: {
            std::string text = m_stream.take().text;
            while (m_stream.at(TokenKind::String))
                text += m_stream.take().text;
            return constant(Value(std::move(text)));
        }
        case TokenKind::Integer:
            return constant(Value(m_stream.take().integer));
        case TokenKind::Float:
            return constant(Value(m_stream.take().real));
        default:
            break;
    }
    if (m_stream.skipSign("(")) {
        ExpressionPtr inner = tuple(true, {}, true);
        m_stream.expectSign(")");
        return inner;
    }
    if (m_stream.atSign("[")) return list();
    if (m_stream.atSign("{")) return dictionary();
    m_stream.failHere("unexpected");
}

ExpressionPtr ExpressionParser::tuple(bool withCondition, std::string_view endName, bool inParentheses) {
    std::vector<ExpressionPtr> items;
    bool isTuple = false;
    const auto ended = [&] {
        return m_stream.at(TokenKind::OutputEnd) || m_stream.at(TokenKind::BlockEnd) ||
               m_stream.atSign(")") || (!endName.empty() && m_stream.atName(endName));
    };
    while (!ended()) {
        items.push_back(expression(withCondition));
        if (!m_stream.atSign(",")) break;
        isTuple = true;
        m_stream.take();
    }
    if (!isTuple && !items.empty()) return std::move(items.front());
    if (!isTuple && !inParentheses) m_stream.failHere("Expected an expression,");
    return make(ExpressionKind::Tuple, std::move(items));
}

ExpressionPtr ExpressionParser::list() {
    m_stream.expectSign("[");
    std::vector<ExpressionPtr> items;
    while (!m_stream.atSign("]")) {
        if (!items.empty()) m_stream.expectSign(",");
        if (m_stream.atSign("]")) break;
        items.push_back(expression());
    }
    m_stream.expectSign("]");
    return make(ExpressionKind::List, std::move(items));
}

ExpressionPtr ExpressionParser::dictionary() {
    m_stream.expectSign("{");
    std::vector<ExpressionPtr> items;
    while (!m_stream.atSign("}")) {
        if (!items.empty()) m_stream.expectSign(",");
        if (m_stream.atSign("}")) break;
        items.push_back(expression());
        m_stream.expectSign(":");
        items.push_back(expression());
    }
    m_stream.expectSign("}");
    return make(ExpressionKind::Dictionary, std::move(items));
}

Target ExpressionParser::target(bool withTuple, bool withAttribute, std::string_view endName) {
    Target target;
    const bool parenthesised = withTuple && m_stream.skipSign("(");
    for (;;) {
        if (withTuple && m_stream.atSign("(")) {
            target.nested[target.names.size()] = this->target(true, false);
            target.nested[target.names.size()].unpacks = true;
            target.names.emplace_back();
        } else {
            if (!m_stream.at(TokenKind::Name)) m_stream.fail("can't assign to 'const'");
            const std::string name = m_stream.take().text;
            for (const std::string_view fixed : {"true", "false", "none", "True", "False", "None"})
                if (name == fixed) m_stream.fail("can't assign to 'const'");
            target.names.push_back(name);
        }
        if (withAttribute && m_stream.skipSign(".")) target.attribute = m_stream.expectName();
        if (!withTuple || !m_stream.skipSign(",")) break;
        target.unpacks = true;
        if ((!endName.empty() && m_stream.atName(endName)) || m_stream.atSign(")") || m_stream.atSign("="))
            break;
    }
    if (parenthesised) m_stream.expectSign(")");
    if (!target.attribute.empty() && target.names.size() > 1)
        m_stream.fail("can't assign to several namespace attributes");
    return target;
}

}  // namespace caravan::engine::jinja
