// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Methods of strings, as Python has them.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/jinja/text_looks.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine::jinja {
namespace {

using TextMethod = Value (*)(Interpreter&, const Text&, const Arguments&);

const Text& textArgument(const Arguments& arguments, std::size_t place, const char* method) {
    const Value* value = place < arguments.positional.size() ? &arguments.positional[place] : nullptr;
    if (!value || !value->text())
        typeError(fmt::format("{}() argument {} must be str, not {}", method, place + 1,
                              value ? value->typeName() : "nothing"));
    return *value->text();
}

std::int64_t wholeArgument(const Arguments& arguments, std::size_t place, const char* name,
                           std::int64_t fallback) {
    const Value* value = arguments.find(place, name);
    if (!value || value->isNone()) return fallback;
    if (!value->integer())
        typeError(fmt::format("'{}' object cannot be interpreted as an integer", value->typeName()));
    return *value->integer();
}

// Runs of white space separate; none at the ends.
std::vector<Value> splitAtSpace(const Text& text, std::int64_t limit, bool fromRight) {
    const std::vector<Text> all = characters(text);
    const auto space = [&](std::size_t i) { return isWhiteSpace(utf8::next(all[i].bytes()).code); };
    std::vector<std::pair<std::size_t, std::size_t>> words;
    for (std::size_t i = 0; i < all.size();) {
        if (space(i)) {
            ++i;
            continue;
        }
        const std::size_t begin = i;
        while (i < all.size() && !space(i))
            ++i;
        words.emplace_back(begin, i);
    }
    const auto count = static_cast<std::int64_t>(words.size());
    if (limit >= 0 && count > limit + 1) {
        const auto kept = static_cast<std::size_t>(limit);
        if (fromRight) {
            const std::size_t joined = words.size() - kept - 1;
            words[joined].first = 0;  // so does the left end
            words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(joined));
        } else {
            words[kept].second = all.size();  // the rest keeps its white space
            words.resize(kept + 1);
        }
    }
    std::vector<Value> out;
    for (const auto& [begin, end] : words) {
        Text word;
        for (std::size_t i = begin; i < end; ++i)
            word.append(all[i]);
        out.emplace_back(std::move(word));
    }
    return out;
}

std::vector<Value> splitAt(const Text& text, const std::string& separator, std::int64_t limit,
                           bool fromRight) {
    if (separator.empty()) throw Failure("ValueError", "empty separator");
    const std::string& bytes = text.bytes();
    std::vector<std::size_t> places;
    if (fromRight) {
        for (std::size_t end = bytes.size();
             end != std::string::npos && (limit < 0 || static_cast<std::int64_t>(places.size()) < limit);) {
            if (end < separator.size()) break;
            const std::size_t at = bytes.rfind(separator, end - separator.size());
            if (at == std::string::npos) break;
            places.push_back(at);
            end = at;
        }
        std::reverse(places.begin(), places.end());
    } else {
        for (std::size_t at = bytes.find(separator);
             at != std::string::npos && (limit < 0 || static_cast<std::int64_t>(places.size()) < limit);
             at = bytes.find(separator, at + separator.size()))
            places.push_back(at);
    }
    std::vector<Value> out;
    std::size_t begin = 0;
    for (const std::size_t at : places) {
        out.emplace_back(text.part(begin, at));
        begin = at + separator.size();
    }
    out.emplace_back(text.part(begin, bytes.size()));
    return out;
}

Value splitMethod(const Text& text, const Arguments& arguments, bool fromRight) {
    const Value* separator = arguments.find(0, "sep");
    const std::int64_t limit = wholeArgument(arguments, 1, "maxsplit", -1);
    if (!separator || separator->isNone()) return Value::list(splitAtSpace(text, limit, fromRight));
    if (!separator->text()) typeError(fmt::format("must be str or None, not {}", separator->typeName()));
    return Value::list(splitAt(text, separator->text()->bytes(), limit, fromRight));
}

