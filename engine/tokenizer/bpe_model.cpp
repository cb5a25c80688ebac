// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/bpe_model.h"

#include <algorithm>
#include <queue>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/tokenizer_fields.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

using Json = nlohmann::json;

std::uint64_t pairKey(TokenId left, TokenId right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
           static_cast<std::uint32_t>(right);
}

std::string indexed(const std::string& place, std::size_t index) {
    return place + "[" + std::to_string(index) + "]";
}

// "a b" or ["a", "b"]; nullopt for a "#version" line.
std::optional<std::pair<std::string, std::string>> mergeParts(const Json& json, const std::string& place,
                                                              std::size_t index) {
    if (json.is_array() && json.size() == 2 && json[0].is_string() && json[1].is_string())
        return std::pair{json[0].get<std::string>(), json[1].get<std::string>()};
    if (!json.is_string()) refuseTokenizer(indexed(place, index), "a merge of two entries is expected here");
    const auto& line = json.get_ref<const std::string&>();
    if (line.starts_with("#version")) return std::nullopt;
    const std::size_t space = line.find(' ');
    if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos)
        refuseTokenizer(indexed(place, index), "a merge of two entries is expected here");
    return std::pair{line.substr(0, space), line.substr(space + 1)};
}

}  // namespace

BpeModel::BpeModel(const Json& json, const std::string& place) {
    const TokenizerFields fields(json, place);
    if (const auto dropout = json.find("dropout");
        dropout != json.end() && !dropout->is_null() && *dropout != 0.0)
        refuseTokenizer(fields.place("dropout"),
                        "merges are left out by chance, only null or 0 is supported");
    m_continuingPrefix = fields.textOr("continuing_subword_prefix", "");
    m_endSuffix = fields.textOr("end_of_word_suffix", "");
    m_fuseUnknown = fields.flagOr("fuse_unk", false);
    m_byteFallback = fields.flagOr("byte_fallback", false);
    m_ignoreMerges = fields.flagOr("ignore_merges", false);
    readVocabulary(fields.value("vocab"), fields.place("vocab"));
    readMerges(fields.list("merges"), fields.place("merges"));
    if (fields.has("unk_token")) {
        m_unknown = idOf(fields.text("unk_token"));
        if (!m_unknown) refuseTokenizer(fields.place("unk_token"), "it is not in the vocabulary");
    }
}

void BpeModel::readVocabulary(const Json& vocabulary, const std::string& place) {
    if (!vocabulary.is_object()) refuseTokenizer(place, "an object is expected here");
    if (vocabulary.empty()) refuseTokenizer(place, "it is empty");
    reserve(vocabulary.size());
    for (const auto& [entry, value] : vocabulary.items()) {
        if (!value.is_number_integer() || value < 0 || value >= kMaxId)
            refuseTokenizer(place + " entry " + entry, "the id is not usable");
        if (!addEntry(entry, value.get<TokenId>()))
            refuseTokenizer(place + " entry " + entry, "the id " + value.dump() + " is used twice");
    }
}

void BpeModel::readMerges(const Json& merges, const std::string& place) {
    m_merges.reserve(merges.size());
    std::uint32_t rank = 0;
    for (std::size_t i = 0; i < merges.size(); ++i) {
        const auto parts = mergeParts(merges[i], place, i);
        if (!parts) continue;
        const auto& [left, right] = *parts;
        std::string_view tail = right;
        if (!m_continuingPrefix.empty() && tail.size() >= m_continuingPrefix.size())
            tail.remove_prefix(m_continuingPrefix.size());
        const auto leftId = idOf(left), rightId = idOf(right), resultId = idOf(left + std::string(tail));
        if (!leftId || !rightId || !resultId)
            refuseTokenizer(indexed(place, i), "it names an entry that is not in the vocabulary: " +
                                                   (!leftId    ? left
                                                    : !rightId ? right
                                                               : left + std::string(tail)));
        m_merges.insert_or_assign(pairKey(*leftId, *rightId), Merge{rank++, *resultId});
    }
}

const BpeModel::Merge* BpeModel::mergeOf(TokenId left, TokenId right) const {
    const auto it = m_merges.find(pairKey(left, right));
    return it == m_merges.end() ? nullptr : &it->second;
}

std::vector<BpeModel::Symbol> BpeModel::symbols(std::string_view word) const {
    std::vector<Symbol> out;
    out.reserve(word.size());
    bool unknownWaits = false;  // a run of unknown characters, added before the next known one
    const auto flush = [&] {
        if (unknownWaits) out.push_back({*m_unknown});
        unknownWaits = false;
    };
    const bool decorated = !m_continuingPrefix.empty() || !m_endSuffix.empty();
    std::string buffer;
    std::vector<TokenId> bytes;
    for (std::size_t i = 0; i < word.size();) {
        const std::size_t length = utf8::next(word.substr(i)).length;
        std::string_view character = word.substr(i, length);
        if (decorated) {
            buffer = (i > 0 ? m_continuingPrefix : "") + std::string(character) +
                     (i + length == word.size() ? m_endSuffix : "");
            character = buffer;
        }
        i += length;
        if (const auto id = idOf(character)) {
            flush();
            out.push_back({*id});
        } else if (bytes.clear(); m_byteFallback && addBytes(character, bytes)) {
            for (const TokenId id : bytes)
                out.push_back({id});
        } else if (m_unknown) {
            if (!m_fuseUnknown) flush();
            unknownWaits = true;
        }
    }
    flush();
    return out;
}

void BpeModel::merge(std::vector<Symbol>& symbols) const {
    struct Candidate {
        std::uint32_t rank = 0;
        std::int32_t position = 0;
        TokenId result = 0;
        bool operator<(const Candidate& other) const {  // the queue's top: lowest rank, then leftmost
            return rank != other.rank ? rank > other.rank : position > other.position;
        }
    };
    std::priority_queue<Candidate> queue;
    const auto consider = [&](std::int32_t left, std::int32_t right) {
        if (const Merge* found = mergeOf(symbols[static_cast<std::size_t>(left)].id,
                                         symbols[static_cast<std::size_t>(right)].id))
            queue.push({found->rank, left, found->result});
    };
    const auto count = static_cast<std::int32_t>(symbols.size());
    for (std::int32_t i = 0; i < count; ++i) {
        symbols[static_cast<std::size_t>(i)].previous = i - 1;
        symbols[static_cast<std::size_t>(i)].next = i + 1 < count ? i + 1 : -1;
        if (i > 0) consider(i - 1, i);
    }
    while (!queue.empty()) {
        const Candidate top = queue.top();
        queue.pop();
        Symbol& left = symbols[static_cast<std::size_t>(top.position)];
        if (!left.alive || left.next < 0) continue;
        Symbol& right = symbols[static_cast<std::size_t>(left.next)];
        const Merge* current = mergeOf(left.id, right.id);
        if (!current || current->result != top.result) continue;  // an older pair stood here
        left.id = top.result;
        left.next = right.next;
        right.alive = false;
        if (left.next >= 0) symbols[static_cast<std::size_t>(left.next)].previous = top.position;
        if (left.previous >= 0) consider(left.previous, top.position);
        if (left.next >= 0) consider(top.position, left.next);
    }
}

void BpeModel::encode(std::string_view word, std::vector<TokenId>& out) const {
    if (m_ignoreMerges)
        if (const auto id = idOf(word)) {
            out.push_back(*id);
            return;
        }
    std::vector<Symbol> parts = symbols(word);
    if (parts.size() > 1) merge(parts);
    for (const Symbol& part : parts)
        if (part.alive) out.push_back(part.id);
}

}  // namespace caravan::engine
