// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/ids.h"
#include "engine/api/result.h"

namespace caravan::engine {

// Bytes [begin, end) of a text.
struct TextRange {
    std::size_t begin = 0, end = 0;
    friend bool operator==(const TextRange&, const TextRange&) = default;
};

struct EncodeOptions {
    // false: special tokens' names are plain text (training data, chat content). true: they become their ids
    // (text that a chat template wrote, tokenizer.json's own habit). Added tokens that are not special
    // ("<tool_call>") and SentencePiece's user-defined pieces belong to the vocabulary and are always
    // recognised.
    bool parseSpecials = false;
    // With parseSpecials: ranges that a person wrote, ascending; no special token is recognised that touches
    // one.
    std::span<const TextRange> plain = {};
};
struct DecodeOptions {
    bool skipSpecials = false;  // leave out special tokens (SentencePiece never shows its control pieces)
};

// Text to ids and back. Immutable after loading; every method may be called from any thread at once and does
// not block. Input is UTF-8; bytes that are not are read as U+FFFD.
class Tokenizer {
  public:
    virtual ~Tokenizer() = default;
    // No bos or eos is added: callers put bosId() and eosId() where they belong.
    [[nodiscard]] virtual std::vector<TokenId> encode(std::string_view text,
                                                      const EncodeOptions& options = {}) const = 0;
    // Ids outside of the vocabulary are skipped.
    [[nodiscard]] virtual std::string decode(std::span<const TokenId> ids,
                                             const DecodeOptions& options = {}) const = 0;
    // The bytes that one token adds inside running text: leading spaces kept, possibly part of a character;
    // specials give their name (SentencePiece's control pieces: nothing).
    [[nodiscard]] virtual std::string piece(TokenId id) const = 0;
    // For display: valid UTF-8, special tokens by name, lone bytes as "<0xE2>", line feeds and tabs as they
    // are.
    [[nodiscard]] virtual std::string pieceName(TokenId id) const = 0;

    [[nodiscard]] virtual std::size_t vocabularySize() const = 0;  // ids are below it
    [[nodiscard]] virtual bool isSpecial(
        TokenId id) const = 0;  // control, bos, eos, pad, unk, special added tokens
    [[nodiscard]] virtual std::optional<TokenId> idOf(
        std::string_view pieceText) const = 0;               // by vocabulary entry
    [[nodiscard]] virtual std::string describe() const = 0;  // "SentencePiece BPE, 32,000 pieces"
    // What the command line does with names of special tokens in a text: tokenizer.json parses, .model does
    // not.
    [[nodiscard]] virtual bool parsesSpecialsByDefault() const = 0;

    // nullopt: the tokenizer has none (Qwen2 has no bos).
    [[nodiscard]] std::optional<TokenId> bosId() const { return m_specials.bos; }
    [[nodiscard]] std::optional<TokenId> eosId() const {
        return m_specials.eos;
    }  // what ends an answer in training data
    [[nodiscard]] std::optional<TokenId> padId() const { return m_specials.pad; }
    [[nodiscard]] std::optional<TokenId> unkId() const { return m_specials.unk; }
    // Generation ends at any of these: generation_config's eos list and eosId(). No duplicates.
    [[nodiscard]] const std::vector<TokenId>& eosIds() const { return m_specials.stops; }
    // Whether the tokenizer's own files put bos before a text.
    [[nodiscard]] bool addsBos() const { return m_specials.addsBos; }

    struct Specials {
        std::optional<TokenId> bos, eos, pad, unk;
        std::vector<TokenId> stops;
        bool addsBos = false;
    };
    void setSpecials(Specials specials) { m_specials = std::move(specials); }  // while loading only

  private:
    Specials m_specials;
};

// A model folder, or one tokenizer file (tokenizer.json, *.model), or a folder with vocab.json and
// merges.txt. In a folder tokenizer.json goes before tokenizer.model (or sentencepiece.model), then
// vocab.json + merges.txt. Reads tokenizer_config.json, special_tokens_map.json, generation_config.json and
// config.json beside it for bos, eos and the stop list. Errors: FileMissing, FileBad (file, place, detail),
// Unsupported.
[[nodiscard]] Result<std::unique_ptr<Tokenizer>> loadTokenizer(const std::filesystem::path& path);

// Turns a stream of ids into text that is cut at whole characters only.
class StreamDecoder {
  public:
    // atStart: the ids begin a text, so a SentencePiece prefix space is dropped, as decode() does. The
    // tokenizer must outlive the decoder.
    explicit StreamDecoder(const Tokenizer& tokenizer, bool atStart = true, DecodeOptions options = {});
    // The text that became complete with this token (may be empty).
    [[nodiscard]] std::string feed(TokenId id);
    // What is left: an unfinished character becomes U+FFFD.
    [[nodiscard]] std::string finish();

  private:
    const Tokenizer* m_tokenizer;
    DecodeOptions m_options;
    bool m_atStart;
    std::string m_pending;
    std::vector<TokenId> m_startIds;  // fed while nothing was shown yet
};

}  // namespace caravan::engine
