// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::generate {

// --raw: bos where the tokenizer has one, then the text; names of special tokens are text.
[[nodiscard]] std::vector<TokenId> rawPrompt(const Tokenizer& tokenizer, std::string_view text);

}  // namespace caravan::engine::generate