bool edgeMatches(const Text& text, const Arguments& arguments, bool atEnd, const char* name) {
    if (arguments.positional.empty())
        typeError(fmt::format("{}() takes at least 1 argument (0 given)", name));
    const Value& given = arguments.positional[0];
    std::vector<Value> choices{given};
    if (given.sequence() && given.sequence()->kind == SequenceKind::Tuple) choices = given.sequence()->items;
    std::string bytes = text.bytes();
    if (arguments.positional.size() > 1)
        bytes = slice(Value(text), arguments.positional[1],
                      arguments.positional.size() > 2 ? arguments.positional[2] : Value(), Value())
                    .text()
                    ->bytes();
    return std::any_of(choices.begin(), choices.end(), [&](const Value& choice) {
        if (!choice.text())
            typeError(
                fmt::format("{} first arg must be str or a tuple of str, not {}", name, choice.typeName()));
        return atEnd ? bytes.ends_with(choice.text()->bytes()) : bytes.starts_with(choice.text()->bytes());
    });
}

// The part of a text that find(needle, start, end) and its kin look at, and where it begins.
struct Part {
    Text text;
    std::int64_t begin = 0;  // characters
    bool possible = true;    // false: it begins behind the end, where not even "" is found
};

Part partOf(const Text& text, const Arguments& arguments) {
    if (arguments.positional.size() < 2) return {text};
    const Value& start = arguments.positional[1];
    const Value end = arguments.positional.size() > 2 ? arguments.positional[2] : Value();
    const auto size = static_cast<std::int64_t>(utf8::countCharacters(text.bytes()));
    std::int64_t begin = wholeArgument(arguments, 1, "start", 0);
    if (begin < 0) begin = std::max<std::int64_t>(0, begin + size);
    return {*slice(Value(text), start, end, Value()).text(), begin, begin <= size};
}

Value found(const Text& whole, const Arguments& arguments, bool last, bool mustBe) {
    const std::string& needle = textArgument(arguments, 0, last ? "rfind" : "find").bytes();
    const Part part = partOf(whole, arguments);
    const std::string& bytes = part.text.bytes();
    const std::size_t at = last ? bytes.rfind(needle) : bytes.find(needle);
    if (at != std::string::npos && part.possible)
        return Value(part.begin +
                     static_cast<std::int64_t>(utf8::countCharacters(std::string_view(bytes).substr(0, at))));
    if (mustBe) throw Failure("ValueError", "substring not found");
    return Value(std::int64_t{-1});
}

Value partitioned(const Text& text, const Arguments& arguments, bool last) {
    const Text& separator = textArgument(arguments, 0, "partition");
    if (separator.bytes().empty()) throw Failure("ValueError", "empty separator");
    const std::size_t at =
        last ? text.bytes().rfind(separator.bytes()) : text.bytes().find(separator.bytes());
    if (at == std::string::npos) {
        if (last) return Value::list({Value(""), Value(""), Value(text)}, SequenceKind::Tuple);
        return Value::list({Value(text), Value(""), Value("")}, SequenceKind::Tuple);
    }
    const std::size_t end = at + separator.bytes().size();
    return Value::list(
        {Value(text.part(0, at)), Value(separator), Value(text.part(end, text.bytes().size()))},
        SequenceKind::Tuple);
}

// Each run of letters: first upper, others lower.
Text titled(const Text& text) {
    std::string out;
    bool inWord = false;
    for (const Text& character : characters(text)) {
        out += inWord ? lowered(character.bytes()) : uppered(character.bytes());
        inWord = isCased(utf8::next(character.bytes()).code);
    }
    return text.changed(std::move(out));
}

Text swapped(const Text& text) {
    std::string out;
    for (const Text& character : characters(text))
        out += isUpper(utf8::next(character.bytes()).code) ? lowered(character.bytes())
                                                           : uppered(character.bytes());
    return text.changed(std::move(out));
}

Text capitalized(const Text& text) {
    const std::vector<Text> all = characters(text);
    if (all.empty()) return text;
    const std::size_t first = all[0].bytes().size();
    return text.changed(uppered(all[0].bytes()) + lowered(std::string_view(text.bytes()).substr(first)));
}

bool allAre(const Text& text, bool (*is)(char32_t)) {
    const std::vector<Text> all = characters(text);
    return !all.empty() &&
           std::all_of(all.begin(), all.end(), [&](const Text& c) { return is(utf8::next(c.bytes()).code); });
}

bool hasCase(const Text& text, bool upper) {
    bool any = false;
    for (const Text& character : characters(text)) {
        const char32_t c = utf8::next(character.bytes()).code;
        if (upper ? isLower(c) : isUpper(c)) return false;
        any = any || isCased(c);
    }
    return any;
}

