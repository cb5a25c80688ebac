// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/tokenizer/jinja/text.h"

namespace caravan::engine::jinja {

// What ends a rendering: kind is the name that jinja2 or Python gives such an error ("UndefinedError").
class Failure : public std::exception {
  public:
    Failure(std::string kind, std::string message) : m_kind(std::move(kind)), m_message(std::move(message)) {}
    [[nodiscard]] const char* what() const noexcept override { return m_message.c_str(); }
    [[nodiscard]] const std::string& kind() const { return m_kind; }
    [[nodiscard]] const std::string& message() const { return m_message; }
    int line = 0;  // of the template; 0 = not known yet

  private:
    std::string m_kind, m_message;
};
[[noreturn]] void typeError(std::string message);
struct Undefined;
[[noreturn]] void raise(const Undefined& undefined);
// Work that values may do by themselves on this thread: comparisons (lists that share parts could ask for any
// number) and texts cut into characters. spendWork throws when it is used up.
void allowWork(std::int64_t amount);
void spendWork(std::int64_t amount);

class Value;
class Interpreter;

struct Undefined {
    std::string message;  // why it is: "'x' is undefined"
    const char* kind = "UndefinedError";
};
struct Nothing {};
enum class SequenceKind { List, Tuple, Generator, Items, Keys, Values };
// Lists and dictionaries nest at most so deep.
inline constexpr int kMaxValueDepth = 50;
inline constexpr std::size_t kMaxTextBytes = 16u << 20;
inline constexpr std::size_t kMaxItems = 1'000'000;

struct Sequence {
    SequenceKind kind = SequenceKind::List;
    std::vector<Value> items;  // of a Generator: those that nobody has taken yet
    int depth = 1;
    bool isGroup = false;  // a tuple of groupby: also has grouper and list
};
enum class MappingKind { Dictionary, Namespace, Loop };
struct Mapping {  // in the order of insertion
    MappingKind kind = MappingKind::Dictionary;
    std::vector<std::pair<Value, Value>> entries;
    int depth = 1;  // of a Dictionary
    [[nodiscard]] const Value* find(const Value& key) const;
    [[nodiscard]] const Value* find(std::string_view key) const;
    void set(Value key, Value value);  // throws past kMaxValueDepth
};
struct Arguments {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> named;
    // The argument at a place or by name; a default if it is not given.
    [[nodiscard]] const Value* find(std::size_t place, std::string_view name) const;
    [[nodiscard]] Value get(std::size_t place, std::string_view name, Value fallback) const;
};
struct Callable {
    std::string name;
    std::function<Value(Interpreter&, const Arguments&)> call;
};

// A value of the template language. Copies share lists and mappings.
class Value {
  public:
    using Storage =
        std::variant<Undefined, Nothing, bool, std::int64_t, double, std::shared_ptr<const Text>,
                     std::shared_ptr<Sequence>, std::shared_ptr<Mapping>, std::shared_ptr<Callable>>;
    Value() : m_storage(Nothing{}) {}
    Value(Undefined undefined) : m_storage(std::move(undefined)) {}
    Value(bool flag) : m_storage(flag) {}
    Value(std::int64_t number) : m_storage(number) {}
    Value(double number) : m_storage(number) {}
    Value(Text text) : m_storage(std::make_shared<const Text>(std::move(text))) {}
    Value(std::string text) : Value(Text(std::move(text))) {}
    Value(const char* text) : Value(std::string(text)) {}
    Value(std::shared_ptr<Sequence> sequence) : m_storage(std::move(sequence)) {}
    Value(std::shared_ptr<Mapping> mapping) : m_storage(std::move(mapping)) {}
    Value(std::shared_ptr<Callable> callable) : m_storage(std::move(callable)) {}
    static Value list(std::vector<Value> items,
                      SequenceKind kind = SequenceKind::List);  // throws past the limits
    static Value function(std::string name, std::function<Value(Interpreter&, const Arguments&)> call) {
        return Value(std::make_shared<Callable>(Callable{std::move(name), std::move(call)}));
    }
    static Value size(std::size_t count) { return Value(static_cast<std::int64_t>(count)); }

    template <class T>
    [[nodiscard]] const T* as() const {
        return std::get_if<T>(&m_storage);
    }
    [[nodiscard]] bool isUndefined() const { return as<Undefined>() != nullptr; }
    [[nodiscard]] bool isNone() const { return as<Nothing>() != nullptr; }
    [[nodiscard]] bool isNumber() const { return as<bool>() || as<std::int64_t>() || as<double>(); }
    [[nodiscard]] const Text* text() const;          // nullptr: not a string
    [[nodiscard]] const Sequence* sequence() const;  // nullptr: not a sequence
    [[nodiscard]] Sequence* mutableSequence() const;
    [[nodiscard]] const Mapping* mapping() const;
    [[nodiscard]] Mapping* mutableMapping() const;
    [[nodiscard]] const Callable* callable() const;
    [[nodiscard]] int depth() const;  // 0: not a list or dictionary
    [[nodiscard]] const Undefined& undefined() const { return *as<Undefined>(); }
    [[nodiscard]] std::optional<std::int64_t> integer() const;  // int or bool
    [[nodiscard]] std::optional<double> number() const;         // int, bool or float

    [[nodiscard]] bool truth() const;
    [[nodiscard]] Text toText() const;           // Python's str()
    [[nodiscard]] std::string repr() const;      // Python's repr()
    [[nodiscard]] const char* typeName() const;  // Python's: "str", "dict"
    // The values that a loop visits: items, keys, characters. TypeError for what cannot be iterated. A
    // generator gives its values once: it is empty afterwards.
    [[nodiscard]] std::vector<Value> iterate() const;
    [[nodiscard]] std::size_t length() const;  // TypeError without a length

    [[nodiscard]] bool equals(const Value& other) const;  // Python's ==
    // Python's <; TypeError naming the operator where the types cannot be ordered.
    [[nodiscard]] bool lessThan(const Value& other, const char* sign = "<") const;

  private:
    Storage m_storage;
};

[[nodiscard]] std::string floatText(double number);           // Python's repr of a float
[[nodiscard]] std::string quotedText(std::string_view text);  // Python's repr of a str
[[nodiscard]] std::vector<Text> characters(const Text& text);
// Values of a JSON document; its strings count as written by a person.
[[nodiscard]] Value fromJson(const nlohmann::ordered_json& json);
struct JsonStyle {
    std::optional<std::string> indent;  // of one level
    bool ensureAscii = false, sortKeys = false;
    std::string itemSeparator, keySeparator = ": ";  // itemSeparator "" = Python's default
};
[[nodiscard]] std::string toJsonText(const Value& value, const JsonStyle& style);

}  // namespace caravan::engine::jinja
