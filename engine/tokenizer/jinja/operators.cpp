// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Arithmetic, comparisons and slices with Python's rules.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/tokenizer/jinja/interpreter.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine::jinja {
namespace {

[[noreturn]] void unsupported(const std::string& sign, const Value& left, const Value& right) {
    typeError(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'",
                          sign == "**" ? "** or pow()" : sign, left.typeName(), right.typeName()));
}

[[noreturn]] void overflow() {
    throw Failure("OverflowError", "a whole number has more than 64 bits");
}

[[noreturn]] void divisionByZero(const std::string& sign, bool whole) {
    throw Failure("ZeroDivisionError",
                  sign == "/" ? (whole ? "division by zero" : "float division by zero")
                  : whole ? (sign == "%" ? "integer modulo by zero" : "integer division or modulo by zero")
                  : sign == "%" ? "float modulo"
                                : "float floor division by zero");
}

Value wholePower(std::int64_t base, std::int64_t exponent) {
    if (exponent < 0) {
        if (base == 0) throw Failure("ZeroDivisionError", "0.0 cannot be raised to a negative power");
        return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
    }
    std::int64_t result = 1;
    if (base == 0 || base == 1) return Value(exponent == 0 ? std::int64_t{1} : base);
    if (base == -1) return Value(exponent % 2 == 0 ? std::int64_t{1} : std::int64_t{-1});
    for (std::int64_t i = 0; i < exponent; ++i)
        if (__builtin_mul_overflow(result, base, &result)) overflow();
    return Value(result);
}

Value wholeOperation(const std::string& sign, std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    if (sign == "+" && __builtin_add_overflow(a, b, &result)) overflow();
    if (sign == "-" && __builtin_sub_overflow(a, b, &result)) overflow();
    if (sign == "*" && __builtin_mul_overflow(a, b, &result)) overflow();
    if (sign == "**") return wholePower(a, b);
    if (sign != "/" && sign != "//" && sign != "%") return Value(result);
    if (b == 0) divisionByZero(sign, true);
    if (sign == "/") return Value(static_cast<double>(a) / static_cast<double>(b));
    if (b == -1) return sign == "%" ? Value(std::int64_t{0}) : wholeOperation("-", 0, a);
    std::int64_t quotient = a / b, rest = a % b;
    if (rest != 0 && (rest < 0) != (b < 0)) {
        --quotient;
        rest += b;
    }
    return Value(sign == "//" ? quotient : rest);
}

Value realOperation(const std::string& sign, double a, double b) {
    if (sign == "+") return Value(a + b);
    if (sign == "-") return Value(a - b);
    if (sign == "*") return Value(a * b);
    if (sign == "**") return Value(std::pow(a, b));
    if (b == 0) divisionByZero(sign, false);
    if (sign == "/") return Value(a / b);
    double rest = std::fmod(a, b);
    if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
    if (sign == "%") return Value(rest);
    return Value(std::floor((a - rest) / b + 0.5));
}

Value repeated(Interpreter& interpreter, const Value& value, std::int64_t count) {
    const auto times = static_cast<std::size_t>(std::clamp<std::int64_t>(count, 0, 1 << 26));
    if (const Text* text = value.text()) {
        interpreter.chargeText(text->bytes().size() * times);
        interpreter.charge(static_cast<std::int64_t>(text->bytes().empty() ? 0 : times / 16));
        Text out;
        for (std::size_t i = 0; i < times && !text->bytes().empty(); ++i)
            out.append(*text);
        return Value(std::move(out));
    }
    const auto& items = value.sequence()->items;
    if (items.size() * times > kMaxItems)
        throw Failure("MemoryError", "a list has more than 1,000,000 items");
    std::vector<Value> out;
    for (std::size_t i = 0; i < times && !items.empty(); ++i)
        out.insert(out.end(), items.begin(), items.end());
    interpreter.charge(static_cast<std::int64_t>(out.size()) / 8);
    return Value::list(std::move(out), value.sequence()->kind);
}

bool plainSequence(const Value& value) {
    return value.sequence() && value.sequence()->kind <= SequenceKind::Tuple;
}

Value added(Interpreter& interpreter, const Value& left, const Value& right) {
    if (left.text() && right.text()) {
        interpreter.chargeText(left.text()->bytes().size() + right.text()->bytes().size());
        Text text = *left.text();
        text.append(*right.text());
        return Value(std::move(text));
    }
    if (plainSequence(left) && plainSequence(right) && left.sequence()->kind == right.sequence()->kind) {
        std::vector<Value> items = left.sequence()->items;
        items.insert(items.end(), right.sequence()->items.begin(), right.sequence()->items.end());
        interpreter.charge(static_cast<std::int64_t>(items.size()) / 8);
        return Value::list(std::move(items), left.sequence()->kind);
    }
    if (left.text()) typeError(fmt::format("can only concatenate str (not \"{}\") to str", right.typeName()));
    if (plainSequence(left))
        typeError(
            fmt::format("can only concatenate {0} (not \"{1}\") to {0}", left.typeName(), right.typeName()));
    unsupported("+", left, right);
}

Value signChanged(const std::string& sign, const Value& value) {
    if (value.isUndefined()) raise(value.undefined());
    if (!value.number())
        typeError(fmt::format("bad operand type for unary {}: '{}'", sign == "negative" ? "-" : "+",
                              value.typeName()));
    if (const auto whole = value.integer())
        return sign == "negative" ? wholeOperation("-", 0, *whole) : Value(*whole);
    return Value(sign == "negative" ? -*value.number() : *value.number());
}

