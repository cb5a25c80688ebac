// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/prompt.h"

namespace caravan::engine::generate {

std::vector<TokenId> rawPrompt(const Tokenizer& tokenizer, std::string_view text) {
    std::vector<TokenId> ids = tokenizer.encode(text);
    if (const auto bos = tokenizer.bosId()) ids.insert(ids.begin(), *bos);
    return ids;
}

}  // namespace caravan::engine::generate
