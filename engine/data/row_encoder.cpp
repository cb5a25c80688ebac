// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/row_encoder.h"

#include <algorithm>

#include "engine/tokenizer/pesc_form.h"

namespace caravan::engine {
namespace {

void append(EncodedRow& row, const std::vector<TokenId>& ids, bool trained) {
    row.ids.insert(row.ids.end(), ids.begin(), ids.end());
    row.trained.insert(row.trained.end(), ids.size(), trained ? 1 : 0);
}

}  // namespace

TokenId eosOf(const Tokenizer& tokenizer) {
    const auto eos = tokenizer.eosId();
    if (!eos)
        throw EngineException(ErrorCode::ModelUnsupported,
                              {{"file", "the tokenizer"},
                               {"detail", "no end-of-text token is named, so that no answer could be ended"},
                               {"supported", "tokenizers with an eos token"}});
    return *eos;
}

EncodedRow encodeRow(const Tokenizer& tokenizer, const DataRow& row, std::int64_t sequenceLength) {
    const TokenId eos = eosOf(tokenizer);
    EncodedRow encoded;
    if (const auto bos = tokenizer.bosId()) append(encoded, {*bos}, false);
    for (std::size_t i = 0; i < row.turns.size(); ++i) {
        append(encoded, tokenizer.encode(pescPrompt(row.system, row.turns[i].prompt, i == 0)), false);
        append(encoded, tokenizer.encode(row.turns[i].answer), true);
        append(encoded, {eos}, true);
    }
    encoded.fullLength = static_cast<std::int64_t>(encoded.ids.size());
    const auto kept = static_cast<std::size_t>(std::min(encoded.fullLength, sequenceLength));
    const auto countTrained = [&](std::size_t from, std::size_t to) {
        return std::count(encoded.trained.begin() + static_cast<std::ptrdiff_t>(from),
                          encoded.trained.begin() + static_cast<std::ptrdiff_t>(to), 1);
    };
    encoded.answerTokens = countTrained(0, kept);
    encoded.answerTokensLost = countTrained(kept, encoded.trained.size());
    encoded.ids.resize(kept);
    encoded.trained.resize(kept);
    return encoded;
}

}  // namespace caravan::engine
