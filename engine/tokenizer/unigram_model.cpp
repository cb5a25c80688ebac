// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/unigram_model.h"

#include <algorithm>
#include <cmath>

#include "engine/tokenizer/tokenizer_fields.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

constexpr double kUnknownPenalty = 10.0;     // below the least probable piece
constexpr std::size_t kMaxPieceBytes = 256;  // bounds the work for each character

}  // namespace

UnigramModel::UnigramModel(const nlohmann::json& json, const std::string& place) {
    const TokenizerFields fields(json, place);
    m_byteFallback = fields.flagOr("byte_fallback", false);
    const nlohmann::json& pieces = fields.list("vocab");
    if (pieces.empty()) refuseTokenizer(fields.place("vocab"), "it is empty");
    if (pieces.size() > static_cast<std::size_t>(kMaxId))
        refuseTokenizer(fields.place("vocab"), "it is too long");
    reserve(pieces.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const nlohmann::json& piece = pieces[i];
        const std::string where = fields.place("vocab[" + std::to_string(i) + "]");
        if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number())
            refuseTokenizer(where, "a piece and its log-probability are expected here");
        const auto& text = piece[0].get_ref<const std::string&>();
        if (text.size() > kMaxPieceBytes) refuseTokenizer(where, "it is longer than 256 bytes");
        const auto id = static_cast<TokenId>(i);
        if (idOf(text)) refuseTokenizer(where, "the piece is there twice");
        if (!addEntry(text, id)) refuseTokenizer(where, "the id is used twice");
        m_pieces.add(text, i);
        m_scores.push_back(piece[1].get<double>());
        if (!std::isfinite(m_scores.back())) refuseTokenizer(where, "the log-probability is not finite");
    }
    // Without an unknown piece some texts would have no ids.
    if (!fields.has("unk_id")) refuseTokenizer(fields.place("unk_id"), "it is missing");
    const std::size_t unknown = fields.countOr("unk_id", 0);
    if (unknown >= pieces.size()) refuseTokenizer(fields.place("unk_id"), "it is not in the vocabulary");
    m_unknown = static_cast<TokenId>(unknown);
    m_unknownScore = *std::ranges::min_element(m_scores) - kUnknownPenalty;
}

std::vector<UnigramModel::Node> UnigramModel::bestPath(std::string_view word) const {
    std::vector<Node> ends(word.size() + 1);
    std::vector<NameMatcher::Match> found;
    for (std::size_t begin = 0; begin < word.size();) {
        const double before = ends[begin].score;
        const auto offer = [&](std::size_t end, double score, TokenId id) {
            Node& node = ends[end];
            if (!node.reached || before + score > node.score) node = {true, before + score, begin, id};
        };
        const std::size_t character = utf8::next(word.substr(begin)).length;
        bool whole = false;
        m_pieces.prefixes(word, begin, found);
        for (const NameMatcher::Match& piece : found) {
            offer(piece.end, m_scores[piece.value], static_cast<TokenId>(piece.value));
            whole = whole || piece.end == begin + character;
        }
        if (!whole) offer(begin + character, m_unknownScore, *m_unknown);
        begin += character;
    }
    return ends;
}

void UnigramModel::addPiece(std::string_view text, std::vector<TokenId>& out) const {
    if (const auto id = idOf(text))
        out.push_back(*id);
    else if (!m_byteFallback || !addBytes(text, out))
        out.push_back(*m_unknown);
}

void UnigramModel::encode(std::string_view word, std::vector<TokenId>& out) const {
    const std::vector<Node> ends = bestPath(word);
    struct Stretch {
        std::size_t begin, end;
        bool unknown;
    };
    std::vector<Stretch> stretches;  // from the last to the first; unknown neighbours are one
    for (std::size_t end = word.size(); end > 0; end = ends[end].begin) {
        const Node& node = ends[end];
        const bool unknown = node.id == *m_unknown;
        if (unknown && !stretches.empty() && stretches.back().unknown)
            stretches.back().begin = node.begin;
        else
            stretches.push_back({node.begin, end, unknown});
    }
    for (auto s = stretches.rbegin(); s != stretches.rend(); ++s)
        addPiece(word.substr(s->begin, s->end - s->begin), out);
}

}  // namespace caravan::engine
