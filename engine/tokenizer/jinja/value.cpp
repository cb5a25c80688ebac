// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/jinja/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/tokenizer/utf8.h"

namespace caravan::engine::jinja {
namespace {

constexpr std::int64_t kDefaultWork = 5'000'000;
thread_local std::int64_t workLeft = kDefaultWork;

int orderOf(double a, double b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

// -1, 0, 1, or nothing where the types cannot be ordered.
std::optional<int> order(const Value& a, const Value& b) {
    if (a.integer() && b.integer())
        return *a.integer() < *b.integer() ? -1 : *a.integer() > *b.integer() ? 1 : 0;
    if (a.number() && b.number()) return orderOf(*a.number(), *b.number());
    if (a.text() && b.text()) {
        const int sign = a.text()->bytes().compare(b.text()->bytes());  // UTF-8 sorts as its characters do
        return sign < 0 ? -1 : sign > 0 ? 1 : 0;
    }
    if (!a.sequence() || !b.sequence() || a.sequence()->kind != b.sequence()->kind) return std::nullopt;
    const auto& left = a.sequence()->items;
    const auto& right = b.sequence()->items;
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
        if (!left[i].equals(right[i])) return order(left[i], right[i]);
    return left.size() < right.size() ? -1 : left.size() > right.size() ? 1 : 0;
}

bool sameEntries(const Mapping& a, const Mapping& b) {
    if (a.entries.size() != b.entries.size()) return false;
    return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
        const Value* other = b.find(entry.first);
        return other && entry.second.equals(*other);
    });
}

}  // namespace

void typeError(std::string message) {
    throw Failure("TypeError", std::move(message));
}
void raise(const Undefined& undefined) {
    throw Failure(undefined.kind, undefined.message);
}
void allowWork(std::int64_t amount) {
    workLeft = amount;
}
void spendWork(std::int64_t amount) {
    workLeft -= amount;
    if (workLeft < 0) throw Failure("RuntimeError", "the template takes too many steps");
}

int Value::depth() const {
    if (sequence()) return sequence()->depth;
    return mapping() && mapping()->kind == MappingKind::Dictionary ? mapping()->depth : 0;
}

Value Value::list(std::vector<Value> items, SequenceKind kind) {
    if (items.size() > kMaxItems) throw Failure("MemoryError", "a list has more than 1,000,000 items");
    auto made = std::make_shared<Sequence>(Sequence{kind, std::move(items), 1});
    for (const Value& item : made->items)
        made->depth = std::max(made->depth, item.depth() + 1);
    if (made->depth > kMaxValueDepth) throw Failure("RecursionError", "values are nested too deeply");
    return Value(std::move(made));
}

const Value* Mapping::find(const Value& key) const {
    const auto it = std::find_if(entries.begin(), entries.end(),
                                 [&](const auto& entry) { return entry.first.equals(key); });
    return it == entries.end() ? nullptr : &it->second;
}

const Value* Mapping::find(std::string_view key) const {
    const auto it = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
        return entry.first.text() && entry.first.text()->bytes() == key;
    });
    return it == entries.end() ? nullptr : &it->second;
}

void Mapping::set(Value key, Value value) {
    depth = std::max(depth, std::max(key.depth(), value.depth()) + 1);
    if (kind == MappingKind::Dictionary && depth > kMaxValueDepth)
        throw Failure("RecursionError", "values are nested too deeply");
    if (const Value* found = find(key))
        *const_cast<Value*>(found) = std::move(value);
    else
        entries.emplace_back(std::move(key), std::move(value));
}

const Value* Arguments::find(std::size_t place, std::string_view name) const {
    if (place < positional.size()) return &positional[place];
    const auto it = std::find_if(named.begin(), named.end(), [&](const auto& n) { return n.first == name; });
    return it == named.end() ? nullptr : &it->second;
}

Value Arguments::get(std::size_t place, std::string_view name, Value fallback) const {
    const Value* found = find(place, name);
    return found ? *found : std::move(fallback);
}

const Text* Value::text() const {
    const auto* held = as<std::shared_ptr<const Text>>();
    return held ? held->get() : nullptr;
}
const Sequence* Value::sequence() const {
    return mutableSequence();
}
Sequence* Value::mutableSequence() const {
    const auto* held = as<std::shared_ptr<Sequence>>();
    return held ? held->get() : nullptr;
}
const Mapping* Value::mapping() const {
    return mutableMapping();
}
Mapping* Value::mutableMapping() const {
    const auto* held = as<std::shared_ptr<Mapping>>();
    return held ? held->get() : nullptr;
}
const Callable* Value::callable() const {
    const auto* held = as<std::shared_ptr<Callable>>();
    return held ? held->get() : nullptr;
}

std::optional<std::int64_t> Value::integer() const {
    if (const auto* flag = as<bool>()) return *flag ? 1 : 0;
    if (const auto* number = as<std::int64_t>()) return *number;
    return std::nullopt;
}

