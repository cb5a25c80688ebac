// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/jinja/parser.h"

#include "engine/tokenizer/jinja/expression_parser.h"
#include "engine/tokenizer/jinja/lexer.h"
#include "engine/tokenizer/jinja/token_stream.h"

namespace caravan::engine::jinja {
namespace {

constexpr int kMaxBlocks = 80;  // nested statements

class Parser {
  public:
    explicit Parser(std::string_view source) : m_stream(tokenize(source)), m_expressions(m_stream) {}

    Body run() {
        Body body = statements({});
        if (!m_stream.at(TokenKind::End)) m_stream.fail("unexpected end of a block");
        return body;
    }

  private:
    using Names = std::initializer_list<std::string_view>;

    StatementPtr make(StatementKind kind) const {
        auto made = std::make_unique<Statement>();
        made->kind = kind;
        made->line = m_stream.current().line;
        return made;
    }

    // Until a block that begins with one of the names; that name is then the current token.
    Body statements(Names ends) {
        if (++m_depth > kMaxBlocks) m_stream.fail("blocks are nested too deeply");
        Body body;
        while (!m_stream.at(TokenKind::End)) {
            StatementPtr statement;
            if (m_stream.at(TokenKind::Data)) {
                statement = make(StatementKind::Data);
                statement->text = m_stream.take().text;
            } else if (m_stream.at(TokenKind::OutputBegin)) {
                m_stream.take();
                statement = make(StatementKind::Output);
                statement->expressions.push_back(m_expressions.tuple());
                m_stream.expect(TokenKind::OutputEnd);
            } else {
                m_stream.expect(TokenKind::BlockBegin);
                if (m_stream.atAnyName(ends)) break;
                statement = tag();
                m_stream.expect(TokenKind::BlockEnd);
            }
            body.push_back(std::move(statement));
        }
        --m_depth;
        return body;
    }

    // The body of a tag: its end, what is in it, and the name that ended it.
    Body block(Names ends, std::string* endedBy = nullptr) {
        m_stream.skipSign(":");
        m_stream.expect(TokenKind::BlockEnd);
        Body body = statements(ends);
        if (m_stream.at(TokenKind::End))
            m_stream.fail("unexpected end of template; a block is still open, looking for '" +
                          std::string(*ends.begin()) + "'");
        const std::string name = m_stream.take().text;
        if (endedBy) *endedBy = name;
        return body;
    }

    StatementPtr tag() {
        if (!m_stream.at(TokenKind::Name)) m_stream.fail("tag name expected");
        const std::string name = m_stream.take().text;
        if (name == "if") return ifTag();
        if (name == "for") return forTag();
        if (name == "set") return setTag();
        if (name == "macro") return macroTag();
        if (name == "call") return callTag();
        if (name == "filter") return filterTag();
        if (name == "with") return withTag();
        if (name == "print") return printTag();
        if (name == "generation") return scopeTag("endgeneration");
        if (name == "block") return namedBlock();
        if (name == "autoescape") {
            m_expressions.expression();
            return scopeTag("endautoescape");
        }
        if (name == "break" || name == "continue") {
            if (m_loops == 0) m_stream.fail("'" + name + "' outside loop");
            return make(name == "break" ? StatementKind::Break : StatementKind::Continue);
        }
        m_stream.fail("Encountered unknown tag '" + name + "'.");
    }

    StatementPtr ifTag() {
        StatementPtr made = make(StatementKind::If);
        std::string ended = "elif";
        while (ended == "elif") {
            made->expressions.push_back(m_expressions.tuple(false));
            made->bodies.push_back(block({"endif", "elif", "else"}, &ended));
        }
        if (ended == "else") made->bodies.push_back(block({"endif"}));
        return made;
    }

    StatementPtr forTag() {
        StatementPtr made = make(StatementKind::For);
        made->targets.push_back(m_expressions.target(true, false, "in"));
        if (!m_stream.skipName("in")) m_stream.failHere("'in'");
        made->expressions.push_back(m_expressions.tuple(false, "recursive"));
        made->expressions.push_back(m_stream.skipName("if") ? m_expressions.expression() : nullptr);
        made->recursive = m_stream.skipName("recursive");
        std::string ended;
        ++m_loops;
        made->bodies.push_back(block({"endfor", "else"}, &ended));
        --m_loops;
        if (ended == "else") made->bodies.push_back(block({"endfor"}));
        return made;
    }

