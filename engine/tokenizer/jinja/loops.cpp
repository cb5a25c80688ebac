// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// for, and what a template knows of it as `loop`.

#include "engine/tokenizer/jinja/scopes.h"

namespace caravan::engine::jinja {
namespace {

constexpr std::int64_t kStepsPerRound = 10;    // what it offers as `loop` is made anew
constexpr std::string_view kRecursion = "()";  // what calling a loop runs; None: it is not recursive

}  // namespace

Value recursionOf(const Mapping& loop) {
    const Value* again = loop.find(kRecursion);
    if (!again || !again->callable())
        typeError("The loop must have the 'recursive' marker to be called recursively.");
    return *again;
}

Interpreter::Flow Interpreter::runFor(const Statement& statement) {
    return loopOver(statement, evaluate(*statement.expressions[0]), 0);
}

Interpreter::Flow Interpreter::loopOver(const Statement& statement, const Value& sequence, int depth) {
    std::vector<Value> items = sequence.iterate();
    charge(static_cast<std::int64_t>(items.size()) / 8);
    if (const ExpressionPtr& condition = statement.expressions[1]) {
        std::vector<Value> kept;
        for (const Value& item : items) {
            const ScopeGuard scope(*this);
            assign(statement.targets[0], item);
            if (evaluate(*condition).truth()) kept.push_back(item);
        }
        items = std::move(kept);
    }
    LoopState state{depth, std::make_shared<std::optional<Value>>(), {}};
    if (statement.recursive)
        state.again = Value::function(
            "loop", [this, &statement, home = m_scope, depth](Interpreter&, const Arguments& arguments) {
                if (arguments.positional.empty()) typeError("loop() needs something to loop over");
                const CallGuard guard(*this, 10);
                const ScopeGuard scope(*this, home);
                Text out;
                Text* before = std::exchange(m_out, &out);
                try {
                    loopOver(statement, arguments.positional[0], depth + 1);
                } catch (...) {
                    m_out = before;
                    throw;
                }
                m_out = before;
                return Value(std::move(out));
            });
    for (std::size_t i = 0; i < items.size(); ++i) {
        charge(kStepsPerRound);
        const ScopeGuard scope(*this);
        assign(statement.targets[0], items[i]);
        m_scope->variables["loop"] = makeLoop(items, i, state);
        if (run(statement.bodies[0]) == Flow::Break) return Flow::Normal;
    }
    if (!items.empty() || statement.bodies.size() < 2) return Flow::Normal;
    const ScopeGuard scope(*this);
    return run(statement.bodies[1]);
}

Value Interpreter::makeLoop(const std::vector<Value>& items, std::size_t index, const LoopState& state) {
    auto loop = std::make_shared<Mapping>();
    loop->kind = MappingKind::Loop;
    const auto put = [&](const char* name, Value value) {
        loop->entries.emplace_back(Value(name), std::move(value));
    };
    put("index", Value::size(index + 1));
    put("index0", Value::size(index));
    put("revindex", Value::size(items.size() - index));
    put("revindex0", Value::size(items.size() - index - 1));
    put("first", Value(index == 0));
    put("last", Value(index + 1 == items.size()));
    put("length", Value::size(items.size()));
    put("previtem", index > 0 ? items[index - 1] : Value(Undefined{"there is no previous item"}));
    put("nextitem", index + 1 < items.size() ? items[index + 1] : Value(Undefined{"there is no next item"}));
    put("depth", Value(std::int64_t{state.depth + 1}));
    put("depth0", Value(std::int64_t{state.depth}));
    put("cycle", Value::function("cycle", [index](Interpreter&, const Arguments& arguments) {
            if (arguments.positional.empty()) typeError("no items for cycling given");
            return arguments.positional[index % arguments.positional.size()];
        }));
    put("changed", Value::function("changed", [last = state.last](Interpreter&, const Arguments& arguments) {
            Value given = Value::list(arguments.positional, SequenceKind::Tuple);
            const bool differs = !*last || !(*last)->equals(given);
            *last = std::move(given);
            return Value(differs);
        }));
    put("()", state.again);  // kRecursion
    return Value(std::move(loop));
}

}  // namespace caravan::engine::jinja
