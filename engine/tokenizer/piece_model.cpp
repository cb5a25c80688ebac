// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/piece_model.h"

#include "engine/tokenizer/bpe_model.h"
#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/tokenizer_fields.h"
#include "engine/tokenizer/unigram_model.h"

namespace caravan::engine {

std::unique_ptr<PieceModel> PieceModel::fromJson(const nlohmann::json& json, const std::string& place) {
    const TokenizerFields fields(json, place);
    const std::string type = fields.textOr("type", "BPE");
    if (type == "BPE") return std::make_unique<BpeModel>(json, place);
    if (type == "Unigram") return std::make_unique<UnigramModel>(json, place);
    refuseType(fields.place("type"), type);
}

std::optional<TokenId> PieceModel::idOf(std::string_view entry) const {
    const auto it = m_ids.find(entry);
    return it == m_ids.end() ? std::nullopt : std::optional(it->second);
}

const std::string* PieceModel::entry(TokenId id) const {
    const auto index = static_cast<std::size_t>(id);
    return id >= 0 && index < m_entries.size() && m_used[index] ? &m_entries[index] : nullptr;
}

bool PieceModel::addEntry(const std::string& entry, TokenId id) {
    const auto index = static_cast<std::size_t>(id);
    if (m_entries.size() <= index) {
        m_entries.resize(index + 1);
        m_used.resize(index + 1);
    }
    if (m_used[index]) return false;
    m_used[index] = true;
    m_entries[index] = entry;
    m_ids.insert_or_assign(entry, id);
    return true;
}

bool PieceModel::addBytes(std::string_view characters, std::vector<TokenId>& out) const {
    const std::size_t before = out.size();
    for (const char byte : characters) {
        const auto id = idOf(bytePieceName(static_cast<unsigned char>(byte)));
        if (!id) {
            out.resize(before);
            return false;
        }
        out.push_back(*id);
    }
    return true;
}

}  // namespace caravan::engine