std::optional<double> Value::number() const {
    if (const auto whole = integer()) return static_cast<double>(*whole);
    if (const auto* real = as<double>()) return *real;
    return std::nullopt;
}

bool Value::truth() const {
    if (isUndefined() || isNone()) return false;
    if (const auto real = number()) return *real != 0;
    if (text()) return !text()->bytes().empty();
    if (sequence()) return sequence()->kind == SequenceKind::Generator || !sequence()->items.empty();
    if (mapping()) return mapping()->kind != MappingKind::Dictionary || !mapping()->entries.empty();
    return true;
}

const char* Value::typeName() const {
    if (isUndefined()) return "Undefined";
    if (isNone()) return "NoneType";
    if (as<bool>()) return "bool";
    if (as<std::int64_t>()) return "int";
    if (as<double>()) return "float";
    if (text()) return "str";
    if (sequence()) {
        static constexpr const char* kNames[] = {"list",       "tuple",     "generator",
                                                 "dict_items", "dict_keys", "dict_values"};
        return kNames[static_cast<std::size_t>(sequence()->kind)];
    }
    if (mapping()) {
        static constexpr const char* kNames[] = {"dict", "Namespace", "LoopContext"};
        return kNames[static_cast<std::size_t>(mapping()->kind)];
    }
    return "function";
}

std::vector<Value> Value::iterate() const {
    if (isUndefined()) return {};
    if (Sequence* held = mutableSequence())
        return held->kind == SequenceKind::Generator ? std::exchange(held->items, {}) : held->items;
    std::vector<Value> values;
    if (mapping() && mapping()->kind == MappingKind::Dictionary) {
        for (const auto& [key, value] : mapping()->entries)
            values.push_back(key);
    } else if (text()) {
        for (Text& character : characters(*text()))
            values.emplace_back(std::move(character));
    } else {
        typeError(fmt::format("'{}' object is not iterable", typeName()));
    }
    return values;
}

std::size_t Value::length() const {
    if (isUndefined()) return 0;
    if (text()) return utf8::countCharacters(text()->bytes());
    if (sequence() && sequence()->kind != SequenceKind::Generator) return sequence()->items.size();
    if (mapping() && mapping()->kind == MappingKind::Dictionary) return mapping()->entries.size();
    typeError(fmt::format("object of type '{}' has no len()", typeName()));
}

bool Value::equals(const Value& other) const {
    spendWork(1);
    if (isUndefined() || other.isUndefined()) return isUndefined() && other.isUndefined();
    if (isNone() || other.isNone()) return isNone() && other.isNone();
    if (number() && other.number()) return order(*this, other) == 0 && !std::isnan(*number());
    if (text() && other.text()) return text()->bytes() == other.text()->bytes();
    if (sequence() && other.sequence()) {
        const auto& a = *sequence();
        const auto& b = *other.sequence();
        if (a.kind == SequenceKind::Generator) return &a == &b;
        return a.kind == b.kind && std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(),
                                              [](const Value& x, const Value& y) { return x.equals(y); });
    }
    if (mapping() && other.mapping()) {
        if (mapping()->kind != MappingKind::Dictionary) return mapping() == other.mapping();
        return mapping() == other.mapping() || sameEntries(*mapping(), *other.mapping());
    }
    return callable() && callable() == other.callable();
}

bool Value::lessThan(const Value& other, const char* sign) const {
    if (isUndefined()) raise(undefined());
    if (other.isUndefined()) raise(other.undefined());
    const auto found = order(*this, other);
    if (!found)
        typeError(fmt::format("'{}' not supported between instances of '{}' and '{}'", sign, typeName(),
                              other.typeName()));
    return *found < 0;
}

std::vector<Text> characters(const Text& text) {
    spendWork(static_cast<std::int64_t>(text.bytes().size()) * 4);
    std::vector<Text> out;
    const std::string_view bytes = text.bytes();
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t length = utf8::next(bytes.substr(at)).length;
        out.push_back(text.part(at, at + length));
        at += length;
    }
    return out;
}

Value fromJson(const nlohmann::ordered_json& json) {
    if (json.is_null()) return {};
    if (json.is_boolean()) return Value(json.get<bool>());
    if (json.is_number_integer()) return Value(json.get<std::int64_t>());
    if (json.is_number()) return Value(json.get<double>());
    if (json.is_string()) return Value(Text::written(json.get<std::string>()));
    if (json.is_array()) {
        std::vector<Value> items;
        for (const auto& item : json)
            items.push_back(fromJson(item));
        return Value::list(std::move(items));
    }
    auto mapping = std::make_shared<Mapping>();
    for (const auto& [key, value] : json.items()) {
        mapping->entries.emplace_back(Value(Text::written(key)), fromJson(value));
        mapping->depth = std::max(mapping->depth, mapping->entries.back().second.depth() + 1);
    }
    return Value(std::move(mapping));
}

}  // namespace caravan::engine::jinja
