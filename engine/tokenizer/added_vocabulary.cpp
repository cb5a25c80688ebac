// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/added_vocabulary.h"

#include <algorithm>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/text_tools.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

std::size_t lastCharacter(std::string_view text) {
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)
        --at;
    return at;
}

// Word characters as single_word means them: joiners and letters in circles are part of a word.
bool isPartOfWord(char32_t c) {
    const bool circled = (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
                         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
    return isWordCharacter(c) || circled || c == 0x200C || c == 0x200D;
}

bool endsWithWord(std::string_view text) {
    return !text.empty() && isPartOfWord(utf8::next(text.substr(lastCharacter(text))).code);
}

bool startsWithWord(std::string_view text) {
    return !text.empty() && isPartOfWord(utf8::next(text).code);
}

std::size_t startOfTrailingSpace(std::string_view text) {
    while (!text.empty()) {
        const std::size_t at = lastCharacter(text);
        if (!isWhiteSpace(utf8::next(text.substr(at)).code)) break;
        text = text.substr(0, at);
    }
    return text.size();
}

std::size_t lengthOfLeadingSpace(std::string_view text) {
    std::size_t length = 0;
    while (length < text.size()) {
        const utf8::Sequence c = utf8::next(text.substr(length));
        if (!isWhiteSpace(c.code)) break;
        length += c.length;
    }
    return length;
}

}  // namespace

void AddedVocabulary::build(std::vector<AddedToken> tokens, const Normalizer& normalizer) {
    m_tokens = std::move(tokens);
    for (std::size_t i = 0; i < m_tokens.size(); ++i) {
        const AddedToken& token = m_tokens[i];
        m_byId.emplace(token.id, i);
        m_shown.push_back(token.normalized ? normalizer.apply(utf8::lossy(token.content)) : token.content);
        (token.normalized ? m_normalized : m_raw).add(m_shown.back(), i);
    }
}

const AddedToken* AddedVocabulary::byId(TokenId id) const {
    const auto it = m_byId.find(id);
    return it == m_byId.end() ? nullptr : &m_tokens[it->second];
}

const std::string* AddedVocabulary::decoded(TokenId id) const {
    const auto it = m_byId.find(id);
    return it == m_byId.end() ? nullptr : &m_shown[it->second];
}

const AddedToken* AddedVocabulary::byName(std::string_view name) const {
    const auto it = std::find_if(m_tokens.begin(), m_tokens.end(),
                                 [&](const AddedToken& t) { return t.content == name; });
    return it == m_tokens.end() ? nullptr : &*it;
}

std::size_t AddedVocabulary::idEnd() const {
    std::size_t end = 0;
    for (const AddedToken& token : m_tokens)
        end = std::max(end, static_cast<std::size_t>(token.id) + 1);
    return end;
}

std::vector<AddedSegment> AddedVocabulary::split(const NameMatcher& names, std::string_view text,
                                                 const Query& query) const {
    std::vector<AddedSegment> segments;
    std::size_t done = 0, from = 0;
    while (!names.empty()) {
        const auto match = names.find(text, from);
        if (!match) break;
        const AddedToken& token = m_tokens[match->value];
        from = match->end;
        if (token.special && (!query.parseSpecials || query.allPlain)) continue;
        if (token.special && touchesAny(query.plain, match->begin, match->end)) {
            from = match->begin + 1;
            continue;
        }
        const bool insideWord =
            endsWithWord(text.substr(0, match->begin)) || startsWithWord(text.substr(match->end));
        if (token.singleWord && insideWord) continue;
        // A token of white space counts also where the token before it took that white space along, and what
        // is left of that white space behind it is text again: as the reference has it.
        std::size_t begin = match->begin, end = match->end;
        if (token.leftStrip) begin = std::max(startOfTrailingSpace(text.substr(0, begin)), done);
        if (token.rightStrip) end += lengthOfLeadingSpace(text.substr(end));
        if (done < begin) segments.push_back({done, begin, std::nullopt});
        segments.push_back({begin, std::max(begin, end), token.id});
        done = end;
    }
    if (done < text.size()) segments.push_back({done, text.size(), std::nullopt});
    return segments;
}

}  // namespace caravan::engine
