// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Methods of lists and dictionaries, as Python has them, and which names are given out at all.

#include <fmt/format.h>

#include <algorithm>

#include "engine/tokenizer/jinja/interpreter.h"

namespace caravan::engine::jinja {
namespace {

std::optional<Value> dictionaryMethod(const Value& object, const std::string& name) {
    const auto view = [&](SequenceKind kind) {
        return Value::function(name, [object, kind](Interpreter& interpreter, const Arguments&) {
            std::vector<Value> items;
            for (const auto& [key, value] : object.mapping()->entries)
                items.push_back(kind == SequenceKind::Items  ? Value::list({key, value}, SequenceKind::Tuple)
                                : kind == SequenceKind::Keys ? key
                                                             : value);
            interpreter.charge(static_cast<std::int64_t>(items.size()));
            return Value::list(std::move(items), kind);
        });
    };
    if (name == "items") return view(SequenceKind::Items);
    if (name == "keys") return view(SequenceKind::Keys);
    if (name == "values") return view(SequenceKind::Values);
    if (name == "copy")
        return Value::function(name, [object](Interpreter&, const Arguments&) {
            return Value(std::make_shared<Mapping>(*object.mapping()));
        });
    if (name == "get")
        return Value::function(name, [object](Interpreter& interpreter, const Arguments& arguments) {
            interpreter.charge(static_cast<std::int64_t>(object.mapping()->entries.size()) / 16);
            if (arguments.positional.empty()) typeError("get expected at least 1 argument, got 0");
            const Value* value = object.mapping()->find(arguments.positional[0]);
            return value ? *value : arguments.get(1, "default", Value());
        });
    return std::nullopt;
}

std::optional<Value> listMethod(const Value& object, const std::string& name) {
    if (name == "copy" && object.sequence()->kind == SequenceKind::List)
        return Value::function(
            name, [object](Interpreter&, const Arguments&) { return Value::list(object.sequence()->items); });
    if (name != "index" && name != "count") return std::nullopt;
    return Value::function(name, [object, name](Interpreter& interpreter, const Arguments& arguments) {
        const auto& items = object.sequence()->items;
        interpreter.charge(static_cast<std::int64_t>(items.size()) / 8);
        if (arguments.positional.empty()) typeError(name + "() takes exactly one argument (0 given)");
        const auto same = [&](const Value& item) { return item.equals(arguments.positional[0]); };
        if (name == "count")
            return Value(static_cast<std::int64_t>(std::count_if(items.begin(), items.end(), same)));
        const auto at = std::find_if(items.begin(), items.end(), same);
        if (at == items.end())
            throw Failure("ValueError", arguments.positional[0].repr() + " is not in list");
        return Value(static_cast<std::int64_t>(at - items.begin()));
    });
}

// Names that exist in Python but that the sandbox does not give out.
bool isUnsafe(const Value& object, const std::string& name) {
    if (name.starts_with("__")) return true;
    static constexpr std::string_view kList = " append clear extend insert pop remove reverse sort ";
    static constexpr std::string_view kDictionary = " clear pop popitem setdefault update ";
    const std::string padded = " " + name + " ";
    if (object.sequence() && object.sequence()->kind == SequenceKind::List)
        return kList.find(padded) != std::string_view::npos;
    return object.mapping() && kDictionary.find(padded) != std::string_view::npos;
}

}  // namespace

std::optional<Value> method(const Value& object, const std::string& name) {
    if (isUnsafe(object, name)) {
        const auto message = fmt::format("access to attribute {} of '{}' object is unsafe.",
                                         jinja::quotedText(name), object.typeName());
        return Value(Undefined{message, "SecurityError"});
    }
    if (object.mapping()) return dictionaryMethod(object, name);
    if (object.sequence() && object.sequence()->kind <= SequenceKind::Tuple) return listMethod(object, name);
    return object.text() ? textMethod(object, name) : std::nullopt;
}

}  // namespace caravan::engine::jinja
