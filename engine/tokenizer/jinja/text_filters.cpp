// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/jinja/filters.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine::jinja {
namespace {

Value method0(Interpreter& interpreter, const Value& value, const char* name) {
    return interpreter.call(*method(Value(value.toText()), name), {});
}

Value upperFilter(Interpreter& interpreter, const Value& value, const Arguments&) {
    return method0(interpreter, value, "upper");
}
Value lowerFilter(Interpreter& interpreter, const Value& value, const Arguments&) {
    return method0(interpreter, value, "lower");
}
Value capitalizeFilter(Interpreter& interpreter, const Value& value, const Arguments&) {
    return method0(interpreter, value, "capitalize");
}
Value stringFilter(Interpreter&, const Value& value, const Arguments&) {
    return Value(value.toText());
}

Value trimFilter(Interpreter&, const Value& value, const Arguments& arguments) {
    return Value(trimmed(value.toText(), arguments.get(0, "chars", Value()), true, true));
}

// Words begin behind white space and -({[<.
Value titleFilter(Interpreter&, const Value& value, const Arguments&) {
    const Text text = value.toText();
    std::string out;
    bool begins = true;
    for (const Text& character : characters(text)) {
        const std::string& bytes = character.bytes();
        out += begins ? uppered(bytes) : lowered(bytes);
        begins = isWhiteSpace(utf8::next(bytes).code) ||
                 std::string_view("-({[<").find(bytes) != std::string_view::npos;
    }
    return Value(text.changed(std::move(out)));
}

Value replaceFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    const Value *from = arguments.find(0, "old"), *to = arguments.find(1, "new");
    if (!from || !to) typeError("do_replace() missing required arguments: 'old' and 'new'");
    return Value(replaced(interpreter, value.toText(), from->toText(), to->toText(),
                          wholeOf(arguments.get(2, "count", Value()), -1)));
}

Value escapeFilter(Interpreter& interpreter, const Value& value, const Arguments&) {
    Text text = value.toText();
    static constexpr std::pair<const char*, const char*> kNames[] = {
        {"&", "&amp;"}, {">", "&gt;"}, {"<", "&lt;"}, {"'", "&#39;"}, {"\"", "&#34;"}};
    for (const auto& [from, to] : kNames)
        text = replaced(interpreter, text, Text(from), Text(to), -1);
    return Value(std::move(text));
}

Value indentFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    const Value width = arguments.get(0, "width", Value(std::int64_t{4}));
    const bool first = arguments.get(1, "first", Value(false)).truth(),
               blank = arguments.get(2, "blank", Value(false)).truth();
    const Text indentation =
        width.text() ? *width.text() : padded(interpreter, Text(), wholeOf(width, 4), Text(" "), true, false);
    Text input = value.toText(), out;
    input.append("\n");
    const std::vector<Value> lines = splitLines(input);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const Text& line = *lines[i].text();
        if (i > 0) out.append("\n");
        if (i == 0 ? first : blank || !line.bytes().empty()) out.append(indentation);
        out.append(line);
        interpreter.charge(1);
        if (out.bytes().size() > kMaxTextBytes) interpreter.chargeText(out.bytes().size());
    }
    return Value(std::move(out));
}

Value truncateFilter(Interpreter&, const Value& value, const Arguments& arguments) {
    const Text text = value.toText(), end = arguments.get(2, "end", Value("...")).toText();
    const auto length = wholeOf(arguments.get(0, "length", Value()), 255),
               leeway = wholeOf(arguments.get(3, "leeway", Value()), 5);
    const auto endLength = static_cast<std::int64_t>(utf8::countCharacters(end.bytes()));
    if (length < endLength)
        throw Failure("AssertionError", fmt::format("expected length >= {}, got {}", endLength, length));
    if (static_cast<std::int64_t>(utf8::countCharacters(text.bytes())) <= length + leeway) return Value(text);
    Text out = characterRange(text, 0, static_cast<std::size_t>(length - endLength));
    const std::size_t space = out.bytes().rfind(' ');
    if (!arguments.get(1, "killwords", Value(false)).truth() && space != std::string::npos)
        out = out.part(0, space);
    out.append(end);
    return Value(std::move(out));
}

Value centerFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    return Value(padded(interpreter, value.toText(), wholeOf(arguments.get(0, "width", Value()), 80),
                        Text(" "), true, true));
}