bool isLetter(char32_t c) {
    return isWordCharacter(c) && !isNumeric(c) && !isMark(c) && c != '_';
}
bool isLetterOrDigit(char32_t c) {
    return isLetter(c) || isNumeric(c);
}
bool isDecimalDigit(char32_t c) {
    return c < 0x80 ? c >= '0' && c <= '9' : isNumeric(c);
}

Value joinMethod(Interpreter& interpreter, const Text& separator, const Arguments& arguments) {
    Text out;
    if (arguments.positional.empty()) typeError("join() takes exactly one argument (0 given)");
    const std::vector<Value> items = arguments.positional[0].iterate();
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (!items[i].text())
            typeError(
                fmt::format("sequence item {}: expected str instance, {} found", i, items[i].typeName()));
        if (i > 0) out.append(separator);
        out.append(*items[i].text());
        interpreter.charge(1);
        if (out.bytes().size() > kMaxTextBytes) interpreter.chargeText(out.bytes().size());
    }
    return Value(std::move(out));
}

Value trimMethod(const Text& text, const Arguments& arguments, bool left, bool right) {
    return Value(trimmed(text, arguments.get(0, "chars", Value()), left, right));
}

Value padMethod(Interpreter& interpreter, const Text& text, const Arguments& arguments, bool left,
                bool right) {
    const Value fill = arguments.get(1, "fillchar", Value(" "));
    return Value(
        padded(interpreter, text, wholeArgument(arguments, 0, "width", 0), fill.toText(), left, right));
}

