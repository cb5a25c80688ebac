// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/pre_tokenizer.h"

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/pattern.h"
#include "engine/tokenizer/text_tools.h"
#include "engine/tokenizer/tokenizer_fields.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

using Json = nlohmann::json;
using CharacterTest = std::function<bool(char32_t)>;

// GPT-2's own split.
constexpr const char* kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Words and what is neither word nor white space. Its word characters are not Oniguruma's.
constexpr const char* kWhitespacePattern =
    R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\s\x{200C}\x{200D}]+)";

void give(const Word& word, const std::vector<std::string_view>& pieces, std::vector<Word>& out) {
    for (const std::string_view piece : pieces)
        if (!piece.empty())
            out.push_back({std::string(piece), word.atStart && piece.data() == word.text.data()});
}

auto splitAtCharacters(CharacterTest is, SplitBehavior behavior) {
    return [is = std::move(is), behavior](Word&& word, std::vector<Word>& out) {
        give(word, split(word.text, findCharacters(word.text, is), behavior), out);
    };
}

auto splitAtPattern(Pattern pattern, SplitBehavior behavior, bool invert) {
    return [pattern = std::move(pattern), behavior, invert](Word&& word, std::vector<Word>& out) {
        std::vector<Stretch> found = pattern.find(word.text);
        for (Stretch& s : found)
            s.matched = s.matched != invert;
        give(word, split(word.text, std::move(found), behavior), out);
    };
}

CharacterTest sameAs(const TokenizerFields& fields, const char* key) {
    const std::string text = fields.text(key);
    if (text.empty() || utf8::next(text).length != text.size())
        refuseTokenizer(fields.place(key), "one character is expected here");
    return [code = utf8::next(text).code](char32_t c) { return c == code; };
}

}  // namespace

PreTokenizer::Step PreTokenizer::byteLevel(const Json& json, const std::string& place) {
    const TokenizerFields fields(json, place);
    const bool prefix = fields.flagOr("add_prefix_space", true), useRegex = fields.flagOr("use_regex", true);
    return [prefix, useRegex, pattern = Pattern::regex(kByteLevelPattern, place)](Word&& word,
                                                                                  std::vector<Word>& out) {
        if (prefix && !word.text.starts_with(' ')) word.text.insert(0, 1, ' ');
        if (!useRegex) {
            out.push_back({byteLevelText(word.text), word.atStart});
            return;
        }
        const std::size_t first = out.size();
        give(word, split(word.text, pattern.find(word.text), SplitBehavior::Isolated), out);
        for (std::size_t i = first; i < out.size(); ++i)
            out[i].text = byteLevelText(out[i].text);
    };
}

PreTokenizer::Step PreTokenizer::metaspace(const Json& json, const std::string& place) {
    const TokenizerFields fields(json, place);
    const std::string mark = fields.textOr("replacement", std::string(utf8::kMetaspace));
    const bool legacyPrefix = fields.flagOr("add_prefix_space", true);
    const std::string scheme = fields.textOr("prepend_scheme", legacyPrefix ? "always" : "never");
    if (scheme != "always" && scheme != "first" && scheme != "never")
        refuseType(fields.place("prepend_scheme"), scheme);
    const bool cut = fields.flagOr("split", true);
    return [mark, scheme, cut, pattern = Pattern::literal(mark)](Word&& word, std::vector<Word>& out) {
        word.text = replaceAll(word.text, " ", mark);
        const bool wanted = scheme == "always" || (scheme == "first" && word.atStart);
        if (wanted && !word.text.starts_with(mark)) word.text.insert(0, mark);
        if (cut)
            give(word, split(word.text, pattern.find(word.text), SplitBehavior::MergedWithNext), out);
        else
            out.push_back(std::move(word));
    };
}

PreTokenizer::Step PreTokenizer::makeStep(const std::string& type, const Json& json,
                                          const std::string& place) {
    const TokenizerFields fields(json, place);
    if (type == "ByteLevel") return byteLevel(json, place);
    if (type == "Metaspace") return metaspace(json, place);
    if (type == "Split")
        return splitAtPattern(Pattern::fromJson(fields.value("pattern"), fields.place("pattern")),
                              splitBehavior(fields.text("behavior"), fields.place("behavior")),
                              fields.flagOr("invert", false));
    if (type == "Digits")
        return splitAtCharacters(isNumeric, fields.flagOr("individual_digits", false)
                                                ? SplitBehavior::Isolated
                                                : SplitBehavior::Contiguous);
    if (type == "Punctuation")
        return splitAtCharacters(
            isPunctuation, splitBehavior(fields.textOr("behavior", "Isolated"), fields.place("behavior")));
    if (type == "WhitespaceSplit") return splitAtCharacters(isWhiteSpace, SplitBehavior::Removed);
    if (type == "Whitespace")
        return splitAtPattern(Pattern::regex(kWhitespacePattern, place), SplitBehavior::Removed, true);
    if (type == "CharDelimiterSplit")
        return splitAtCharacters(sameAs(fields, "delimiter"), SplitBehavior::Removed);
    refuseType(place, type);
}

PreTokenizer PreTokenizer::fromJson(const Json& json, const std::string& place) {
    PreTokenizer made;
    if (json.is_null()) return made;
    const TokenizerFields fields(json, place);
    const std::string type = fields.text("type");
    if (type == "Sequence") {
        const Json& list = fields.list("pretokenizers");
        for (std::size_t i = 0; i < list.size(); ++i) {
            PreTokenizer part = fromJson(list[i], fields.place("pretokenizers[" + std::to_string(i) + "]"));
            for (Step& step : part.m_steps)
                made.m_steps.push_back(std::move(step));
        }
    } else if (type == "BertPreTokenizer") {
        made.m_steps = {splitAtCharacters(isWhiteSpace, SplitBehavior::Removed),
                        splitAtCharacters(isPunctuation, SplitBehavior::Isolated)};
    } else {
        made.m_steps.push_back(makeStep(type, json, place));
    }
    return made;
}

std::vector<Word> PreTokenizer::apply(Word text) const {
    std::vector<Word> words;
    if (!text.text.empty()) words.push_back(std::move(text));
    for (const Step& step : m_steps) {
        std::vector<Word> next;
        next.reserve(words.size());
        for (Word& word : words)
            step(std::move(word), next);
        words = std::move(next);
    }
    return words;
}

}  // namespace caravan::engine
