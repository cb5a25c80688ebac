// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/jinja/scopes.h"

#include <fmt/format.h>

#include <algorithm>

namespace caravan::engine::jinja {
namespace {

constexpr int kMaxDepth = 1500;  // of nested evaluations, macros included
constexpr std::int64_t kTextPerStep = 256;

}  // namespace

Interpreter::Interpreter(Limits limits) : m_limits(limits), m_scope(std::make_shared<Scope>()) {}

Interpreter::~Interpreter() {
    for (const auto& weak : m_macroScopes)
        if (const ScopePtr scope = weak.lock()) {
            const auto kept = std::move(scope->variables);
            scope->variables.clear();
        }
    for (const auto& mapping : m_namespaces) {
        const auto kept = std::move(mapping->entries);
        mapping->entries.clear();
    }
}

void Interpreter::charge(std::int64_t steps) {
    m_steps += steps;
    if (m_steps > m_limits.steps) throw Failure("RuntimeError", "the template takes too many steps");
}

void Interpreter::chargeText(std::size_t bytes) {
    if (bytes > kMaxTextBytes) throw Failure("MemoryError", "a text is longer than 16 MiB");
    charge(static_cast<std::int64_t>(bytes) / kTextPerStep);
}

Text Interpreter::render(const Body& body, std::vector<std::pair<std::string, Value>> variables) {
    allowWork(5'000'000);
    for (auto& [name, value] : globals())
        m_scope->variables[name] = std::move(value);
    for (auto& [name, value] : variables)
        m_scope->variables[name] = std::move(value);
    const ScopeGuard scope(*this);
    m_templateScope = m_scope;
    return captured(body);
}

Text Interpreter::captured(const Body& body) {
    Text out;
    Text* before = std::exchange(m_out, &out);
    try {
        run(body);
    } catch (...) {
        m_out = before;
        throw;
    }
    m_out = before;
    return out;
}

void Interpreter::output(const Value& value) {
    const Text text = value.toText();
    if (m_out->bytes().size() + text.bytes().size() > m_limits.outputBytes)
        throw Failure("MemoryError", "the output is longer than 16 MiB");
    chargeText(text.bytes().size());
    m_out->append(text);
}

Interpreter::Flow Interpreter::run(const Body& body) {
    for (const StatementPtr& statement : body) {
        const Flow flow = run(*statement);
        if (flow != Flow::Normal) return flow;
    }
    return Flow::Normal;
}

Interpreter::Flow Interpreter::run(const Statement& statement) {
    charge(1);
    try {
        switch (statement.kind) {
            case StatementKind::Data:
                output(Value(statement.text));
                break;
            case StatementKind::Output:
                for (const ExpressionPtr& expression : statement.expressions)
                    output(evaluate(*expression));
                break;
            case StatementKind::If:
                return runIf(statement);
            case StatementKind::For:
                return runFor(statement);
            case StatementKind::Set:
            case StatementKind::SetBlock:
                runSet(statement);
                break;
            case StatementKind::Macro:
                m_scope->variables[statement.text] = makeMacro(statement.text, statement);
                break;
            case StatementKind::CallBlock:
                runCallBlock(statement);
                break;
            case StatementKind::FilterBlock: {
                const ScopeGuard scope(*this);
                output(applyFilter(*statement.expressions[0], Value(captured(statement.bodies[0]))));
                break;
            }
            case StatementKind::With:
                runWith(statement);
                break;
            case StatementKind::Scope: {
                const ScopeGuard scope(*this, statement.seesTemplateOnly ? m_templateScope : m_scope);
                return run(statement.bodies[0]);
            }
            case StatementKind::Break:
                return Flow::Break;
            case StatementKind::Continue:
                return Flow::Continue;
        }
    } catch (Failure& failure) {
        if (failure.line == 0) failure.line = statement.line;
        throw;
    }
    return Flow::Normal;
}

Interpreter::Flow Interpreter::runIf(const Statement& statement) {
    for (std::size_t i = 0; i < statement.expressions.size(); ++i)
        if (evaluate(*statement.expressions[i]).truth()) return run(statement.bodies[i]);
    return statement.bodies.size() > statement.expressions.size() ? run(statement.bodies.back())
                                                                  : Flow::Normal;
}

void Interpreter::assign(const Target& target, const Value& value) {
    if (!target.attribute.empty()) {
        Mapping* mapping = lookUp(target.names[0]).mutableMapping();
        if (!mapping || mapping->kind != MappingKind::Namespace)
            throw Failure("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
        return mapping->set(Value(target.attribute), value);
    }
    if (!target.unpacks) {
        m_scope->variables[target.names[0]] = value;
        return;
    }
    const std::vector<Value> parts = value.iterate();
    if (parts.size() < target.names.size())
        throw Failure("ValueError", fmt::format("not enough values to unpack (expected {}, got {})",
                                                target.names.size(), parts.size()));
    if (parts.size() > target.names.size())
        throw Failure("ValueError",
                      fmt::format("too many values to unpack (expected {})", target.names.size()));
    for (std::size_t i = 0; i < parts.size(); ++i)
        if (const auto inner = target.nested.find(i); inner != target.nested.end())
            assign(inner->second, parts[i]);
        else
            m_scope->variables[target.names[i]] = parts[i];
}

void Interpreter::runSet(const Statement& statement) {
    if (statement.kind == StatementKind::Set)
        return assign(statement.targets[0], evaluate(*statement.expressions[0]));
    Value value;
    {
        const ScopeGuard scope(*this);
        value = Value(captured(statement.bodies[0]));
        if (statement.expressions[0]) value = applyFilter(*statement.expressions[0], value);
    }
    assign(statement.targets[0], value);
}

void Interpreter::runWith(const Statement& statement) {
    std::vector<Value> values;
    for (const ExpressionPtr& expression : statement.expressions)
        values.push_back(evaluate(*expression));
    const ScopeGuard scope(*this);
    for (std::size_t i = 0; i < values.size(); ++i)
        assign(statement.targets[i], values[i]);
    run(statement.bodies[0]);
}

void Interpreter::runCallBlock(const Statement& statement) {
    const Expression& callExpression = *statement.expressions[0];
    const Value callee = evaluate(*callExpression.children[0]);
    Arguments given = arguments(callExpression);
    given.named.emplace_back("caller", makeMacro("caller", statement));
    output(call(callee, given));
}

Value Interpreter::makeMacro(const std::string& name, const Statement& definition) {
    m_macroScopes.push_back(m_scope);
    return Value::function(
        name, [this, name, &definition, home = m_scope](Interpreter&, const Arguments& arguments) {
            return Value(callMacro(name, definition, home, arguments));
        });
}

Text Interpreter::callMacro(const std::string& name, const Statement& definition, const ScopePtr& home,
                            const Arguments& arguments) {
    const CallGuard guard(*this, 10);
    const ScopeGuard scope(*this, home);
    const auto& parameters = definition.parameters;
    if (arguments.positional.size() > parameters.size() && !definition.takesMore)
        typeError(
            fmt::format("macro {} takes not more than {} argument(s)", quotedText(name), parameters.size()));
    std::vector<Value> further;
    for (std::size_t i = parameters.size(); i < arguments.positional.size(); ++i)
        further.push_back(arguments.positional[i]);
    auto named = std::make_shared<Mapping>();
    for (const auto& [key, value] : arguments.named) {
        const bool known = std::any_of(parameters.begin(), parameters.end(),
                                       [&, &k = key](const Parameter& p) { return p.name == k; });
        if (key == "caller")
            m_scope->variables["caller"] = value;
        else if (!known && !definition.takesMoreNamed)
            typeError(
                fmt::format("macro {} takes no keyword argument {}", quotedText(name), quotedText(key)));
        else if (!known)
            named->set(Value(key), value);
    }
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const Value* given = arguments.find(i, parameters[i].name);
        Value value = Value(Undefined{fmt::format("parameter '{}' was not provided", parameters[i].name)});
        if (given)
            value = *given;
        else if (parameters[i].fallback)
            value = evaluate(*parameters[i].fallback);
        m_scope->variables[parameters[i].name] = std::move(value);
    }
    m_scope->variables["varargs"] = Value::list(further, SequenceKind::Tuple);
    m_scope->variables["kwargs"] = Value(named);
    return captured(definition.bodies[0]);
}

Value Interpreter::makeNamespace() {
    charge(20);
    auto mapping = std::make_shared<Mapping>();
    mapping->kind = MappingKind::Namespace;
    m_namespaces.push_back(mapping);
    return Value(std::move(mapping));
}

Value Interpreter::lookUp(const std::string& name) {
    for (const Scope* scope = m_scope.get(); scope; scope = scope->parent.get()) {
        const auto found = scope->variables.find(name);
        if (found != scope->variables.end()) return found->second;
    }
    return Value(Undefined{fmt::format("'{}' is undefined", name)});
}

Value Interpreter::call(const Value& callee, const Arguments& arguments) {
    charge(1);
    if (callee.isUndefined()) raise(callee.undefined());
    if (const Mapping* loop = callee.mapping(); loop && loop->kind == MappingKind::Loop)
        return call(recursionOf(*loop), arguments);
    if (!callee.callable()) typeError(fmt::format("'{}' object is not callable", callee.typeName()));
    const CallGuard guard(*this);
    const Value held = callee;  // keeps the callable while it runs
    Value result = held.callable()->call(*this, arguments);
    if (result.text()) chargeText(result.text()->bytes().size());
    if (result.sequence()) charge(static_cast<std::int64_t>(result.sequence()->items.size()) / 8);
    return result;
}

Value Interpreter::attribute(const Value& object, const std::string& name) {
    if (object.isUndefined()) raise(object.undefined());
    const Mapping* mapping = object.mapping();
    const bool dictionary = mapping && mapping->kind == MappingKind::Dictionary;
    if (!mapping || dictionary)
        if (auto found = method(object, name)) return *found;
    if (mapping) {
        charge(static_cast<std::int64_t>(mapping->entries.size()) / 16);
        if (const Value* found = mapping->find(std::string_view(name))) return *found;
    }
    if (const Sequence* group = object.sequence(); group && group->isGroup)
        if (name == "grouper" || name == "list") return group->items[name == "list" ? 1 : 0];
    std::string type = object.typeName();
    if (object.isNone())
        type = "None";
    else if (mapping && !dictionary)
        type = (mapping->kind == MappingKind::Loop ? "jinja2.runtime." : "jinja2.utils.") + type + " object";
    else
        type += " object";
    return Value(Undefined{fmt::format("'{}' has no attribute {}", type, jinja::quotedText(name))});
}

Value Interpreter::item(const Value& object, const Value& key) {
    if (object.isUndefined()) raise(object.undefined());
    if (const Mapping* mapping = object.mapping(); mapping && mapping->kind == MappingKind::Dictionary) {
        charge(static_cast<std::int64_t>(mapping->entries.size()) / 16);
        if (const Value* found = mapping->find(key)) return *found;
    }
    if (const auto index = key.integer();
        index && (object.text() || (object.sequence() && object.sequence()->kind <= SequenceKind::Tuple))) {
        if (object.text()) chargeText(object.text()->bytes().size());
        const auto size =
            static_cast<std::int64_t>(object.text() ? object.length() : object.sequence()->items.size());
        const std::int64_t place = *index < 0 ? *index + size : *index;
        if (place >= 0 && place < size && object.sequence())
            return object.sequence()->items[static_cast<std::size_t>(place)];
        if (place >= 0 && place < size)
            return Value(characterRange(*object.text(), static_cast<std::size_t>(place),
                                        static_cast<std::size_t>(place) + 1));
    }
    if (key.text()) return attribute(object, key.text()->bytes());
    return Value(Undefined{fmt::format("{}{} has no element {}", object.isNone() ? "None" : object.typeName(),
                                       object.isNone() ? "" : " object", key.repr())});
}

}  // namespace caravan::engine::jinja
