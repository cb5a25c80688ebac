// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/data_row.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {

// A row as ids (cli.md, "Text to ids"): bos once, then per turn prompt ids, answer ids encoded on their own,
// eos; cut to the sequence length. A second turn's prompt begins with a line feed.
struct EncodedRow {
    std::vector<TokenId> ids;
    std::vector<std::uint8_t> trained;  // 1: loss is taken on this token (answer and eos)
    std::int64_t fullLength = 0;        // before the cut
    std::int64_t answerTokens = 0;      // trained tokens left
    std::int64_t answerTokensLost = 0;  // trained tokens cut away
};

// Special tokens' names in a row are plain text. tokenizer must have an eos (eosOf throws).
[[nodiscard]] EncodedRow encodeRow(const Tokenizer& tokenizer, const DataRow& row,
                                   std::int64_t sequenceLength);
// The id that ends an answer, or EngineException (ModelUnsupported): training without one teaches no end.
[[nodiscard]] TokenId eosOf(const Tokenizer& tokenizer);

}  // namespace caravan::engine
