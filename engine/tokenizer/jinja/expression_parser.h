// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tokenizer/jinja/syntax_tree.h"
#include "engine/tokenizer/jinja/token_stream.h"

namespace caravan::engine::jinja {

// Jinja's expression grammar, weakest binding first: if-else, or, and, not, comparisons, + -, ~, * / // %,
// **, sign, attribute, call, filter and test.
class ExpressionParser {
  public:
    explicit ExpressionParser(TokenStream& stream) : m_stream(stream) {}
    ExpressionPtr expression(bool withCondition = true);
    // Expressions with commas between them make a tuple; endName ends one early ("in", "recursive").
    ExpressionPtr tuple(bool withCondition = true, std::string_view endName = {}, bool inParentheses = false);
    ExpressionPtr filterChain(ExpressionPtr value, bool startsInline);  // value may be null
    Target target(bool withTuple, bool withAttribute, std::string_view endName = {});
    ExpressionPtr primaryWithPostfix();

  private:
    class DepthGuard;
    ExpressionPtr make(ExpressionKind kind, std::vector<ExpressionPtr> children = {}, std::string name = {});
    ExpressionPtr constant(Value value);
    ExpressionPtr condition();
    ExpressionPtr orExpression();
    ExpressionPtr andExpression();
    ExpressionPtr notExpression();
    ExpressionPtr comparison();
    ExpressionPtr sum();
    ExpressionPtr concatenation();
    ExpressionPtr product();
    ExpressionPtr power();
    ExpressionPtr unary(bool withFilter = true);
    ExpressionPtr primary();
    ExpressionPtr list();
    ExpressionPtr dictionary();
    ExpressionPtr postfix(ExpressionPtr value);
    ExpressionPtr filtersAndTests(ExpressionPtr value);
    ExpressionPtr subscript(ExpressionPtr value);
    ExpressionPtr subscribed();
    ExpressionPtr test(ExpressionPtr value);
    ExpressionPtr call(ExpressionPtr callee);
    void callArguments(Expression& into);

    TokenStream& m_stream;
    int m_depth = 0;
};

}  // namespace caravan::engine::jinja
