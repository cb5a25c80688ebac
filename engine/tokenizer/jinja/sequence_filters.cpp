// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <fmt/format.h>

#include <algorithm>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/jinja/filters.h"

namespace caravan::engine::jinja {
namespace {

Value generator(std::vector<Value> items) {
    return Value::list(std::move(items), SequenceKind::Generator);
}

std::vector<Value> commaParts(const Text& text) {
    std::vector<Value> parts;
    const std::string& bytes = text.bytes();
    for (std::size_t at = 0; at <= bytes.size();) {
        const std::size_t end = std::min(bytes.find(',', at), bytes.size());
        parts.emplace_back(text.part(at, end));
        at = end + 1;
    }
    return parts;
}

// What sorting and comparing looks at: the attribute (of several, "a,b", one behind the other) if one is
// named; strings without case unless told.
Value sortKey(Interpreter& interpreter, const Value& value, const Value& attribute, bool caseSensitive) {
    if (attribute.text() && attribute.text()->bytes().find(',') != std::string::npos) {
        std::vector<Value> keys;
        for (const Value& part : commaParts(*attribute.text()))
            keys.push_back(sortKey(interpreter, value, part, caseSensitive));
        return Value::list(std::move(keys));
    }
    const Value key = attribute.isNone() ? value : attributePath(interpreter, value, attribute);
    if (caseSensitive || !key.text()) return key;
    return Value(lowered(key.text()->bytes()));
}

struct Keyed {
    Value key, value;
};

std::vector<Keyed> keyed(Interpreter& interpreter, const Value& value, const Value& attribute,
                         bool caseSensitive) {
    std::vector<Keyed> out;
    for (Value& item : value.iterate())
        out.push_back({sortKey(interpreter, item, attribute, caseSensitive), item});
    interpreter.charge(static_cast<std::int64_t>(out.size()) * 4);
    return out;
}

// Insertion by binary search would compare with an order that may throw: a merge sort on indices is safe for
// that.
void sortKeyed(std::vector<Keyed>& items, bool reverse) {
    std::vector<Keyed> buffer(items.size());
    for (std::size_t width = 1; width < items.size(); width *= 2) {
        for (std::size_t begin = 0; begin < items.size(); begin += 2 * width) {
            const std::size_t middle = std::min(begin + width, items.size()),
                              end = std::min(begin + 2 * width, items.size());
            std::size_t left = begin, right = middle;
            for (std::size_t out = begin; out < end; ++out) {
                const bool takeRight =
                    right < end && (left >= middle || (reverse ? items[left].key.lessThan(items[right].key)
                                                               : items[right].key.lessThan(items[left].key)));
                buffer[out] = std::move(takeRight ? items[right++] : items[left++]);
            }
        }
        items.swap(buffer);
    }
}

std::vector<Value> valuesOf(const std::vector<Keyed>& items) {
    std::vector<Value> out;
    for (const Keyed& item : items)
        out.push_back(item.value);
    return out;
}

Value lengthFilter(Interpreter&, const Value& value, const Arguments&) {
    return Value::size(value.length());
}
Value listFilter(Interpreter&, const Value& value, const Arguments&) {
    return Value::list(value.iterate());
}

Value firstFilter(Interpreter&, const Value& value, const Arguments&) {
    if (Sequence* held = value.mutableSequence();
        held && held->kind == SequenceKind::Generator && !held->items.empty()) {
        const Value taken = held->items.front();
        held->items.erase(held->items.begin());
        return taken;
    }
    const std::vector<Value> items = value.iterate();
    return items.empty() ? Value(Undefined{"No first item, sequence was empty."}) : items.front();
}
bool isGenerator(const Value& value) {
    return value.sequence() && value.sequence()->kind == SequenceKind::Generator;
}

Value lastFilter(Interpreter&, const Value& value, const Arguments&) {
    if (isGenerator(value)) typeError("'generator' object is not reversible");
    const std::vector<Value> items = value.iterate();
    return items.empty() ? Value(Undefined{"No last item, sequence was empty."}) : items.back();
}

Value reverseFilter(Interpreter&, const Value& value, const Arguments&) {
    if (value.text()) return slice(value, Value(), Value(), Value(std::int64_t{-1}));
    const bool once = isGenerator(value);
    std::vector<Value> items = value.iterate();
    std::reverse(items.begin(), items.end());
    return once ? Value::list(std::move(items)) : generator(std::move(items));
}

Value joinFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    const Text separator = arguments.get(0, "d", Value("")).toText();
    const Value attribute = arguments.get(1, "attribute", Value());
    Text out;
    bool first = true;
    for (const Value& item : value.iterate()) {
        if (!first) out.append(separator);
        first = false;
        out.append((attribute.isNone() ? item : attributePath(interpreter, item, attribute)).toText());
        interpreter.charge(1);
        if (out.bytes().size() > kMaxTextBytes) interpreter.chargeText(out.bytes().size());
    }
    return Value(std::move(out));
}

Value defaultFilter(Interpreter&, const Value& value, const Arguments& arguments) {
    const bool falseToo = arguments.get(1, "boolean", Value(false)).truth();
    return value.isUndefined() || (falseToo && !value.truth()) ? arguments.get(0, "default_value", Value(""))
                                                               : value;
}

Value sortFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    auto items = keyed(interpreter, value, arguments.get(2, "attribute", Value()),
                       arguments.get(1, "case_sensitive", Value(false)).truth());
    sortKeyed(items, arguments.get(0, "reverse", Value(false)).truth());
    return Value::list(valuesOf(items));
}

