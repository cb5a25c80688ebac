// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Expressions.

#include <fmt/format.h>

#include "engine/tokenizer/jinja/interpreter.h"

namespace caravan::engine::jinja {
namespace {

constexpr int kMaxDepth = 1500;

}  // namespace

Value Interpreter::evaluate(const Expression& expression) {
    charge(1);
    if (m_depth >= kMaxDepth) throw Failure("RecursionError", "maximum recursion depth exceeded");
    ++m_depth;
    try {
        Value value = evaluateKind(expression);
        --m_depth;
        return value;
    } catch (...) {
        --m_depth;
        throw;
    }
}

Value Interpreter::evaluateKind(const Expression& expression) {
    const auto child = [&](std::size_t index) { return evaluate(*expression.children[index]); };
    switch (expression.kind) {
        case ExpressionKind::Constant:
            return expression.constant;
        case ExpressionKind::Name:
            return lookUp(expression.name);
        case ExpressionKind::List:
        case ExpressionKind::Tuple: {
            std::vector<Value> items;
            for (std::size_t i = 0; i < expression.children.size(); ++i)
                items.push_back(child(i));
            return Value::list(std::move(items), expression.kind == ExpressionKind::List
                                                     ? SequenceKind::List
                                                     : SequenceKind::Tuple);
        }
        case ExpressionKind::Dictionary:
            return evaluateDictionary(expression);
        case ExpressionKind::Attribute:
            return attribute(child(0), expression.name);
        case ExpressionKind::Item:
            return evaluateItem(expression);
        case ExpressionKind::Slice:
            return {};  // only inside Item
        case ExpressionKind::Call: {
            const Value callee = child(0);
            return call(callee, arguments(expression));
        }
        case ExpressionKind::Filter: {
            const Value value = child(0);
            return filter(expression.name, value, arguments(expression));
        }
        case ExpressionKind::Test: {
            const Value value = child(0);
            return Value(test(expression.name, value, arguments(expression)));
        }
        case ExpressionKind::Negative:
            return binary(*this, "negative", child(0), Value());
        case ExpressionKind::Positive:
            return binary(*this, "positive", child(0), Value());
        case ExpressionKind::Not:
            return Value(!child(0).truth());
        case ExpressionKind::And: {
            Value left = child(0);
            return left.truth() ? child(1) : left;
        }
        case ExpressionKind::Or: {
            Value left = child(0);
            return left.truth() ? left : child(1);
        }
        case ExpressionKind::Binary: {
            const Value left = child(0), right = child(1);
            return binary(*this, expression.name, left, right);
        }
        case ExpressionKind::Concat:
            return evaluateConcat(expression);
        case ExpressionKind::Compare:
            return evaluateCompare(expression);
        case ExpressionKind::Condition:
            return evaluateCondition(expression);
    }
    return {};
}

Value Interpreter::evaluateDictionary(const Expression& expression) {
    auto mapping = std::make_shared<Mapping>();
    for (std::size_t i = 0; i + 1 < expression.children.size(); i += 2) {
        Value key = evaluate(*expression.children[i]);
        if (key.depth() > 0 && !(key.sequence() && key.sequence()->kind == SequenceKind::Tuple))
            typeError(fmt::format("unhashable type: '{}'", key.typeName()));
        mapping->set(std::move(key), evaluate(*expression.children[i + 1]));
    }
    return Value(std::move(mapping));
}

Value Interpreter::evaluateItem(const Expression& expression) {
    const Value object = evaluate(*expression.children[0]);
    const Expression& index = *expression.children[1];
    if (index.kind != ExpressionKind::Slice) return item(object, evaluate(index));
    const auto bound = [&](std::size_t i) {
        return index.children[i] ? evaluate(*index.children[i]) : Value();
    };
    const Value start = bound(0), stop = bound(1), step = bound(2);
    charge(object.sequence() ? static_cast<std::int64_t>(object.sequence()->items.size()) / 8 : 0);
    if (object.text()) chargeText(object.text()->bytes().size());
    return slice(object, start, stop, step);
}

Value Interpreter::evaluateCompare(const Expression& expression) {
    Value left = evaluate(*expression.children[0]);
    for (std::size_t i = 0; i < expression.signs.size(); ++i) {
        Value right = evaluate(*expression.children[i + 1]);
        for (const Value* side : {&left, &right})
            if (side->text()) chargeText(side->text()->bytes().size());
        if (right.sequence()) charge(static_cast<std::int64_t>(right.sequence()->items.size()) / 8);
        if (!compare(expression.signs[i], left, right)) return Value(false);
        left = std::move(right);
    }
    return Value(true);
}

Value Interpreter::evaluateCondition(const Expression& expression) {
    if (evaluate(*expression.children[0]).truth()) return evaluate(*expression.children[1]);
    if (expression.children[2]) return evaluate(*expression.children[2]);
    return Value(Undefined{
        fmt::format("the inline if-expression on line {} evaluated to false and no else section was defined.",
                    expression.line)});
}

Value Interpreter::evaluateConcat(const Expression& expression) {
    Text text;
    for (const ExpressionPtr& child : expression.children) {
        text.append(evaluate(*child).toText());
        chargeText(text.bytes().size());
    }
    return Value(std::move(text));
}

Arguments Interpreter::arguments(const Expression& expression) {
    Arguments given;
    for (std::size_t i = 1; i < expression.children.size(); ++i)
        given.positional.push_back(evaluate(*expression.children[i]));
    for (const auto& [name, value] : expression.named)
        given.named.emplace_back(name, evaluate(*value));
    if (expression.starred)
        for (Value& value : evaluate(*expression.starred).iterate())
            given.positional.push_back(std::move(value));
    if (expression.doubleStarred) {
        const Value more = evaluate(*expression.doubleStarred);
        if (!more.mapping())
            typeError(fmt::format("argument after ** must be a mapping, not {}", more.typeName()));
        for (const auto& [key, value] : more.mapping()->entries)
            given.named.emplace_back(key.toText().bytes(), value);
    }
    return given;
}

// The chain of a filter or set block: its innermost filter takes the block's text.
Value Interpreter::applyFilter(const Expression& expression, const Value& value) {
    const Expression* inner = expression.children[0].get();
    return filter(expression.name, inner ? applyFilter(*inner, value) : value, arguments(expression));
}

}  // namespace caravan::engine::jinja