Value wordcountFilter(Interpreter&, const Value& value, const Arguments&) {
    std::int64_t words = 0;
    bool inside = false;
    for (const Text& character : characters(value.toText())) {
        const bool word = isWordCharacter(utf8::next(character.bytes()).code);
        words += word && !inside ? 1 : 0;
        inside = word;
    }
    return Value(words);
}

Value formatFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    if (!arguments.named.empty()) {
        auto mapping = std::make_shared<Mapping>();
        for (const auto& [name, argument] : arguments.named)
            mapping->set(Value(name), argument);
        return formatted(interpreter, value.toText(), Value(std::move(mapping)));
    }
    return formatted(interpreter, value.toText(), Value::list(arguments.positional, SequenceKind::Tuple));
}

// Of a part of a query a space becomes "+", and "/" is not left as it is.
Text urlQuoted(const Text& text, bool query) {
    std::string out;
    for (const char c : text.bytes()) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view(query ? "_.-~" : "_.-~/").find(c) != std::string_view::npos;
        out += plain               ? std::string(1, c)
               : query && c == ' ' ? "+"
                                   : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return text.changed(std::move(out));
}

Value urlencodeFilter(Interpreter& interpreter, const Value& value, const Arguments&) {
    const bool dictionary = value.mapping() && value.mapping()->kind == MappingKind::Dictionary;
    if (!dictionary && !value.sequence()) return Value(urlQuoted(value.toText(), false));
    Text out;
    for (const Value& pair : dictionary
                                 ? interpreter.call(interpreter.attribute(value, "items"), {}).iterate()
                                 : value.iterate()) {
        const std::vector<Value> parts = pair.iterate();
        if (parts.size() != 2)
            throw Failure("ValueError",
                          fmt::format("not enough values to unpack (expected 2, got {})", parts.size()));
        if (!out.bytes().empty()) out.append("&");
        out.append(urlQuoted(parts[0].toText(), true));
        out.append("=");
        out.append(urlQuoted(parts[1].toText(), true));
    }
    return Value(std::move(out));
}

Value tojsonFilter(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
    if (value.isUndefined()) typeError("Object of type Undefined is not JSON serializable");
    JsonStyle style;
    style.ensureAscii = arguments.get(0, "ensure_ascii", Value(false)).truth();
    if (!arguments.positional.empty() && arguments.positional[0].integer() &&
        !arguments.positional[0].as<bool>())
        style.ensureAscii = arguments.positional[0].truth();
    const Value indent = arguments.get(1, "indent", Value());
    if (const auto width = indent.integer())
        style.indent = std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(*width, 0, 100)), ' ');
    else if (indent.text() && indent.text()->bytes().size() <= 100)
        style.indent = indent.text()->bytes();
    const Value separators = arguments.get(2, "separators", Value());
    if (separators.sequence() && separators.sequence()->items.size() == 2) {
        style.itemSeparator = separators.sequence()->items[0].toText().bytes();
        style.keySeparator = separators.sequence()->items[1].toText().bytes();
    }
    style.sortKeys = arguments.get(3, "sort_keys", Value(false)).truth();
    std::string text = toJsonText(value, style);
    interpreter.chargeText(text.size());
    const bool plain = value.isNumber() || value.isNone() || (value.text() && !value.text()->anyWritten());
    return Value(plain ? Text(std::move(text)) : Text::written(std::move(text)));
}

std::optional<std::int64_t> parsedWhole(const std::string& given, int base) {
    std::string text = trimmed(Text(given), Value(), true, true).bytes();
    std::erase(text, '_');
    if (text.starts_with('+')) text.erase(0, 1);
    const std::size_t sign = text.starts_with('-') ? 1 : 0;
    for (const auto& [prefix, value] : {std::pair{"0x", 16}, {"0o", 8}, {"0b", 2}})
        if (base == value && text.substr(sign).starts_with(prefix)) text.erase(sign, 2);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional(number)
                                                                                     : std::nullopt;
}

