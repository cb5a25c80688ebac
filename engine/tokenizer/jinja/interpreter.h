// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/tokenizer/jinja/syntax_tree.h"
#include "engine/tokenizer/jinja/value.h"

namespace caravan::engine::jinja {

struct Limits {
    std::int64_t steps = 1'000'000;  // statements, expressions, items; 256 bytes of text count as one
    std::size_t outputBytes = kMaxTextBytes;
};

// Runs a parsed template. One rendering per object, on one thread. Every error is a Failure with its line.
class Interpreter {
  public:
    explicit Interpreter(Limits limits = {});
    Interpreter(const Interpreter&) = delete;
    Interpreter& operator=(const Interpreter&) = delete;
    ~Interpreter();

    [[nodiscard]] Text render(const Body& body, std::vector<std::pair<std::string, Value>> variables);

    // For filters, tests and methods.
    [[nodiscard]] Value call(const Value& callee, const Arguments& arguments);
    [[nodiscard]] Value filter(const std::string& name, const Value& value, const Arguments& arguments);
    [[nodiscard]] bool test(const std::string& name, const Value& value, const Arguments& arguments);
    [[nodiscard]] Value attribute(const Value& object, const std::string& name);  // object.name
    [[nodiscard]] Value item(const Value& object, const Value& key);              // object[key]
    [[nodiscard]] Value makeNamespace();
    void charge(std::int64_t steps);
    void chargeText(std::size_t bytes);  // before a text of that size is made

  private:
    struct Scope;
    using ScopePtr = std::shared_ptr<Scope>;
    enum class Flow { Normal, Break, Continue };
    class ScopeGuard;
    class CallGuard;

    Flow run(const Body& body);
    Flow run(const Statement& statement);
    Flow runIf(const Statement& statement);
    Flow runFor(const Statement& statement);
    void runSet(const Statement& statement);
    void runWith(const Statement& statement);
    void runCallBlock(const Statement& statement);
    void output(const Value& value);
    Text captured(const Body& body);
    void assign(const Target& target, const Value& value);
    Value makeMacro(const std::string& name, const Statement& definition);
    Text callMacro(const std::string& name, const Statement& definition, const ScopePtr& home,
                   const Arguments& arguments);
    struct LoopState {
        int depth = 0;
        std::shared_ptr<std::optional<Value>> last;  // what changed() was last asked about
        Value again;                                 // of a recursive loop: runs it over something else
    };
    Flow loopOver(const Statement& statement, const Value& sequence, int depth);
    Value makeLoop(const std::vector<Value>& items, std::size_t index, const LoopState& state);

    Value evaluate(const Expression& expression);
    Value evaluateKind(const Expression& expression);
    Value evaluateItem(const Expression& expression);
    Value evaluateCompare(const Expression& expression);
    Value evaluateCondition(const Expression& expression);
    Value evaluateConcat(const Expression& expression);
    Value evaluateDictionary(const Expression& expression);
    Value applyFilter(const Expression& expression, const Value& value);
    Arguments arguments(const Expression& expression);
    Value lookUp(const std::string& name);

    Limits m_limits;
    std::int64_t m_steps = 0;
    int m_depth = 0;
    ScopePtr m_scope;
    ScopePtr m_templateScope;  // what the template itself has set, outside of loops and macros
    Text* m_out = nullptr;
    std::vector<std::weak_ptr<Scope>> m_macroScopes;  // emptied at the end: macros and scopes hold each other
    std::vector<std::shared_ptr<Mapping>> m_namespaces;  // likewise: namespaces may hold themselves
};

// Parts of the interpreter with a name of their own.
[[nodiscard]] Value binary(Interpreter& interpreter, const std::string& sign, const Value& left,
                           const Value& right);
[[nodiscard]] bool compare(const std::string& sign, const Value& left, const Value& right);
[[nodiscard]] Value recursionOf(
    const Mapping& loop);  // what loop(...) calls; TypeError if it is not recursive
[[nodiscard]] Value slice(const Value& object, const Value& start, const Value& stop, const Value& step);
// A method of a value ("strip" of a string); nothing if it has none of that name.
[[nodiscard]] std::optional<Value> method(const Value& object, const std::string& name);
[[nodiscard]] std::optional<Value> textMethod(const Value& text, const std::string& name);
[[nodiscard]] Value formatted(Interpreter& interpreter, const Text& pattern,
                              const Value& values);  // "%s" % values
[[nodiscard]] std::vector<std::pair<std::string, Value>> globals();
// Code points [begin, end) of a text, Python's negative places already resolved.
[[nodiscard]] Text characterRange(const Text& text, std::size_t begin, std::size_t end);
[[nodiscard]] Text trimmed(const Text& text, const Value& characters, bool left, bool right);
[[nodiscard]] Text replaced(Interpreter& interpreter, const Text& text, const Text& from, const Text& to,
                            std::int64_t count);
[[nodiscard]] Text padded(Interpreter& interpreter, const Text& text, std::int64_t width, const Text& fill,
                          bool left, bool right);
[[nodiscard]] std::vector<Value> splitLines(const Text& text, bool keepEnds = false);
[[nodiscard]] Text zeroFilled(Interpreter& interpreter, const Text& text, std::int64_t width);
// "{} of {name!r:>8}".format(...)
[[nodiscard]] Text braceFormatted(Interpreter& interpreter, const Text& pattern, const Arguments& arguments);

}  // namespace caravan::engine::jinja