    StatementPtr setTag() {
        StatementPtr made = make(StatementKind::Set);
        made->targets.push_back(m_expressions.target(true, true));
        if (m_stream.skipSign("=")) {
            made->expressions.push_back(m_expressions.tuple());
            return made;
        }
        made->kind = StatementKind::SetBlock;
        made->expressions.push_back(m_expressions.filterChain(nullptr, false));
        made->bodies.push_back(block({"endset"}));
        return made;
    }

    std::vector<Parameter> signature() {
        std::vector<Parameter> parameters;
        m_stream.expectSign("(");
        while (!m_stream.atSign(")")) {
            if (!parameters.empty()) m_stream.expectSign(",");
            Parameter parameter{m_expressions.target(false, false).names.front(), nullptr};
            if (m_stream.skipSign("="))
                parameter.fallback = m_expressions.expression();
            else if (!parameters.empty() && parameters.back().fallback)
                m_stream.fail("non-default argument follows default argument");
            parameters.push_back(std::move(parameter));
        }
        m_stream.expectSign(")");
        return parameters;
    }

    Body outsideOfLoops(Names ends) {
        const int loops = std::exchange(m_loops, 0);
        Body body = block(ends);
        m_loops = loops;
        return body;
    }

    void macroBody(Statement& made, Names ends) {
        const std::size_t begin = m_stream.position();
        made.bodies.push_back(outsideOfLoops(ends));
        made.takesMore = m_stream.mentions("varargs", begin);
        made.takesMoreNamed = m_stream.mentions("kwargs", begin);
    }

    StatementPtr macroTag() {
        StatementPtr made = make(StatementKind::Macro);
        made->text = m_expressions.target(false, false).names.front();
        made->parameters = signature();
        macroBody(*made, {"endmacro"});
        return made;
    }

    StatementPtr callTag() {
        StatementPtr made = make(StatementKind::CallBlock);
        if (m_stream.atSign("(")) made->parameters = signature();
        made->expressions.push_back(m_expressions.expression());
        if (made->expressions.front()->kind != ExpressionKind::Call) m_stream.fail("expected call");
        macroBody(*made, {"endcall"});
        return made;
    }

    StatementPtr filterTag() {
        StatementPtr made = make(StatementKind::FilterBlock);
        made->expressions.push_back(m_expressions.filterChain(nullptr, true));
        made->bodies.push_back(block({"endfilter"}));
        return made;
    }

    StatementPtr withTag() {
        StatementPtr made = make(StatementKind::With);
        while (!m_stream.at(TokenKind::BlockEnd)) {
            if (!made->targets.empty()) m_stream.expectSign(",");
            made->targets.push_back(m_expressions.target(false, false));
            m_stream.expectSign("=");
            made->expressions.push_back(m_expressions.expression());
        }
        made->bodies.push_back(block({"endwith"}));
        return made;
    }

    StatementPtr printTag() {
        StatementPtr made = make(StatementKind::Output);
        while (!m_stream.at(TokenKind::BlockEnd)) {
            if (!made->expressions.empty()) m_stream.expectSign(",");
            made->expressions.push_back(m_expressions.expression());
        }
        return made;
    }

    StatementPtr scopeTag(std::string_view end) {
        StatementPtr made = make(StatementKind::Scope);
        made->bodies.push_back(block({end}));
        return made;
    }

    StatementPtr namedBlock() {
        const std::string name = m_stream.expectName();
        const bool scoped = m_stream.skipName("scoped");
        StatementPtr made = scopeTag("endblock");
        made->seesTemplateOnly = !scoped;
        m_stream.skipName(name);
        return made;
    }

    TokenStream m_stream;
    ExpressionParser m_expressions;
    int m_depth = 0, m_loops = 0;
};

}  // namespace

Body parseTemplate(std::string_view source) {
    return Parser(source).run();
}

}  // namespace caravan::engine::jinja