Value dictsortFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    if (!value.mapping()) typeError("dictsort needs a mapping");
    const bool caseSensitive = arguments.get(0, "case_sensitive", Value(false)).truth(),
               reverse = arguments.get(2, "reverse", Value(false)).truth();
    const bool byValue = arguments.get(1, "by", Value("key")).toText().bytes() == "value";
    std::vector<Keyed> items;
    for (const auto& [key, entry] : value.mapping()->entries)
        items.push_back({sortKey(interpreter, byValue ? entry : key, Value(), caseSensitive),
                         Value::list({key, entry}, SequenceKind::Tuple)});
    sortKeyed(items, reverse);
    return Value::list(valuesOf(items));
}

Value itemsFilter(Interpreter& interpreter, const Value& value, const Arguments&) {
    if (value.isUndefined()) return generator({});
    if (!value.mapping()) typeError("Can only get item pairs from a mapping.");
    return generator(interpreter.call(interpreter.attribute(value, "items"), {}).iterate());
}

Value extreme(Interpreter& interpreter, const Value& value, const Arguments& arguments, bool largest) {
    const auto items = keyed(interpreter, value, arguments.get(1, "attribute", Value()),
                             arguments.get(0, "case_sensitive", Value(false)).truth());
    if (items.empty()) return Value(Undefined{"No aggregated item, sequence was empty."});
    const Keyed* best = &items.front();
    for (const Keyed& item : items)
        if (largest ? best->key.lessThan(item.key, ">") : item.key.lessThan(best->key)) best = &item;
    return best->value;
}
Value minFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    return extreme(interpreter, value, arguments, false);
}
Value maxFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    return extreme(interpreter, value, arguments, true);
}

Value sumFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    const Value attribute = arguments.get(0, "attribute", Value());
    Value sum = arguments.get(1, "start", Value(std::int64_t{0}));
    for (const Value& item : value.iterate()) {
        interpreter.charge(1);
        sum = binary(interpreter, "+", sum,
                     attribute.isNone() ? item : attributePath(interpreter, item, attribute));
    }
    return sum;
}

Value uniqueFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    std::vector<Keyed> seen;
    for (Keyed& item : keyed(interpreter, value, arguments.get(1, "attribute", Value()),
                             arguments.get(0, "case_sensitive", Value(false)).truth())) {
        interpreter.charge(static_cast<std::int64_t>(seen.size()) / 16);
        const bool known = std::any_of(seen.begin(), seen.end(),
                                       [&](const Keyed& other) { return other.key.equals(item.key); });
        if (!known) seen.push_back(std::move(item));
    }
    return generator(valuesOf(seen));
}

Value batchFilter(Interpreter&, const Value& value, const Arguments& arguments) {
    const std::int64_t count = wholeOf(arguments.get(0, "linecount", Value()), 1);
    const Value fill = arguments.get(1, "fill_with", Value());
    std::vector<Value> rows, row;
    for (Value& item : value.iterate()) {
        if (static_cast<std::int64_t>(row.size()) == count)
            rows.push_back(Value::list(std::exchange(row, {})));
        row.push_back(std::move(item));
    }
    if (!row.empty()) {
        if (!fill.isNone() && count > static_cast<std::int64_t>(row.size()))
            row.resize(static_cast<std::size_t>(std::min<std::int64_t>(count, kMaxItems)), fill);
        rows.push_back(Value::list(std::move(row)));
    }
    return generator(std::move(rows));
}

Value sliceFilter(Interpreter&, const Value& value, const Arguments& arguments) {
    const std::vector<Value> items = value.iterate();
    const auto slices = static_cast<std::size_t>(
        std::clamp<std::int64_t>(wholeOf(arguments.get(0, "slices", Value()), 1), 1, 1000));
    const Value fill = arguments.get(1, "fill_with", Value());
    const std::size_t each = items.size() / slices, extra = items.size() % slices;
    std::vector<Value> out;
    std::size_t at = 0;
    for (std::size_t i = 0; i < slices; ++i) {
        const std::size_t end = at + each + (i < extra ? 1 : 0);
        std::vector<Value> part(items.begin() + static_cast<std::ptrdiff_t>(at),
                                items.begin() + static_cast<std::ptrdiff_t>(end));
        if (!fill.isNone() && i >= extra && extra > 0) part.push_back(fill);
        out.push_back(Value::list(std::move(part)));
        at = end;
    }
    return generator(std::move(out));
}

