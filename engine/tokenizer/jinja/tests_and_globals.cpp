// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Names that every template knows: filters by name, tests ("is defined"), functions.

#include <fmt/format.h>

#include <ctime>

#include "engine/tokenizer/jinja/filters.h"

namespace caravan::engine::jinja {
namespace {

constexpr std::int64_t kMaxRange = 100'000;

const FilterTable& filters() {
    static const FilterTable table = [] {
        FilterTable all;
        addTextFilters(all);
        addNumberFilters(all);
        addSequenceFilters(all);
        return all;
    }();
    return table;
}

using Test = bool (*)(Interpreter&, const Value&, const Arguments&);

Value firstArgument(const Arguments& arguments, const char* name) {
    if (arguments.positional.empty()) typeError(fmt::format("test {} needs an argument", name));
    return arguments.positional.front();
}

bool divides(const Value& value, std::int64_t by, std::int64_t rest) {
    if (value.isUndefined()) raise(value.undefined());
    if (!value.integer()) typeError("a whole number is needed");
    if (by == 0) throw Failure("ZeroDivisionError", "integer division or modulo by zero");
    return ((*value.integer() % by) + by) % by == rest;
}

bool same(const Value& a, const Value& b) {
    if (a.mapping() || b.mapping()) return a.mapping() == b.mapping();
    if (a.sequence() || b.sequence()) return a.sequence() == b.sequence();
    return std::string_view(a.typeName()) == b.typeName() && a.equals(b);
}

bool equal(Interpreter&, const Value& value, const Arguments& arguments) {
    return value.equals(firstArgument(arguments, "equalto"));
}
bool unequal(Interpreter&, const Value& value, const Arguments& arguments) {
    return !value.equals(firstArgument(arguments, "ne"));
}
bool less(Interpreter&, const Value& value, const Arguments& arguments) {
    return compare("<", value, firstArgument(arguments, "lt"));
}
bool lessOrEqual(Interpreter&, const Value& value, const Arguments& arguments) {
    return compare("<=", value, firstArgument(arguments, "le"));
}
bool greater(Interpreter&, const Value& value, const Arguments& arguments) {
    return compare(">", value, firstArgument(arguments, "gt"));
}
bool greaterOrEqual(Interpreter&, const Value& value, const Arguments& arguments) {
    return compare(">=", value, firstArgument(arguments, "ge"));
}

bool isIterable(const Value& value) {
    return value.isUndefined() || value.text() || value.sequence() ||
           (value.mapping() && value.mapping()->kind == MappingKind::Dictionary);
}

bool caseIs(Interpreter& interpreter, const Value& value, const char* method) {
    return interpreter.call(interpreter.attribute(Value(value.toText()), method), {}).truth();
}

const std::map<std::string, Test>& tests() {
    using I = Interpreter;
    using V = Value;
    using A = Arguments;
    static const std::map<std::string, Test> table = {
        {"defined", [](I&, const V& v, const A&) { return !v.isUndefined(); }},
        {"undefined", [](I&, const V& v, const A&) { return v.isUndefined(); }},
        {"none", [](I&, const V& v, const A&) { return v.isNone(); }},
        {"boolean", [](I&, const V& v, const A&) { return v.as<bool>() != nullptr; }},
        {"true", [](I&, const V& v, const A&) { return v.as<bool>() && v.truth(); }},
        {"false", [](I&, const V& v, const A&) { return v.as<bool>() && !v.truth(); }},
        {"integer", [](I&, const V& v, const A&) { return v.as<std::int64_t>() != nullptr; }},
        {"float", [](I&, const V& v, const A&) { return v.as<double>() != nullptr; }},
        {"number", [](I&, const V& v, const A&) { return v.isNumber(); }},
        {"string", [](I&, const V& v, const A&) { return v.text() != nullptr; }},
        {"mapping", [](I&, const V& v,
                       const A&) { return v.mapping() && v.mapping()->kind == MappingKind::Dictionary; }},
        {"iterable", [](I&, const V& v, const A&) { return isIterable(v); }},
        {"sequence",
         [](I&, const V& v, const A&) {
             return isIterable(v) && !(v.sequence() && v.sequence()->kind == SequenceKind::Generator);
         }},
        {"callable", [](I&, const V& v, const A&) { return v.callable() != nullptr; }},
        {"escaped", [](I&, const V&, const A&) { return false; }},
        {"lower", [](I& i, const V& v, const A&) { return caseIs(i, v, "islower"); }},
        {"upper", [](I& i, const V& v, const A&) { return caseIs(i, v, "isupper"); }},
        {"odd", [](I&, const V& v, const A&) { return divides(v, 2, 1); }},
        {"even", [](I&, const V& v, const A&) { return divides(v, 2, 0); }},
        {"divisibleby",
         [](I&, const V& v, const A& a) {
             return divides(v, wholeOf(firstArgument(a, "divisibleby"), 1), 0);
         }},
        {"sameas", [](I&, const V& v, const A& a) { return same(v, firstArgument(a, "sameas")); }},
        {"in", [](I&, const V& v, const A& a) { return compare("in", v, firstArgument(a, "in")); }},
        {"filter", [](I&, const V& v, const A&) { return filters().count(v.toText().bytes()) > 0; }},
        {"test", [](I&, const V& v, const A&) { return tests().count(v.toText().bytes()) > 0; }},
        {"==", equal},
        {"eq", equal},
        {"equalto", equal},
        {"!=", unequal},
        {"ne", unequal},
        {">", greater},
        {"gt", greater},
        {"greaterthan", greater},
        {">=", greaterOrEqual},
        {"ge", greaterOrEqual},
        {"<", less},
        {"lt", less},
        {"lessthan", less},
        {"<=", lessOrEqual},
        {"le", lessOrEqual},
    };
    return table;
}

Value rangeFunction(Interpreter& interpreter, const Arguments& arguments) {
    const auto at = [&](std::size_t i, std::int64_t fallback) {
        return i < arguments.positional.size() ? wholeOf(arguments.positional[i], 0) : fallback;
    };
    if (arguments.positional.empty()) typeError("range expected at least 1 argument, got 0");
    const bool one = arguments.positional.size() == 1;
    const std::int64_t start = one ? 0 : at(0, 0), stop = one ? at(0, 0) : at(1, 0), step = at(2, 1);
    if (step == 0) throw Failure("ValueError", "range() arg 3 must not be zero");
    std::vector<Value> items;
    for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
        if (static_cast<std::int64_t>(items.size()) >= kMaxRange)
            throw Failure("OverflowError",
                          "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
        items.emplace_back(i);
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    interpreter.charge(static_cast<std::int64_t>(items.size()) / 4);
    return Value::list(std::move(items));
}

void fill(Mapping& mapping, const Arguments& arguments) {
    for (const Value& given : arguments.positional) {
        if (given.mapping()) {
            for (const auto& [key, value] : given.mapping()->entries)
                mapping.set(key, value);
            continue;
        }
        for (const Value& pair : given.iterate()) {
            const std::vector<Value> parts = pair.iterate();
            if (parts.size() != 2) throw Failure("ValueError", "a dictionary is made of pairs");
            mapping.set(parts[0], parts[1]);
        }
    }
    for (const auto& [name, value] : arguments.named)
        mapping.set(Value(name), value);
}

Value dictFunction(Interpreter& interpreter, const Arguments& arguments) {
    auto mapping = std::make_shared<Mapping>();
    fill(*mapping, arguments);
    interpreter.charge(static_cast<std::int64_t>(mapping->entries.size()));
    return Value(std::move(mapping));
}

Value namespaceFunction(Interpreter& interpreter, const Arguments& arguments) {
    Value made = interpreter.makeNamespace();
    fill(*made.mutableMapping(), arguments);
    return made;
}

Value joinerFunction(Interpreter&, const Arguments& arguments) {
    auto used = std::make_shared<bool>(false);
    return Value::function(
        "joiner", [used, separator = arguments.get(0, "sep", Value(", "))](Interpreter&, const Arguments&) {
            return std::exchange(*used, true) ? separator : Value("");
        });
}

Value cyclerFunction(Interpreter& interpreter, const Arguments& arguments) {
    if (arguments.positional.empty()) throw Failure("RuntimeError", "at least one item has to be provided");
    const Value made = interpreter.makeNamespace();
    Mapping* state = made.mutableMapping();  // lives as long as the interpreter
    auto place = std::make_shared<std::size_t>(0);
    const auto show = [state, place, items = arguments.positional](std::size_t at) {
        *place = at % items.size();
        state->set(Value("current"), items[*place]);
    };
    show(0);
    state->set(Value("next"), Value::function("next", [show, place, state](Interpreter&, const Arguments&) {
                   const Value now = *state->find(std::string_view("current"));
                   show(*place + 1);
                   return now;
               }));
    state->set(Value("reset"), Value::function("reset", [show](Interpreter&, const Arguments&) {
                   show(0);
                   return Value();
               }));
    return made;
}

Value raiseFunction(Interpreter&, const Arguments& arguments) {
    throw Failure("TemplateError", arguments.get(0, "message", Value("")).toText().bytes());
}

Value timeFunction(Interpreter&, const Arguments& arguments) {
    const std::string format = arguments.get(0, "format", Value("")).toText().bytes();
    if (format.size() > 200) throw Failure("ValueError", "the time format is longer than 200 bytes");
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    localtime_r(&now, &parts);
    char buffer[4096];
    return Value(std::string(buffer, std::strftime(buffer, sizeof buffer, format.c_str(), &parts)));
}

}  // namespace

Value Interpreter::filter(const std::string& name, const Value& value, const Arguments& arguments) {
    charge(1);
    const auto found = filters().find(name);
    if (found == filters().end())
        throw Failure("TemplateAssertionError", fmt::format("No filter named {}.", jinja::quotedText(name)));
    if (value.text()) chargeText(value.text()->bytes().size());
    if (value.sequence()) charge(static_cast<std::int64_t>(value.sequence()->items.size()) / 8);
    return found->second(*this, value, arguments);
}

bool Interpreter::test(const std::string& name, const Value& value, const Arguments& arguments) {
    charge(1);
    const auto found = tests().find(name);
    if (found == tests().end())
        throw Failure("TemplateAssertionError", fmt::format("No test named {}.", jinja::quotedText(name)));
    return found->second(*this, value, arguments);
}

std::vector<std::pair<std::string, Value>> globals() {
    return {{"range", Value::function("range", rangeFunction)},
            {"dict", Value::function("dict", dictFunction)},
            {"namespace", Value::function("namespace", namespaceFunction)},
            {"joiner", Value::function("joiner", joinerFunction)},
            {"cycler", Value::function("cycler", cyclerFunction)},
            {"raise_exception", Value::function("raise_exception", raiseFunction)},
            {"strftime_now", Value::function("strftime_now", timeFunction)}};
}

}  // namespace caravan::engine::jinja
