// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/api/ids.h"

namespace caravan::engine {

// The model part of tokenizer.json: entries with their ids, and how a word becomes ids. Immutable after
// loading.
class PieceModel {
  public:
    // By its "type": BPE (also where none is said) or Unigram. Throws EngineException (FileBad with the key).
    [[nodiscard]] static std::unique_ptr<PieceModel> fromJson(const nlohmann::json& json,
                                                              const std::string& place);
    virtual ~PieceModel() = default;

    // Ids of one word, appended.
    virtual void encode(std::string_view word, std::vector<TokenId>& out) const = 0;
    [[nodiscard]] virtual const char* kind() const = 0;  // as describe() tells it
    [[nodiscard]] std::optional<TokenId> idOf(std::string_view entry) const;
    [[nodiscard]] const std::string* entry(TokenId id) const;            // nullptr: no such id
    [[nodiscard]] std::size_t size() const { return m_entries.size(); }  // ids are below it
    [[nodiscard]] std::size_t entryCount() const { return m_ids.size(); }
    [[nodiscard]] std::optional<TokenId> unknownId() const { return m_unknown; }

  protected:
    static constexpr std::int64_t kMaxId = 1 << 22;

    void reserve(std::size_t entries) { m_ids.reserve(entries); }
    // False: the id is in use. An entry that is there already keeps both ids and is found by the later one.
    [[nodiscard]] bool addEntry(const std::string& entry, TokenId id);
    // The ids of a character's bytes, appended; false and nothing if one has no entry.
    [[nodiscard]] bool addBytes(std::string_view characters, std::vector<TokenId>& out) const;

    std::optional<TokenId> m_unknown;

  private:
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    std::unordered_map<std::string, TokenId, TextHash, std::equal_to<>> m_ids;
    std::vector<std::string> m_entries;  // by id; empty where an id is not used
    std::vector<bool> m_used;
};

}  // namespace caravan::engine
