// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/data/data_row.h"
#include "engine/tokenizer/chat_template.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {

// A row as ids (cli.md, "Text to ids"): the conversation as the template writes it, every assistant turn
// trained, cut to the sequence length. Plain text: bos, the text, eos, all but bos trained.
struct EncodedRow {
    std::vector<TokenId> ids;
    std::vector<std::uint8_t> trained;  // 1: loss is taken on this token (answer and what ends it)
    std::int64_t fullLength = 0;        // before the cut
    std::int64_t answerTokens = 0;      // trained tokens left; 0: nothing can be learned from the row
    std::int64_t answerTokensLost = 0;  // trained tokens cut away
    std::string refusal;                // why the row cannot be used, or ""
};

struct EncodeSettings {
    ChatTemplate chat = ChatTemplate::pesc();
    std::int64_t sequenceLength = 2048;
    LongRows longRows = LongRows::Cut;
};

// Special tokens' names in a row are plain text. tokenizer must have an eos (eosOf throws).
[[nodiscard]] EncodedRow encodeRow(const Tokenizer& tokenizer, const DataRow& row,
                                   const EncodeSettings& settings);
// By the PESC form, longer rows cut.
[[nodiscard]] EncodedRow encodeRow(const Tokenizer& tokenizer, const DataRow& row,
                                   std::int64_t sequenceLength);
// The id that ends an answer, or EngineException (ModelUnsupported): training without one teaches no end.
[[nodiscard]] TokenId eosOf(const Tokenizer& tokenizer);
// The row as messages: the system text if there is one, then user and assistant in turn.
[[nodiscard]] std::vector<ChatMessage> messagesOf(const DataRow& row);

}  // namespace caravan::engine