bool contains(const Value& container, const Value& needle) {
    if (const Text* text = container.text()) {
        if (!needle.text())
            typeError(
                fmt::format("'in <string>' requires string as left operand, not {}", needle.typeName()));
        return text->bytes().find(needle.text()->bytes()) != std::string::npos;
    }
    if (const Mapping* mapping = container.mapping(); mapping && mapping->kind == MappingKind::Dictionary)
        return mapping->find(needle) != nullptr;
    if (container.isUndefined()) return false;
    if (!container.sequence())
        typeError(fmt::format("argument of type '{}' is not iterable", container.typeName()));
    if (Sequence* held = container.mutableSequence(); held->kind == SequenceKind::Generator) {
        while (!held->items.empty()) {  // takes what it looks at
            const bool found = held->items.front().equals(needle);
            held->items.erase(held->items.begin());
            if (found) return true;
        }
        return false;
    }
    const auto& items = container.sequence()->items;
    return std::any_of(items.begin(), items.end(), [&](const Value& item) { return item.equals(needle); });
}

struct Steps {
    std::int64_t start = 0, stop = 0, step = 1;
};

std::int64_t bound(const Value& value, std::int64_t fallback) {
    if (value.isNone()) return fallback;
    if (value.isUndefined()) raise(value.undefined());
    const auto whole = value.integer();
    if (!whole) typeError("slice indices must be integers or None or have an __index__ method");
    return *whole;
}

Steps resolve(const Value& start, const Value& stop, const Value& step, std::int64_t size) {
    Steps steps;
    steps.step = bound(step, 1);
    if (steps.step == 0) throw Failure("ValueError", "slice step cannot be zero");
    const bool back = steps.step < 0;
    const auto place = [&](const Value& value, std::int64_t fallback) {
        if (value.isNone()) return fallback;
        std::int64_t at = bound(value, fallback);
        if (at < 0) at += size;
        return std::clamp<std::int64_t>(at, back ? -1 : 0, back ? size - 1 : size);
    };
    steps.start = place(start, back ? size - 1 : 0);
    steps.stop = place(stop, back ? -1 : size);
    return steps;
}

template <class Take>
void walk(const Steps& s, Take take) {
    for (std::int64_t i = s.start; s.step > 0 ? i < s.stop : i > s.stop;) {
        take(static_cast<std::size_t>(i));
        if (__builtin_add_overflow(i, s.step, &i)) return;
    }
}

}  // namespace

Value binary(Interpreter& interpreter, const std::string& sign, const Value& left, const Value& right) {
    if (sign == "negative" || sign == "positive") return signChanged(sign, left);
    if (left.isUndefined()) raise(left.undefined());
    if (right.isUndefined()) raise(right.undefined());
    if (left.integer() && right.integer()) return wholeOperation(sign, *left.integer(), *right.integer());
    if (left.number() && right.number()) return realOperation(sign, *left.number(), *right.number());
    if (sign == "+") return added(interpreter, left, right);
    if (sign == "%" && left.text()) return formatted(interpreter, *left.text(), right);
    if (sign == "*" && (left.text() || plainSequence(left)) && right.integer())
        return repeated(interpreter, left, *right.integer());
    if (sign == "*" && (right.text() || plainSequence(right)) && left.integer())
        return repeated(interpreter, right, *left.integer());
    unsupported(sign, left, right);
}

bool compare(const std::string& sign, const Value& left, const Value& right) {
    if (sign == "==") return left.equals(right);
    if (sign == "!=") return !left.equals(right);
    if (sign == "in") return contains(right, left);
    if (sign == "not in") return !contains(right, left);
    if (sign == "<") return left.lessThan(right, "<");
    if (sign == ">") {
        if (left.isUndefined()) raise(left.undefined());
        return right.lessThan(left, ">");
    }
    if (left.number() && right.number() && (std::isnan(*left.number()) || std::isnan(*right.number())))
        return false;
    if (sign == "<=") return !right.lessThan(left, "<=");
    return !left.lessThan(right, ">=");
}

Text characterRange(const Text& text, std::size_t begin, std::size_t end) {
    const std::string_view bytes = text.bytes();
    std::size_t at = 0, from = bytes.size(), index = 0;
    for (; at < bytes.size() && index < end; ++index) {
        if (index == begin) from = at;
        at += utf8::next(bytes.substr(at)).length;
    }
    return text.part(std::min(from, at), at);
}

Value slice(const Value& object, const Value& start, const Value& stop, const Value& step) {
    if (object.isUndefined()) raise(object.undefined());
    if (object.text()) {
        const Steps s = resolve(start, stop, step, static_cast<std::int64_t>(object.length()));
        if (s.step == 1)
            return Value(characterRange(*object.text(), static_cast<std::size_t>(s.start),
                                        static_cast<std::size_t>(std::max(s.start, s.stop))));
        const std::vector<Text> all = characters(*object.text());
        Text out;
        walk(s, [&](std::size_t i) { out.append(all[i]); });
        return Value(std::move(out));
    }
    if (!plainSequence(object))
        return Value(Undefined{fmt::format("'{} object' has no such part", object.typeName())});
    const auto& items = object.sequence()->items;
    std::vector<Value> out;
    walk(resolve(start, stop, step, static_cast<std::int64_t>(items.size())),
         [&](std::size_t i) { out.push_back(items[i]); });
    return Value::list(std::move(out), object.sequence()->kind);
}

}  // namespace caravan::engine::jinja