std::optional<double> parsedReal(const std::string& given) {
    const std::string text = trimmed(Text(given), Value(), true, true).bytes();
    if (text.empty() || text.find_first_of("xXpP") != std::string::npos) return std::nullopt;
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    return end == text.c_str() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> wholePart(std::optional<double> real) {
    if (!real || !std::isfinite(*real) || std::fabs(*real) >= 9.2e18) return std::nullopt;
    return static_cast<std::int64_t>(*real);
}

Value intFilter(Interpreter&, const Value& value, const Arguments& arguments) {
    const Value fallback = arguments.get(0, "default", Value(std::int64_t{0}));
    if (value.isUndefined()) raise(value.undefined());
    if (const auto whole = value.integer()) return Value(*whole);
    std::optional<std::int64_t> found;
    if (value.text()) {
        const auto base = std::clamp<std::int64_t>(wholeOf(arguments.get(1, "base", Value()), 10), 2, 36);
        found = parsedWhole(value.text()->bytes(), static_cast<int>(base));
        if (!found) found = wholePart(parsedReal(value.text()->bytes()));
    } else {
        found = wholePart(value.number());
    }
    return found ? Value(*found) : fallback;
}

Value floatFilter(Interpreter&, const Value& value, const Arguments& arguments) {
    if (value.isUndefined()) raise(value.undefined());
    const auto real = value.text() ? parsedReal(value.text()->bytes()) : value.number();
    return real ? Value(*real) : arguments.get(0, "default", Value(0.0));
}

Value absFilter(Interpreter&, const Value& value, const Arguments&) {
    if (value.isUndefined()) raise(value.undefined());
    if (const auto whole = value.integer())
        return Value(*whole < 0 ? static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(*whole)) : *whole);
    if (!value.number()) typeError(fmt::format("bad operand type for abs(): '{}'", value.typeName()));
    return Value(std::fabs(*value.number()));
}

// Python rounds the decimal value exactly, a half to the even neighbour.
double roundedHalfEven(double number, std::int64_t precision) {
    if (!std::isfinite(number)) return number;
    if (precision < 0) {
        const double unit = std::pow(10.0, static_cast<double>(-precision));
        return std::nearbyint(number / unit) * unit;
    }
    return std::strtod(fmt::format("{:.{}f}", number, std::min<std::int64_t>(precision, 300)).c_str(),
                       nullptr);
}

Value roundFilter(Interpreter&, const Value& value, const Arguments& arguments) {
    if (value.isUndefined()) raise(value.undefined());
    if (!value.number()) typeError(fmt::format("type {} doesn't define __round__ method", value.typeName()));
    const std::int64_t precision = wholeOf(arguments.get(0, "precision", Value()), 0);
    const std::string how = arguments.get(1, "method", Value("common")).toText().bytes();
    if (how != "common" && how != "ceil" && how != "floor")
        throw Failure("FilterArgumentError", "method must be common, ceil or floor");
    if (how == "common") {
        if (value.integer() && precision >= 0) return Value(*value.integer());
        return Value(roundedHalfEven(*value.number(), precision));
    }
    const double unit = std::pow(10.0, static_cast<double>(precision));
    const double scaled = *value.number() * unit;
    return Value((how == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

}  // namespace

std::int64_t wholeOf(const Value& value, std::int64_t fallback) {
    if (value.isNone()) return fallback;
    if (value.isUndefined()) raise(value.undefined());
    if (!value.integer())
        typeError(fmt::format("'{}' object cannot be interpreted as an integer", value.typeName()));
    return *value.integer();
}

void addTextFilters(FilterTable& table) {
    table.insert({{"upper", upperFilter},
                  {"lower", lowerFilter},
                  {"capitalize", capitalizeFilter},
                  {"string", stringFilter},
                  {"safe", stringFilter},
                  {"trim", trimFilter},
                  {"title", titleFilter},
                  {"replace", replaceFilter},
                  {"e", escapeFilter},
                  {"escape", escapeFilter},
                  {"forceescape", escapeFilter},
                  {"indent", indentFilter},
                  {"truncate", truncateFilter},
                  {"center", centerFilter},
                  {"wordcount", wordcountFilter},
                  {"format", formatFilter},
                  {"urlencode", urlencodeFilter},
                  {"tojson", tojsonFilter}});
}

void addNumberFilters(FilterTable& table) {
    table.insert({{"int", intFilter}, {"float", floatFilter}, {"abs", absFilter}, {"round", roundFilter}});
}

}  // namespace caravan::engine::jinja