Value mapFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    const Value* attribute = arguments.positional.empty() ? arguments.find(99, "attribute") : nullptr;
    const Value* fallback = arguments.find(99, "default");
    Arguments further = arguments;
    std::string name;
    if (!attribute) {
        if (arguments.positional.empty())
            throw Failure("FilterArgumentError", "map requires a filter argument");
        name = arguments.positional[0].toText().bytes();
        further.positional.erase(further.positional.begin());
    }
    std::vector<Value> out;
    for (const Value& item : value.iterate()) {
        Value mapped = attribute ? attributePath(interpreter, item, *attribute)
                                 : interpreter.filter(name, item, further);
        if (attribute && fallback && mapped.isUndefined()) mapped = *fallback;
        out.push_back(std::move(mapped));
    }
    return generator(std::move(out));
}

Value selected(Interpreter& interpreter, const Value& value, const Arguments& arguments, bool keeps,
               bool byAttribute) {
    Arguments further = arguments;
    Value attribute;
    if (byAttribute) {
        if (further.positional.empty())
            throw Failure("FilterArgumentError", "Missing parameter for attribute name");
        attribute = further.positional.front();
        further.positional.erase(further.positional.begin());
    }
    std::string name;
    if (!further.positional.empty()) {
        name = further.positional.front().toText().bytes();
        further.positional.erase(further.positional.begin());
    }
    std::vector<Value> out;
    for (const Value& item : value.iterate()) {
        const Value looked = byAttribute ? attributePath(interpreter, item, attribute) : item;
        interpreter.charge(1);
        if ((name.empty() ? looked.truth() : interpreter.test(name, looked, further)) == keeps)
            out.push_back(item);
    }
    return generator(std::move(out));
}
Value selectFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    return selected(interpreter, value, arguments, true, false);
}
Value rejectFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    return selected(interpreter, value, arguments, false, false);
}
Value selectattrFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    return selected(interpreter, value, arguments, true, true);
}
Value rejectattrFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    return selected(interpreter, value, arguments, false, true);
}

Value groupbyFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    const Value attribute = arguments.get(0, "attribute", Value());
    const Value* fallback = arguments.find(1, "default");
    const bool caseSensitive = arguments.get(2, "case_sensitive", Value(false)).truth();
    const auto nameOf = [&](const Value& item) {
        const Value name = attributePath(interpreter, item, attribute);
        return fallback && name.isUndefined() ? *fallback : name;
    };
    std::vector<Keyed> items;
    for (const Value& item : value.iterate())
        items.push_back({sortKey(interpreter, nameOf(item), Value(), caseSensitive), item});
    interpreter.charge(static_cast<std::int64_t>(items.size()) * 4);
    sortKeyed(items, false);
    std::vector<Value> groups, group;
    for (std::size_t i = 0; i < items.size(); ++i) {
        group.push_back(items[i].value);
        if (i + 1 < items.size() && items[i + 1].key.equals(items[i].key)) continue;
        const Value name = nameOf(group.front());
        groups.push_back(Value::list({name, Value::list(std::exchange(group, {}))}, SequenceKind::Tuple));
        groups.back().mutableSequence()->isGroup = true;
    }
    return Value::list(std::move(groups));
}

Value attrFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    const std::string name = arguments.get(0, "name", Value("")).toText().bytes();
    const bool dictionary = value.mapping() && value.mapping()->kind == MappingKind::Dictionary;
    if (!dictionary) return interpreter.attribute(value, name);
    const auto found = method(value, name);  // never an entry
    return found ? *found
                 : Value(Undefined{fmt::format("'dict object' has no attribute {}", quotedText(name))});
}

}  // namespace

Value attributePath(Interpreter& interpreter, const Value& value, const Value& path) {
    if (path.integer()) return interpreter.item(value, path);
    const std::string text = path.toText().bytes();
    Value found = value;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('.', at), text.size());
        const std::string part = text.substr(at, end - at);
        const bool number =
            !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string::npos;
        found = interpreter.item(found,
                                 number ? Value(static_cast<std::int64_t>(std::stoll(part))) : Value(part));
        at = end + 1;
    }
    return found;
}

void addSequenceFilters(FilterTable& table) {
    table.insert({{"length", lengthFilter},
                  {"count", lengthFilter},
                  {"list", listFilter},
                  {"first", firstFilter},
                  {"last", lastFilter},
                  {"reverse", reverseFilter},
                  {"join", joinFilter},
                  {"default", defaultFilter},
                  {"d", defaultFilter},
                  {"sort", sortFilter},
                  {"dictsort", dictsortFilter},
                  {"items", itemsFilter},
                  {"min", minFilter},
                  {"max", maxFilter},
                  {"sum", sumFilter},
                  {"unique", uniqueFilter},
                  {"batch", batchFilter},
                  {"slice", sliceFilter},
                  {"map", mapFilter},
                  {"select", selectFilter},
                  {"reject", rejectFilter},
                  {"selectattr", selectattrFilter},
                  {"rejectattr", rejectattrFilter},
                  {"groupby", groupbyFilter},
                  {"attr", attrFilter}});
}

}  // namespace caravan::engine::jinja
