// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/row_encoder.h"

#include <fmt/format.h>

#include <algorithm>

namespace caravan::engine {
namespace {

MaskedChat completion(const Tokenizer& tokenizer, const std::string& text, TokenId eos) {
    MaskedChat chat;
    if (const auto bos = tokenizer.bosId()) chat.ids.push_back(*bos);
    chat.trained.assign(chat.ids.size(), 0);
    const auto ids = tokenizer.encode(text);
    chat.ids.insert(chat.ids.end(), ids.begin(), ids.end());
    chat.ids.push_back(eos);
    chat.trained.resize(chat.ids.size(), 1);
    chat.turnEnds.push_back(chat.ids.size());
    return chat;
}

// Tokens that are kept of a conversation longer than the limit.
std::size_t keptOf(const MaskedChat& chat, std::size_t limit, LongRows rule) {
    if (chat.ids.size() <= limit) return chat.ids.size();
    if (rule == LongRows::Turns)
        for (auto end = chat.turnEnds.rbegin(); end != chat.turnEnds.rend(); ++end)
            if (*end <= limit) return *end;
    return limit;  // not even the first turn fits: its end is cut
}

EncodedRow refused(std::string why) {
    EncodedRow row;
    row.refusal = std::move(why);
    return row;
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

std::vector<ChatMessage> messagesOf(const DataRow& row) {
    std::vector<ChatMessage> messages;
    if (!row.system.empty()) messages.push_back({"system", row.system});
    for (const DataTurn& turn : row.turns) {
        messages.push_back({"user", turn.prompt});
        messages.push_back({"assistant", turn.answer});
    }
    return messages;
}

EncodedRow encodeRow(const Tokenizer& tokenizer, const DataRow& row, const EncodeSettings& settings) {
    const TokenId eos = eosOf(tokenizer);
    MaskedChat chat;
    if (row.completion) {
        chat = completion(tokenizer, row.turns.front().answer, eos);
    } else {
        auto made = settings.chat.encodeMasked(tokenizer, messagesOf(row));
        if (!made) return refused(std::string(made.error().parameter("detail")));
        chat = std::move(*made);
    }
    const auto limit = static_cast<std::size_t>(settings.sequenceLength);
    if (settings.longRows == LongRows::Drop && chat.ids.size() > limit) {
        EncodedRow dropped = refused(fmt::format("{} tokens, the limit is {}", chat.ids.size(), limit));
        dropped.fullLength = static_cast<std::int64_t>(chat.ids.size());
        dropped.answerTokensLost = std::count(chat.trained.begin(), chat.trained.end(), 1);
        return dropped;
    }
    const std::size_t kept = keptOf(chat, limit, settings.longRows);
    const auto cut = chat.trained.begin() + static_cast<std::ptrdiff_t>(kept);
    EncodedRow encoded;
    encoded.fullLength = static_cast<std::int64_t>(chat.ids.size());
    encoded.answerTokens = std::count(chat.trained.begin(), cut, 1);
    encoded.answerTokensLost = std::count(cut, chat.trained.end(), 1);
    chat.ids.resize(kept);
    chat.trained.resize(kept);
    encoded.ids = std::move(chat.ids);
    encoded.trained = std::move(chat.trained);
    return encoded;
}

EncodedRow encodeRow(const Tokenizer& tokenizer, const DataRow& row, std::int64_t sequenceLength) {
    return encodeRow(tokenizer, row, EncodeSettings{.sequenceLength = sequenceLength});
}

}  // namespace caravan::engine