const std::map<std::string, TextMethod>& textMethods() {
    static const std::map<std::string, TextMethod> methods = {
        {"strip",
         [](Interpreter&, const Text& t, const Arguments& a) { return trimMethod(t, a, true, true); }},
        {"lstrip",
         [](Interpreter&, const Text& t, const Arguments& a) { return trimMethod(t, a, true, false); }},
        {"rstrip",
         [](Interpreter&, const Text& t, const Arguments& a) { return trimMethod(t, a, false, true); }},
        {"split", [](Interpreter&, const Text& t, const Arguments& a) { return splitMethod(t, a, false); }},
        {"rsplit", [](Interpreter&, const Text& t, const Arguments& a) { return splitMethod(t, a, true); }},
        {"splitlines",
         [](Interpreter&, const Text& t, const Arguments& a) {
             return Value::list(splitLines(t, a.get(0, "keepends", Value(false)).truth()));
         }},
        {"startswith", [](Interpreter&, const Text& t,
                          const Arguments& a) { return Value(edgeMatches(t, a, false, "startswith")); }},
        {"endswith", [](Interpreter&, const Text& t,
                        const Arguments& a) { return Value(edgeMatches(t, a, true, "endswith")); }},
        {"upper",
         [](Interpreter&, const Text& t, const Arguments&) { return Value(t.changed(uppered(t.bytes()))); }},
        {"lower",
         [](Interpreter&, const Text& t, const Arguments&) { return Value(t.changed(lowered(t.bytes()))); }},
        {"casefold", [](Interpreter&, const Text& t,
                        const Arguments&) { return Value(t.changed(caseFolded(t.bytes()))); }},
        {"title", [](Interpreter&, const Text& t, const Arguments&) { return Value(titled(t)); }},
        {"capitalize", [](Interpreter&, const Text& t, const Arguments&) { return Value(capitalized(t)); }},
        {"swapcase", [](Interpreter&, const Text& t, const Arguments&) { return Value(swapped(t)); }},
        {"find", [](Interpreter&, const Text& t, const Arguments& a) { return found(t, a, false, false); }},
        {"rfind", [](Interpreter&, const Text& t, const Arguments& a) { return found(t, a, true, false); }},
        {"index", [](Interpreter&, const Text& t, const Arguments& a) { return found(t, a, false, true); }},
        {"rindex", [](Interpreter&, const Text& t, const Arguments& a) { return found(t, a, true, true); }},
        {"count",
         [](Interpreter&, const Text& t, const Arguments& a) {
             const std::string& needle = textArgument(a, 0, "count").bytes();
             const Part part = partOf(t, a);
             if (needle.empty())
                 return Value::size(part.possible ? utf8::countCharacters(part.text.bytes()) + 1 : 0);
             return Value::size(splitAt(part.text, needle, -1, false).size() - 1);
         }},
        {"partition",
         [](Interpreter&, const Text& t, const Arguments& a) { return partitioned(t, a, false); }},
        {"rpartition",
         [](Interpreter&, const Text& t, const Arguments& a) { return partitioned(t, a, true); }},
        {"join", joinMethod},
        {"format", [](Interpreter& interpreter, const Text& t,
                      const Arguments& a) { return Value(braceFormatted(interpreter, t, a)); }},
        {"replace",
         [](Interpreter& interpreter, const Text& t, const Arguments& a) {
             return Value(replaced(interpreter, t, textArgument(a, 0, "replace"),
                                   textArgument(a, 1, "replace"), wholeArgument(a, 2, "count", -1)));
         }},
        {"removeprefix",
         [](Interpreter&, const Text& t, const Arguments& a) {
             return Value(t.bytes().starts_with(textArgument(a, 0, "removeprefix").bytes())
                              ? t.part(a.positional[0].text()->bytes().size(), t.bytes().size())
                              : t);
         }},
        {"removesuffix",
         [](Interpreter&, const Text& t, const Arguments& a) {
             return Value(t.bytes().ends_with(textArgument(a, 0, "removesuffix").bytes())
                              ? t.part(0, t.bytes().size() - a.positional[0].text()->bytes().size())
                              : t);
         }},
        {"isdigit",
         [](Interpreter&, const Text& t, const Arguments&) { return Value(allAre(t, isDecimalDigit)); }},
        {"isdecimal",
         [](Interpreter&, const Text& t, const Arguments&) { return Value(allAre(t, isDecimalDigit)); }},
        {"isnumeric",
         [](Interpreter&, const Text& t, const Arguments&) { return Value(allAre(t, isNumeric)); }},
        {"isalpha", [](Interpreter&, const Text& t, const Arguments&) { return Value(allAre(t, isLetter)); }},
        {"isalnum",
         [](Interpreter&, const Text& t, const Arguments&) { return Value(allAre(t, isLetterOrDigit)); }},
        {"isspace",
         [](Interpreter&, const Text& t, const Arguments&) { return Value(allAre(t, isWhiteSpace)); }},
        {"isupper", [](Interpreter&, const Text& t, const Arguments&) { return Value(hasCase(t, true)); }},
        {"islower", [](Interpreter&, const Text& t, const Arguments&) { return Value(hasCase(t, false)); }},
        {"istitle", [](Interpreter&, const Text& t, const Arguments&) { return Value(isTitle(t)); }},
        {"isascii",
         [](Interpreter&, const Text& t, const Arguments&) {
             return Value(std::all_of(t.bytes().begin(), t.bytes().end(), [](char c) { return c >= 0; }));
         }},
        {"isidentifier",
         [](Interpreter&, const Text& t, const Arguments&) { return Value(isIdentifier(t)); }},
        {"expandtabs",
         [](Interpreter& interpreter, const Text& t, const Arguments& a) {
             return Value(tabsExpanded(interpreter, t, wholeArgument(a, 0, "tabsize", 8)));
         }},
        {"center", [](Interpreter& interpreter, const Text& t,
                      const Arguments& a) { return padMethod(interpreter, t, a, true, true); }},
        {"ljust", [](Interpreter& interpreter, const Text& t,
                     const Arguments& a) { return padMethod(interpreter, t, a, false, true); }},
        {"rjust", [](Interpreter& interpreter, const Text& t,
                     const Arguments& a) { return padMethod(interpreter, t, a, true, false); }},
        {"zfill", [](Interpreter& interpreter, const Text& t,
                     const Arguments&
                         a) { return Value(zeroFilled(interpreter, t, wholeArgument(a, 0, "width", 0))); }},
    };
    return methods;
}

}  // namespace

std::optional<Value> textMethod(const Value& object, const std::string& name) {
    const auto it = textMethods().find(name);
    if (it == textMethods().end()) return std::nullopt;
    return Value::function(name,
                           [object, run = it->second](Interpreter& interpreter, const Arguments& arguments) {
                               interpreter.chargeText(object.text()->bytes().size());
                               return run(interpreter, *object.text(), arguments);
                           });
}

}  // namespace caravan::engine::jinja
